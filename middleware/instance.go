package middleware

import (
	"crypto/sha1" //nolint:gosec // the cookie suffix is defined by SHA-1; nothing depends on its strength
	"encoding/base64"
	"strings"

	"github.com/clerkgate/clerkgate/clerkapi"
)

// instance is what the publishable key and the options say about where tokens,
// cookies and redirects of this Clerk application belong. It is fixed at start.
type instance struct {
	production bool
	// keyHost is the Frontend API's host inside the publishable key.
	keyHost string
	// issuerHost decides which tokens belong to this instance; it differs from
	// keyHost on a production satellite.
	issuerHost string
	// frontendAPI is where browsers reach the Frontend API: a host, an absolute
	// URL, or "" when proxyPath must be resolved on each request's origin.
	frontendAPI string
	proxyPath   string
	suffix      string
	names       cookieNames
}

// isKnown is false for the zero instance, whose publishable key could not be read.
func (in *instance) isKnown() bool { return in.keyHost != "" }

// cookieSuffix is the first 8 characters of the URL-safe base64 of the SHA-1 of
// the publishable key exactly as given.
func cookieSuffix(publishableKey string) string {
	sum := sha1.Sum([]byte(publishableKey)) //nolint:gosec // see the import
	return base64.URLEncoding.EncodeToString(sum[:])[:8]
}

func newInstance(o *Options) (instance, error) {
	key, err := clerkapi.ParsePublishableKey(o.PublishableKey)
	if err != nil {
		return instance{}, err
	}
	in := instance{production: key.Production, keyHost: key.FrontendAPI, issuerHost: key.FrontendAPI, suffix: cookieSuffix(o.PublishableKey)}
	in.names = newCookieNames(in.suffix)
	if in.production && o.IsSatellite && o.Domain != "" {
		in.issuerHost = "clerk." + o.Domain
	}
	switch {
	case strings.HasPrefix(o.ProxyURL, "/"):
		in.proxyPath = o.ProxyURL
	case o.ProxyURL != "":
		in.frontendAPI = o.ProxyURL
	default:
		in.frontendAPI = in.issuerHost
	}
	return in, nil
}

// accountPortal is the origin of Clerk's hosted pages for a Frontend API host.
func accountPortal(frontendAPI string) string {
	s := strings.Replace(frontendAPI, "clerk.accountsstage.", "accountsstage.", 1)
	i, j := strings.Index(s, "clerk.accounts."), strings.Index(s, "clerk.")
	switch {
	case i >= 0 && i <= j:
		s = s[:i] + "accounts." + s[i+len("clerk.accounts."):]
	case j >= 0:
		s = s[:j] + "accounts." + s[j+len("clerk."):]
	}
	return "https://" + s
}

// isDevelopmentPortal reports whether host is the account portal of a development
// instance. Anybody can create one, so it is trusted in development only.
func isDevelopmentPortal(host string) bool {
	if strings.HasPrefix(host, "accounts.") {
		for _, suffix := range [...]string{".lcl.dev", ".lclstage.dev", ".lclclerk.com"} {
			if strings.HasSuffix(host, suffix) {
				return true
			}
		}
	}
	for _, suffix := range [...]string{".accounts.dev", ".accountsstage.dev", ".accounts.lclclerk.com"} {
		if strings.HasSuffix(host, suffix) && !strings.HasSuffix(host, ".clerk"+suffix) {
			return true
		}
	}
	return false
}
