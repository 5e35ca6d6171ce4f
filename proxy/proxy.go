package proxy

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// Deps is what a [Proxy] needs from its surroundings. The zero value works.
type Deps struct {
	// Logger gets one line for each request at level info; nil is silent.
	Logger *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Transport carries requests to every upstream; nil means transports of their
	// own, as each upstream's settings ask.
	Transport http.RoundTripper
	// FrontendTransport carries requests to the Frontend API; nil means a
	// transport of its own. Redirects must not be followed by it.
	FrontendTransport http.RoundTripper
}

// Proxy is the sidecar as an [http.Handler]. It is safe for concurrent use. Close
// it when no request is in flight any more.
type Proxy struct {
	auth        *middleware.Authenticator
	origins     *origin.Resolver
	frontend    *frontend // nil when the Frontend API is not served here
	forwardAuth *forwardAuth
	accepts     []middleware.TokenType // of the environment
	transport   http.RoundTripper      // of Deps; nil for transports of their own
	logger      *slog.Logger
	now         func() time.Time

	site      atomic.Pointer[site]
	reloading sync.Mutex
}

// New makes a Proxy. Problems come as a [*settings.Error]. No network call is made.
func New(cfg settings.Config, deps Deps) (*Proxy, error) {
	if problems := cfg.Problems(); len(problems) > 0 {
		return nil, &settings.Error{Problems: problems}
	}
	p := &Proxy{transport: deps.Transport, logger: deps.Logger, now: deps.Now, origins: origin.New(cfg.Auth.TrustedProxies)}
	if p.logger == nil {
		p.logger = slog.New(slog.DiscardHandler)
	}
	if p.now == nil {
		p.now = time.Now
	}

	opts := cfg.Auth
	opts.Now, opts.Logger = p.now, p.logger
	auth, err := middleware.New(opts)
	if err != nil {
		return nil, settings.OptionsError(err)
	}
	p.auth, p.accepts = auth, opts.AcceptsToken
	first, err := p.newSite(cfg, nil)
	if err != nil {
		auth.Close()
		return nil, err
	}
	p.site.Store(first)
	if cfg.FrontendPath() != "" {
		p.frontend = newFrontend(cfg, deps.FrontendTransport, p.origins)
	}
	p.forwardAuth = newForwardAuth(cfg.ForwardAuthEndpoint(), p.origins, http.HandlerFunc(p.grant), p.logger)
	return p, nil
}

// Reload puts the routes and upstreams of cfg in place of the present ones.
// Requests in flight end as they began. Sessions, keys and everything else that
// was read from the environment stay as they are. When cfg has problems, a
// [*settings.Error], nothing changes.
func (p *Proxy) Reload(cfg settings.Config) error {
	p.reloading.Lock()
	defer p.reloading.Unlock()
	if problems := cfg.Problems(); len(problems) > 0 {
		return &settings.Error{Problems: problems}
	}
	old := p.site.Load()
	next, err := p.newSite(cfg, old)
	if err != nil {
		return err
	}
	p.site.Store(next)
	old.retire(next)
	return nil
}

// Close releases what New made: background work and idle connections.
func (p *Proxy) Close() {
	p.site.Load().retire(nil)
	p.auth.Close()
	if p.frontend != nil {
		p.frontend.close()
	}
}

// Ready returns nil once requests can be judged.
func (p *Proxy) Ready(ctx context.Context) error { return p.auth.Ready(ctx) }

// ServeHTTP judges the request and passes it on, or answers it.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		// A tunnel through a proxy for one application is an attack (CVE-2026-71324);
		// what follows on the connection must not be read as a request.
		w.Header().Set("Connection", "close")
		answer.Refuse(w, r, http.StatusMethodNotAllowed, "method_not_allowed", "This server is no tunnel.")
		return
	}
	e := &entry{path: r.URL.EscapedPath()}
	if p.logger.Enabled(r.Context(), slog.LevelInfo) {
		e.ResponseWriter, e.start = w, p.now()
		w = e
		defer p.logLine(r, e)
	}
	p.serve(w, withoutClaims(r), e)
}

// serve finds out whose business a request is: clerkgate's own, the Frontend
// API's, or that of a route.
func (p *Proxy) serve(w http.ResponseWriter, r *http.Request, e *entry) {
	site := p.site.Load()
	switch {
	case site.signer != nil && e.path == jwksPath:
		site.jwks.ServeHTTP(w, r)
	case p.forwardAuth.serves(e.path):
		p.forwardAuth.ServeHTTP(w, r.WithContext(withEntry(r.Context(), e)))
	case p.serveFrontend(w, r, e):
	default:
		p.serveRoute(w, r, e, site)
	}
}

// serveFrontend passes a request to the Frontend API; false when it is none of its.
func (p *Proxy) serveFrontend(w http.ResponseWriter, r *http.Request, e *entry) bool {
	if p.frontend == nil {
		return false
	}
	path, ok := routes.Canonical(r.URL)
	switch {
	case ok && p.frontend.serves(r, path):
		e.path = path
		p.frontend.ServeHTTP(w, withPath(r, path).WithContext(withEntry(r.Context(), e)))
	case !ok && p.frontend.serves(r, e.path):
		refuseAmbiguous(w, r, e)
	default:
		return false
	}
	return true
}

// serveRoute passes a request to the upstream of its route, once it is judged.
func (p *Proxy) serveRoute(w http.ResponseWriter, r *http.Request, e *entry, site *site) {
	rule, r, ok := site.match(w, r, e)
	if !ok {
		return
	}
	rule.serve(w, r, e, rule.forward)
}

// grant judges a request that a gateway asks about, as [Proxy.serveRoute] would,
// and answers who it is in place of the upstream. r is the original request, as
// the gateway told it.
func (p *Proxy) grant(w http.ResponseWriter, r *http.Request) {
	e := entryOf(r.Context())
	if e == nil {
		e = &entry{}
	}
	e.path, e.method = r.URL.EscapedPath(), r.Method
	rule, r, ok := p.site.Load().match(w, withoutClaims(r), e)
	if !ok {
		return
	}
	rule.serve(w, r, e, rule.grant)
}
