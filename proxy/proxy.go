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
	"github.com/clerkgate/clerkgate/proxy/internal/forward"
	"github.com/clerkgate/clerkgate/proxy/internal/frontend"
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
	frontend    *frontend.API // nil when the Frontend API is not served here
	forwardAuth *forwardAuth
	accepts     []middleware.TokenType // of the environment
	transport   http.RoundTripper      // of Deps; nil for transports of their own
	log         accessLog
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

	p.log = accessLog{logger: p.logger, now: p.now}

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
		p.frontend = p.newFrontend(cfg, deps.FrontendTransport)
	}
	p.forwardAuth = newForwardAuth(cfg.ForwardAuthEndpoint(), p.origins, p.logger)
	return p, nil
}

// How long the Frontend API may take to be connected to, and to begin an answer.
const (
	frontendConnectTimeout = 5 * time.Second
	frontendTimeout        = 15 * time.Second
)

// newFrontend makes the way to the Frontend API; no transport means one of its own.
func (p *Proxy) newFrontend(cfg settings.Config, transport http.RoundTripper) *frontend.API {
	if transport == nil {
		transport = forward.NewTransport(cfg.FrontendOrigin(), frontendConnectTimeout, frontendTimeout)
	}
	return frontend.New(frontend.Options{
		Path: cfg.FrontendPath(), ProxyURL: cfg.Auth.ProxyURL, Origin: cfg.FrontendOrigin(), SecretKey: cfg.Auth.SecretKey,
		Transport: transport, Origins: p.origins,
	})
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
		p.frontend.Close()
	}
}

// Ready returns nil once requests can be judged.
func (p *Proxy) Ready(ctx context.Context) error { return p.auth.Ready(ctx) }

// ServeHTTP judges the request and passes it on, or answers it.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect || r.Method == http.MethodTrace {
		refuseMethod(w, r)
		return
	}
	ps := &passage{method: r.Method, path: r.URL.EscapedPath()}
	if p.log.enabled(r.Context()) {
		ps.client.ResponseWriter = w
		w = &ps.client
		defer p.log.line(r, ps, p.now())
	}
	p.serve(w, withoutClaims(r), ps)
}

// refuseMethod answers methods that no application behind a proxy has a use for.
// CONNECT asks for a tunnel (CVE-2026-71324); what follows on the connection must not
// be read as a request. TRACE asks for the request as it arrives at the application,
// with the identity headers and the cookies that no script may see (RFC 9110, section
// 9.3.8).
func refuseMethod(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	w.Header().Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	answer.Refuse(w, r, http.StatusMethodNotAllowed, "method_not_allowed", "This server has no use for the method "+r.Method+".")
}

// serve finds out whose business a request is: clerkgate's own, the Frontend
// API's, or that of a route.
func (p *Proxy) serve(w http.ResponseWriter, r *http.Request, ps *passage) {
	site := p.site.Load()
	switch {
	case site.signer != nil && ps.path == jwksPath:
		site.jwks.ServeHTTP(w, r)
		return
	case p.forwardAuth.serves(ps.path):
		p.forwardAuth.answer(w, r, func(a *gatewayAnswer, original *http.Request) { p.grant(a, original, ps) })
		return
	}
	ps.public = p.origins.Public(r)
	if !p.serveFrontend(w, r, ps) {
		p.serveRoute(w, r, ps, site)
	}
}

// serveFrontend passes a request to the Frontend API; false when it is none of its.
func (p *Proxy) serveFrontend(w http.ResponseWriter, r *http.Request, ps *passage) bool {
	if p.frontend == nil {
		return false
	}
	path, ok := routes.Canonical(r.URL)
	switch {
	case ok && p.frontend.Serves(ps.public, path):
		ps.path = path
		p.frontend.Serve(w, withPath(r, path), ps.public, &ps.outcome)
	case !ok && p.frontend.Serves(ps.public, ps.path):
		refuseAmbiguous(w, r, ps)
	default:
		return false
	}
	return true
}

// serveRoute passes a request to the upstream of its route, once it is judged.
func (p *Proxy) serveRoute(w http.ResponseWriter, r *http.Request, ps *passage, site *site) {
	if r, ok := site.match(w, r, ps); ok {
		ps.rule.serve(w, r, ps)
	}
}

// grant judges a request that a gateway asks about, as [Proxy.serveRoute] would,
// and answers who it is in place of the upstream. r is the original request, as
// the gateway told it.
func (p *Proxy) grant(a *gatewayAnswer, r *http.Request, ps *passage) {
	ps.gateway, ps.method, ps.path, ps.public = a, r.Method, r.URL.EscapedPath(), p.origins.Public(r)
	p.serveRoute(a, withoutClaims(r), ps, p.site.Load())
}
