package crossorigin

import (
	"fmt"
	"net/http"
	"strings"
)

// Guard refuses requests that another site's page makes with the user's cookies. It is
// immutable, and safe for concurrent use.
type Guard struct{ trusted origins }

// NewGuard returns a guard that also allows pages of the trusted origins, such as
// "https://admin.example.com". They are exact: no wildcard, no "null". The error lists
// every invalid entry, with what to write instead.
func NewGuard(trustedOrigins []string) (*Guard, error) {
	trusted, err := parseExact(trustedOrigins)
	if err != nil {
		return nil, fmt.Errorf("trusted origins: %w", err)
	}
	return &Guard{trusted: trusted}, nil
}

// Allows reports whether a cookie may authenticate r. publicOrigin is the scheme, host
// and port at which browsers reach this server; if it is invalid, no origin equals it.
//
// GET, HEAD, OPTIONS and TRACE are allowed, since they change nothing, unless they open
// a WebSocket. For all other requests Sec-Fetch-Site decides, and in its absence Origin.
// A request with neither is allowed: it comes from a program, whose cookies no page can
// use, or from the site itself, because browsers have sent Origin with every unsafe
// cross-site request since 2020. A request with repeated or malformed headers does not
// come from a browser and is refused.
func (g *Guard) Allows(r *http.Request, publicOrigin string) bool {
	if isSafe(r) {
		return true
	}
	site, sites := r.Header["Sec-Fetch-Site"], len(r.Header["Sec-Fetch-Site"])
	from, ok := sender(r.Header["Origin"])
	if !ok || sites > 1 {
		return false
	}
	if sites == 1 {
		switch site[0] {
		case "same-origin", "none":
			// Origin may be "null": that is how a page with Referrer-Policy: no-referrer
			// posts its own forms. A sandboxed frame's request is cross-site.
			return true
		case "same-site", "cross-site":
			return from.known && g.trusted.has(from.origin)
		}
		return false
	}
	switch {
	case from.absent:
		return true
	case !from.known: // "null"
		return false
	case g.trusted.has(from.origin):
		return true
	}
	public, ok := parseOrigin(publicOrigin)
	return ok && from.origin == public
}

// Concerns reports whether r needs to be checked with [Guard.Allows]. It is false for
// requests that are allowed because of their method.
func (g *Guard) Concerns(r *http.Request) bool { return !isSafe(r) }

// isSafe reports whether the method changes nothing and the request does not open a
// WebSocket. Methods are compared exactly, as servers do.
func isSafe(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return !opensWebSocket(r.Header["Upgrade"])
	}
	return false // CONNECT too: over HTTP/2 it opens WebSockets
}

// opensWebSocket reports whether the list of protocols has websocket, in any spelling
// and version that an upstream may accept.
func opensWebSocket(upgrade []string) bool {
	for _, line := range upgrade {
		for protocol := range strings.SplitSeq(line, ",") {
			name, _, _ := strings.Cut(strings.Trim(protocol, " \t"), "/")
			if strings.EqualFold(strings.TrimSpace(name), "websocket") {
				return true
			}
		}
	}
	return false
}

// pageOrigin is the value of Origin: absent, an origin (known), or "null" (neither).
type pageOrigin struct {
	absent, known bool
	origin        origin
}

// sender reads the values of Origin; ok is false for values that no browser sends.
func sender(lines []string) (p pageOrigin, ok bool) {
	switch {
	case len(lines) == 0:
		return pageOrigin{absent: true}, true
	case len(lines) > 1:
		return pageOrigin{}, false
	case lines[0] == "null":
		return pageOrigin{}, true
	}
	o, ok := parseOrigin(lines[0])
	return pageOrigin{known: ok, origin: o}, ok
}
