package proxy

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/forward"
	"github.com/clerkgate/clerkgate/proxy/internal/frontend"
	"github.com/clerkgate/clerkgate/proxy/internal/gateway"
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
	forwardAuth *gateway.Endpoint
	filter      *wire.Filter           // of client's headers, for most routes
	accepts     []middleware.TokenType // of the environment
	transport   http.RoundTripper      // of Deps; nil for transports of their own
	log         accessLog
	logger      *slog.Logger
	now         func() time.Time

	whole, judged station // see chain

	site      atomic.Pointer[site]
	reloading sync.Mutex
}

// New makes a Proxy. Problems come as a [*settings.Error]. No network call is made.
func New(cfg settings.Config, deps Deps) (*Proxy, error) {
	if problems := cfg.Problems(); len(problems) > 0 {
		return nil, &settings.Error{Problems: problems}
	}
	p := &Proxy{transport: deps.Transport, logger: deps.Logger, now: deps.Now, origins: origin.New(cfg.Auth.TrustedProxies), filter: wire.NewFilter(nil, nil)}
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
	p.forwardAuth = gateway.New(gateway.Options{
		Path: cfg.ForwardAuthEndpoint(), Trusted: p.origins, Setting: settings.EnvTrustedProxies, Logger: p.logger,
	})
	p.whole, p.judged = p.chain()
	return p, nil
}

// How long the Frontend API may take to be connected to, and to begin an answer.
const (
	frontendConnectTimeout = 5 * time.Second
	frontendTimeout        = 15 * time.Second
	frontendIdleTimeout    = 90 * time.Second
)

// newFrontend makes the way to the Frontend API; no transport means one of its own.
func (p *Proxy) newFrontend(cfg settings.Config, transport http.RoundTripper) *frontend.API {
	if transport == nil {
		transport = forward.NewTransport(cfg.FrontendOrigin(), forward.Timeouts{
			Connect: frontendConnectTimeout, Response: frontendTimeout, Idle: frontendIdleTimeout,
		})
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
