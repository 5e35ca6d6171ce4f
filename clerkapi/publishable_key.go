package clerkapi

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// PublishableKey is a parsed publishable key. The key is not a secret: every page of the application contains it.
type PublishableKey struct {
	// Production is true for a production instance (pk_live_), false for a development instance (pk_test_).
	Production bool
	// FrontendAPI is the host of the instance's Frontend API, such as "clerk.example.com". It has a port only if the
	// key has one, which Clerk's own keys never do.
	FrontendAPI string
}

// Errors of ParsePublishableKey. They complete the sentence "the publishable key …".
var (
	errKeyPrefix  = errors.New("must begin with pk_test_ or pk_live_")
	errKeyParts   = errors.New("must be pk_test_ or pk_live_ and one part of base64")
	errKeyBase64  = errors.New("must continue with base64 after pk_test_ or pk_live_; was it cut short?")
	errKeyDecoded = errors.New("must hold a host with a dot, ended by one $; copy the key from the Clerk dashboard again")
)

// ParsePublishableKey parses a publishable key: pk_test_ or pk_live_, followed by the base64 of the Frontend API's host
// and "$", with or without padding. It accepts the keys that Clerk's JavaScript SDK accepts (parsePublishableKey of
// @clerk/shared), except for two kinds that the dashboard never issues: keys with white space, which the SDK ignores
// when it decodes them but includes when it computes the suffix of cookie names, and keys whose decoded text cannot be
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

// decodeKey decodes base64 with full padding or none, like JavaScript's atob.
func decodeKey(encoded string) (string, bool) {
	if strings.ContainsAny(encoded, "\r\n") { // the decoders below skip these
		return "", false
	}
	encoding := base64.RawStdEncoding
	if strings.HasSuffix(encoded, "=") {
		encoding = base64.StdEncoding
	}
	decoded, err := encoding.DecodeString(encoded)
	return string(decoded), err == nil
}

// isURLHost reports whether host can be the host of a URL as it is. "$" could, but in a key it marks the end.
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
