package clerkapi

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// PublishableKey is what a publishable key says. It is no secret: every page of the application shows it.
type PublishableKey struct {
	// Production tells a production instance (pk_live_) from a development instance (pk_test_).
	Production bool
	// FrontendAPI is the host of the instance's Frontend API, such as "clerk.example.com". It has a port only where
	// the key names one, which Clerk's own keys never do.
	FrontendAPI string
}

// What can be wrong with a publishable key. The texts complete the sentence "the publishable key …".
var (
	errKeyPrefix  = errors.New("must begin with pk_test_ or pk_live_")
	errKeyParts   = errors.New("must be pk_test_ or pk_live_ and one part of base64")
	errKeyBase64  = errors.New("the part behind pk_test_ or pk_live_ is not base64; was it cut short?")
	errKeyDecoded = errors.New("must hold a host with a dot, ended by one $; copy the key from the Clerk dashboard again")
)

// ParsePublishableKey reads a publishable key: pk_test_ or pk_live_, and the base64 of the Frontend API's host and one
// "$", with or without its padding. It takes what Clerk's JavaScript SDK takes (parsePublishableKey of @clerk/shared),
// but for two kinds of key that no dashboard issues: those with white space, which the SDK decodes without it but
// hashes with it, so that two sides would disagree on the names of cookies; and those whose decoded text cannot be
// the host of a URL.
//
// The error completes the sentence "the publishable key …" and does not quote the key.
func ParsePublishableKey(key string) (PublishableKey, error) {
	production := strings.HasPrefix(key, "pk_live_")
	if !production && !strings.HasPrefix(key, "pk_test_") {
		return PublishableKey{}, errKeyPrefix
	}
	parts := strings.Split(key, "_")
	if len(parts) != 3 || parts[2] == "" {
		return PublishableKey{}, errKeyParts
	}
	decoded, ok := decodeKey(parts[2])
	if !ok {
		return PublishableKey{}, errKeyBase64
	}
	host, ended := strings.CutSuffix(decoded, "$")
	if !ended || !strings.Contains(host, ".") || !isURLHost(host) {
		return PublishableKey{}, errKeyDecoded
	}
	return PublishableKey{Production: production, FrontendAPI: host}, nil
}

// decodeKey takes padding as JavaScript's atob does: all of it or none.
func decodeKey(encoded string) (string, bool) {
	if strings.ContainsAny(encoded, "\r\n") { // which the decoders below skip
		return "", false
	}
	encoding := base64.RawStdEncoding
	if strings.HasSuffix(encoded, "=") {
		encoding = base64.StdEncoding
	}
	decoded, err := encoding.DecodeString(encoded)
	return string(decoded), err == nil
}

// isURLHost says whether host can stand in a URL as it is. "$" could, but in a key it is the end mark.
func isURLHost(host string) bool {
	if !headerSafe(host) || strings.Contains(host, "$") {
		return false
	}
	u, err := url.Parse("https://" + host)
	if err != nil || u.Host != host || u.Hostname() == "" {
		return false
	}
	if port := u.Port(); port != "" || strings.HasSuffix(host, ":") {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	return err == nil
}
