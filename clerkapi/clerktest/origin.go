package clerktest

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// publicBase returns the URL of this Frontend API for browsers: the Clerk-Proxy-Url of the application's proxy, or else
// the address that the request was sent to. As with Clerk, the header requires the instance's secret key: otherwise
// anybody could choose the origin that a handshake is sent to.
func (c *Clerk) publicBase(r *http.Request) (*url.URL, error) {
	proxied := r.Header.Get("Clerk-Proxy-Url")
	if proxied == "" {
		base := &url.URL{Scheme: "http", Host: r.Host, Path: "/"}
		if r.TLS != nil {
			base.Scheme = "https"
		}
		return base, nil
	}
	if !equalSecret(r.Header.Get("Clerk-Secret-Key"), c.secretKey) {
		return nil, refuse(http.StatusUnauthorized, "clerk_key_invalid",
			"Clerk-Proxy-Url needs the instance's secret key in Clerk-Secret-Key")
	}
	base, err := parseWebURL(proxied)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "invalid_proxy_url", "Clerk-Proxy-Url must be an absolute http(s) URL")
	}
	return base, nil
}

// parseWebURL accepts absolute http and https URLs that all parsers read alike: browsers replace a backslash with a
// slash and skip tabs and newlines, so that "http://good\@evil" or "ht\ntp:" may lead elsewhere than it seems.
func parseWebURL(raw string) (*url.URL, error) {
	for _, r := range raw {
		if r <= ' ' || r == 0x7f || r == '\\' {
			return nil, errors.New("url has a forbidden character")
		}
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("url does not parse") // the cause would repeat the URL, which may contain a token
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil || u.Opaque != "" {
		return nil, errors.New("url is not an absolute http(s) URL")
	}
	return u, nil
}

// allowedURL parses a URL that a browser may be redirected to.
func (c *Clerk) allowedURL(raw string, base *url.URL, r *http.Request) (*url.URL, error) {
	u, err := parseWebURL(raw)
	if err != nil {
		return nil, err
	}
	if !c.allowedOrigin(u, base, r) {
		return nil, errors.New("origin does not belong to the application")
	}
	return u, nil
}

// allowedOrigin reports whether u belongs to the application: the proxy's own origin, a configured one, in development
// any loopback host, in production the instance's domain over https. Without a proxy, the Host header is not trusted.
func (c *Clerk) allowedOrigin(u, base *url.URL, r *http.Request) bool {
	origin := originOf(u)
	if r.Header.Get("Clerk-Proxy-Url") != "" && origin == originOf(base) {
		return true
	}
	if slices.ContainsFunc(c.allowedOrigins, func(allowed string) bool {
		a, err := parseWebURL(allowed)
		return err == nil && originOf(a) == origin
	}) {
		return true
	}
	if c.production {
		return u.Scheme == "https" && onDomain(u.Hostname())
	}
	return isLoopback(u.Hostname())
}

// originOf returns scheme, host and port in the form of an Origin header: in lower case, without a default port.
func originOf(u *url.URL) string {
	host := strings.ToLower(u.Hostname())
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	port := u.Port()
	if port == "" || (u.Scheme == "http" && port == "80") || (u.Scheme == "https" && port == "443") {
		return u.Scheme + "://" + host
	}
	return u.Scheme + "://" + host + ":" + port
}

// callerOrigin returns the azp for tokens of the Frontend API: the page's Origin or, if the browser sent none
// (same-origin GET), this API's own public origin.
func callerOrigin(r *http.Request, base *url.URL) string {
	if origin := r.Header.Get("Origin"); origin != "" && origin != "null" {
		return origin
	}
	return originOf(base)
}

// checkOrigin refuses calls from pages of other sites, and sets the CORS headers for the application's pages.
func (c *Clerk) checkOrigin(w http.ResponseWriter, r *http.Request, base *url.URL) error {
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	u, err := parseWebURL(origin)
	if err != nil || (originOf(u) != originOf(base) && !c.allowedOrigin(u, base, r)) {
		return refuse(http.StatusBadRequest, "origin_invalid", "this Origin does not belong to the application")
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Allow-Credentials", "true")
	w.Header().Set("Access-Control-Expose-Headers", "Clerk-Db-Jwt, Retry-After")
	return nil
}

func isLoopback(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// onDomain reports whether host is the production instance's domain or a subdomain of it. A comparison of the suffix
// alone would allow evilexample.com.
func onDomain(host string) bool {
	host = strings.ToLower(host)
	return host == productionDomain || strings.HasSuffix(host, "."+productionDomain)
}

// withParam returns u with one query parameter set, without rewriting the rest of the query.
func withParam(u *url.URL, name, value string) string {
	var kept []string
	for _, pair := range strings.Split(u.RawQuery, "&") {
		key, _, _ := strings.Cut(pair, "=")
		if decoded, err := url.QueryUnescape(key); pair != "" && (err != nil || decoded != name) {
			kept = append(kept, pair)
		}
	}
	with := *u
	with.RawQuery = strings.Join(append(kept, url.QueryEscape(name)+"="+url.QueryEscape(value)), "&")
	return with.String()
}

// equalSecret compares in constant time.
func equalSecret(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
