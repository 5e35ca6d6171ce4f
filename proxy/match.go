package proxy

import (
	"errors"
	"net/http"
	"strings"

	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/urlpath"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// match finds the rule for r and stores it in ps. If there is none, it responds and returns
// false. The request that it returns has the path that was judged.
func (s *site) match(w http.ResponseWriter, r *http.Request, ps *passage) (*http.Request, bool) {
	if s.table == nil {
		if !strings.HasPrefix(ps.path, "/") { // "*"
			refuseAmbiguous(w, r, ps)
			return nil, false
		}
		ps.rule = s.rules[0]
		return r, true
	}
	host := s.hostOf(r, ps.public)
	m, err := s.find(r, host)
	switch {
	case errors.Is(err, routes.ErrAmbiguousPath):
		refuseAmbiguous(w, r, ps)
		return nil, false
	case errors.Is(err, routes.ErrInvalidHost):
		ps.outcome.Err = err
		ps.site.pages.Refuse(w, r, http.StatusBadRequest, "invalid_host", "The host of this address is not valid.")
		return nil, false
	case err != nil:
		ps.site.pages.Refuse(w, r, http.StatusNotFound, "no_route", "There is nothing at this address.")
		return nil, false
	}
	ps.rule, ps.path, ps.upstreamPath = s.rules[m.Index], m.Path, m.UpstreamPath()
	if host == r.Host {
		ps.host = m.Host // a host that a trusted proxy sent is in X-Forwarded-Host
	}
	return withPath(r, m.Path), true
}

// find finds the route for r. A CORS preflight belongs to the route of the method that it
// asks about, if that route has a CORS policy. If not, no other route's policy applies.
func (s *site) find(r *http.Request, host string) (routes.Match, error) {
	asked := r.Header["Access-Control-Request-Method"]
	if r.Method != http.MethodOptions || len(asked) != 1 || len(r.Header["Origin"]) != 1 {
		return s.table.Match(r.Method, host, r.URL)
	}
	meant, err := s.table.Match(asked[0], host, r.URL)
	if err == nil && meant.Route.CORS != nil {
		return meant, nil
	}
	m, err := s.table.Match(r.Method, host, r.URL)
	if err == nil && m.Route.CORS != nil {
		return routes.Match{}, routes.ErrNoRoute
	}
	return m, err
}

// hostOf returns the host by which routes are chosen: the one that the browser used if a
// trusted proxy sends it, else that of the request.
func (s *site) hostOf(r *http.Request, public *origin.Public) string {
	if len(r.Header["X-Forwarded-Host"]) == 0 || !s.origins.TrustedPeer(r) {
		return r.Host
	}
	_, host, _ := public.SchemeAndHost()
	return host
}

func refuseAmbiguous(w http.ResponseWriter, r *http.Request, ps *passage) {
	ps.outcome.Err = errAmbiguousPath
	ps.site.pages.Refuse(w, r, http.StatusBadRequest, "ambiguous_path",
		"The path of this address can be read in more than one way: it has dot segments, empty segments, or an encoded slash, dot or control character.")
}

var errAmbiguousPath = errors.New("ambiguous path")

// withPath returns r with the path that was judged, or r itself if it has that path. The
// copy shares everything but the URL.
func withPath(r *http.Request, path string) *http.Request {
	if r.URL.EscapedPath() == path && r.URL.Host == "" {
		return r
	}
	clone := *r
	u := *r.URL
	// An absolute-form target names a host; net/http has it in r.Host already.
	u.Scheme, u.Host, u.User, u.Opaque = "", "", nil, ""
	urlpath.Set(&u, path)
	clone.URL = &u // RequestURI stays: Clerk's decisions are about the URL as the browser wrote it
	return &clone
}
