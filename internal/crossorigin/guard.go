package crossorigin

import (
	"fmt"
	"net/http"
	"strings"
)

// Guard refuses requests that another site's page makes with the user's cookies.
// It never changes; any number of goroutines may use it.
type Guard struct{ trusted origins }

// NewGuard makes a guard that lets pages of the trusted origins act as well, such
// as "https://admin.example.com". They are exact: no wildcard, no "null". The
// error names every entry that is none, with what to write instead.
func NewGuard(trustedOrigins []string) (*Guard, error) {
	trusted, err := parseExact(trustedOrigins)
	if err != nil {
		return nil, fmt.Errorf("trusted origins: %w", err)
	}
	return &Guard{trusted: trusted}, nil
}

// Allows reports whether a cookie may authenticate r. publicOrigin is scheme,
// host and port under which browsers reach this server; if it is no origin, none
// equals it.
//
// GET, HEAD, OPTIONS and TRACE pass, since they change nothing, but for the
// opening of a WebSocket. For everything else Sec-Fetch-Site decides, and without
// it Origin. A request without both passes: it comes from a program, whose
// cookies nobody can borrow, or from the site itself, because browsers that still
// work today (since 2020) send Origin with each unsafe request across sites. What
// is doubled or malformed did not come from a browser as such and is refused.
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
			// Origin may be "null" here: a page with Referrer-Policy: no-referrer
			// posts its own forms so. A sandboxed frame's is cross-site.
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

// Concerns reports whether Allows has anything to look at: it is false for requests
// that pass for their method alone.
func (g *Guard) Concerns(r *http.Request) bool { return !isSafe(r) }

// isSafe reports whether the request cannot change anything by its method, of
// which there is no other spelling, nor open a WebSocket.
func isSafe(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return !opensWebSocket(r.Header["Upgrade"])
	}
	return false // CONNECT opens one too, over HTTP/2
}

// opensWebSocket looks for websocket in the list of protocols, however a server
// behind us may spell or version it.
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

// pageOrigin is what Origin says: nothing, "null" (neither absent nor known) or
// an origin.
type pageOrigin struct {
	absent, known bool
	origin        origin
}

// sender reads the lines of Origin; ok is false for what no browser sends.
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
