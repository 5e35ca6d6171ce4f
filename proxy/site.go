package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/clerkgate/clerkgate/internal/assertion"
	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/urlpath"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/internal/forward"
	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// site is one state of the routes, with all that they need. It never changes; a
// reload puts another in its place.
type site struct {
	// table is nil when one rule is for every request. No path is looked at then, so
	// that the upstream may have each as it came.
	table     *routes.Table
	resources *routes.Table // by which the metadata of OAuth resources is found; never nil
	rules     []*rule       // in the order of the table
	upstreams map[string]*forward.Upstream
	settings  map[string]routes.Upstream // of upstreams, to tell what has changed
	signer    *assertion.Signer          // nil without assertions
	jwks      http.Handler
	clerk     *clerk
	origins   *origin.Resolver
	pages     *answer.Pages
}

// newSite makes a site out of cfg. It goes on using what of old has not changed.
func (p *Proxy) newSite(cfg settings.Config, old *site) (s *site, err error) {
	var holder *clerk
	if old != nil && old.clerk.secrets == secretsOf(&cfg.Auth) {
		holder = old.clerk
	} else if holder, err = p.newClerk(cfg); err != nil {
		return nil, err
	} else if old != nil {
		holder.auth.TakeOver(old.clerk.auth)
	}
	if s, err = p.newRoutes(cfg, holder, old); err != nil && (old == nil || holder != old.clerk) {
		holder.close()
	}
	return s, err
}

// newRoutes makes the rest of a site.
func (p *Proxy) newRoutes(cfg settings.Config, holder *clerk, old *site) (*site, error) {
	s := &site{clerk: holder, origins: p.origins, pages: p.pages, upstreams: make(map[string]*forward.Upstream), settings: cfg.AllUpstreams()}
	if err := s.sign(cfg, p); err != nil {
		return nil, err
	}
	for name, up := range s.settings {
		// The authorities in a file are read once by a transport; a reload reads them
		// again.
		if old != nil && old.settings[name] == up && old.upstreams[name] != nil && up.CAFile == "" {
			s.upstreams[name] = old.upstreams[name]
			continue
		}
		to, err := p.newUpstream(up, cfg.UpstreamTransport != settings.TransportStandard)
		if err != nil {
			s.retire(old)
			return nil, settings.UpstreamError(name, up, err)
		}
		s.upstreams[name] = to
	}

	list := cfg.AllRoutes()
	for i := range list {
		rule, err := p.newRule(&list[i], s)
		if err != nil {
			s.retire(old)
			return nil, err
		}
		s.rules = append(s.rules, rule)
	}
	var err error
	if s.resources, err = routes.NewTable(list); err != nil {
		s.retire(old)
		return nil, err
	}
	if !cfg.OneRule() {
		s.table = s.resources
	}
	return s, nil
}

// newUpstream makes the way to one application.
func (p *Proxy) newUpstream(up routes.Upstream, direct bool) (*forward.Upstream, error) {
	target, err := url.Parse(up.URL)
	if err != nil {
		return nil, err
	}
	protocols, err := up.Protocol.Versions(target.Scheme == "https")
	if err != nil {
		return nil, err
	}
	return forward.New(forward.Options{
		Target: target, Protocols: protocols, Direct: direct,
		CAFile: up.CAFile, CertificateFile: up.CertificateFile, KeyFile: up.KeyFile, ServerName: up.ServerName,
		ConnectTimeout: up.ConnectTimeout, ResponseTimeout: up.ResponseTimeout, BodyIdleTimeout: up.BodyIdleTimeout,
		IdleTimeout: up.IdleTimeout, MaxConnectionAge: up.MaxConnectionAge,
		Transport: p.transport, Now: p.now, Logger: p.logger, Pages: p.pages,
	})
}

func (s *site) sign(cfg settings.Config, p *Proxy) error {
	if cfg.Routes == nil || cfg.Routes.Assertion == nil {
		return nil
	}
	keys, err := assertion.Load(cfg.Routes.Assertion.KeyFiles)
	if err != nil {
		return settings.NewError(settings.EnvConfig, fmt.Errorf("assertion: %w", err))
	}
	for _, warning := range keys.Warnings() {
		p.logger.Warn("assertion key", "warning", warning)
	}
	s.jwks = keys.Handler()
	s.signer, err = assertion.NewSigner(assertion.Options{
		Keys: keys, Issuer: cfg.Routes.Assertion.Issuer, Lifetime: cfg.Routes.Assertion.Lifetime, Now: p.now,
	})
	if err != nil {
		return settings.NewError(settings.EnvConfig, fmt.Errorf("assertion: %w", err))
	}
	return nil
}

// retire closes the idle connections of upstreams that next does not use. Requests
// in flight keep theirs.
func (s *site) retire(next *site) {
	for name, u := range s.upstreams {
		if next == nil || next.upstreams[name] != u {
			u.Close()
		}
	}
}

// match finds the rule for r and notes it in ps, or writes the answer when there is
// none. The
// request that it returns says the path that was judged.
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
		ps.site.pages.Refuse(w, r, http.StatusBadRequest, "invalid_host", "The host of this address is not a valid one.")
		return nil, false
	case err != nil:
		ps.site.pages.Refuse(w, r, http.StatusNotFound, "no_route", "There is nothing at this address.")
		return nil, false
	}
	ps.rule, ps.path, ps.upstreamPath = s.rules[m.Index], m.Path, m.UpstreamPath()
	if host == r.Host {
		ps.host = m.Host // a host that a trusted proxy told is in X-Forwarded-Host
	}
	return withPath(r, m.Path), true
}

// find finds the route for r. A CORS preflight is for the route of the method that
// it asks about, if that has an answer to it. If not, no other route's policy may
// stand for it.
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

// hostOf is the host that routes are chosen by: that of the browser's address when
// a trusted proxy tells it, else that of the request.
func (s *site) hostOf(r *http.Request, public *origin.Public) string {
	if len(r.Header["X-Forwarded-Host"]) == 0 || !s.origins.TrustedPeer(r) {
		return r.Host
	}
	_, host, _ := strings.Cut(public.Origin(), "://")
	return host
}

func refuseAmbiguous(w http.ResponseWriter, r *http.Request, ps *passage) {
	ps.outcome.Err = errAmbiguousPath
	ps.site.pages.Refuse(w, r, http.StatusBadRequest, "ambiguous_path",
		"The path of this address can be read in more than one way: it has dot segments, empty segments, or an encoded slash, dot or control character.")
}

var errAmbiguousPath = errors.New("ambiguous path")

// withPath returns r with its path in the form that was judged; r itself when it
// has that already. The copy shares everything but the URL.
func withPath(r *http.Request, path string) *http.Request {
	if r.URL.EscapedPath() == path && r.URL.Host == "" {
		return r
	}
	clone := *r
	u := *r.URL
	// An absolute-form target names a host; net/http has it in r.Host already.
	u.Scheme, u.Host, u.User, u.Opaque = "", "", nil, ""
	urlpath.Set(&u, path)
	clone.URL = &u // RequestURI stays: Clerk's decisions are about the address as the browser wrote it
	return &clone
}
