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
	m, err := s.table.MatchRequest(r, host)
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
	return urlpath.WithPath(r, m.Path), true
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
	ps.outcome.Err = routes.ErrAmbiguousPath
	ps.site.pages.Refuse(w, r, http.StatusBadRequest, "ambiguous_path",
		"The path of this address can be read in more than one way: it has dot segments, empty segments, or an encoded slash, dot or control character.")
}
