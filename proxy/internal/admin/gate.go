package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// gate lets only the server's owner through.
type gate struct {
	pages        *http.ServeMux
	token        [sha256.Size]byte // hashed, so that a comparison does not tell its length
	tokens       bool              // whether there is one
	certificates bool
}

func newGate(o *Options, pages *http.ServeMux) *gate {
	return &gate{pages: pages, token: sha256.Sum256([]byte(o.Token)), tokens: o.Token != "", certificates: o.ClientCertificates}
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	switch {
	case g.tokens || g.certificates:
		if !g.knows(r) {
			if g.tokens {
				h.Set("WWW-Authenticate", `Bearer realm="clerkgate admin"`)
			}
			answer.RefuseJSON(w, http.StatusUnauthorized, "unauthorized", g.wanted())
			return
		}
	case !g.has(r): // it says so, to anybody
	case !isLocal(r):
		answer.RefuseJSON(w, http.StatusForbidden, "not_local",
			"Without CLERKGATE_ADMIN_TOKEN, these pages are only for this machine, at a loopback address or a Unix socket.")
		return
	case !isLocalHost(r):
		answer.RefuseJSON(w, http.StatusMisdirectedRequest, "host_not_local", "Ask by a loopback address or localhost, not by another name.")
		return
	}
	g.pages.ServeHTTP(w, r)
}

// knows reports whether a request has a credential that counts.
func (g *gate) knows(r *http.Request) bool {
	if g.certificates && r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		return true
	}
	lines := r.Header["Authorization"]
	if !g.tokens || len(lines) != 1 {
		return false
	}
	scheme, token, _ := strings.Cut(lines[0], " ")
	sent := sha256.Sum256([]byte(strings.TrimLeft(token, " ")))
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(sent[:], g.token[:]) == 1
}

// has reports whether there is a page for a request.
func (g *gate) has(r *http.Request) bool {
	_, pattern := g.pages.Handler(r)
	return pattern != ""
}

// wanted says what was missing.
func (g *gate) wanted() string {
	switch {
	case !g.certificates:
		return "The token of CLERKGATE_ADMIN_TOKEN is missing or wrong: Authorization: Bearer …"
	case !g.tokens:
		return "A client certificate of an authority in CLERKGATE_ADMIN_CLIENT_CA_FILE is missing."
	}
	return "Neither the token of CLERKGATE_ADMIN_TOKEN nor a client certificate was sent."
}

// isLocal reports whether a request came over a connection that other machines cannot make.
func isLocal(r *http.Request) bool {
	switch at := r.Context().Value(http.LocalAddrContextKey).(type) {
	case *net.UnixAddr:
		return true
	case *net.TCPAddr:
		return at.IP.IsLoopback()
	}
	return false
}

// isLocalHost reports whether a request names a loopback address as its host. No browser can
// ask over a Unix socket.
func isLocalHost(r *http.Request) bool {
	if _, unix := r.Context().Value(http.LocalAddrContextKey).(*net.UnixAddr); unix {
		return true
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}

// isOfBrowser reports whether a browser sent the header of a request that may change
// something: browsers have added Origin to each of those since 2020, and a page cannot
// remove it.
func isOfBrowser(h http.Header) bool {
	return len(h["Origin"]) > 0 || len(h["Sec-Fetch-Site"]) > 0
}
