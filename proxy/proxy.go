package proxy

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/auditlog"
	"github.com/clerkgate/clerkgate/internal/handshakes"
	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/middleware/store/redisstore"
	"github.com/clerkgate/clerkgate/proxy/internal/accesslog"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/internal/gateway"
	"github.com/clerkgate/clerkgate/proxy/internal/instance"
	"github.com/clerkgate/clerkgate/proxy/internal/monitor"
	"github.com/clerkgate/clerkgate/proxy/internal/streams"
	"github.com/clerkgate/clerkgate/proxy/internal/upstreams"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// Deps is what a [Proxy] needs from its surroundings. The zero value works.
type Deps struct {
	// Logger gets warnings and errors; nil is silent.
	Logger *slog.Logger
	// AccessLog gets a line for each request that has ended, each in one call, from many
	// goroutines. It must not block. nil writes none.
	AccessLog io.Writer
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Transport sends the requests to every upstream; nil means a transport for each, by
	// its settings.
	Transport http.RoundTripper
	// FrontendTransport sends the requests to the Frontend API; nil means a transport of
	// its own. It must not follow redirects.
	FrontendTransport http.RoundTripper
}

// Proxy is the sidecar as an [http.Handler]. It is safe for concurrent use. Close it once
// no request is in flight.
type Proxy struct {
	origins     *origin.Resolver
	forwardAuth *gateway.Endpoint
	signOutPath string                 // "" for none
	webhookPath string                 // where webhooks are received, if there is a secret
	pages       *answer.Pages          // for people who are refused
	accepts     []middleware.TokenType // by the environment
	// transport and frontendTransport are those of Deps; they may be nil.
	transport, frontendTransport http.RoundTripper
	handshakes                   *handshakes.Log
	access                       *accesslog.Log // nil for none
	ids                          requestIDs
	audit                        *auditlog.Log // nil for none
	logger                       *slog.Logger
	now                          func() time.Time

	store     *redisstore.Store // nil without one
	storeKeys [][]byte

	whole, judged, checked station // see chain

	monitor *monitor.Monitor

	watch *upstreams.Watch

	streams *streams.Registry // of all sites
	unwatch func()

	site      atomic.Pointer[site]
	reloading sync.Mutex
	former    instance.Former // which requests in flight may still use
}

// New returns a Proxy. It makes no network call. An error about cfg is a
// [*settings.Error].
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

	key, _ := clerkapi.ParsePublishableKey(cfg.Auth.PublishableKey) // newSite reports what is wrong with it
	p.handshakes = handshakes.New(handshakes.Options{Production: key.Production, Origins: p.origins, Logger: p.logger, Now: p.now})
	p.access = newAccessLog(cfg, deps.AccessLog)
	templates, err := readPages(cfg)
	if err != nil {
		return nil, err
	}
	p.pages = answer.NewPages(templates, p.logger)

	p.accepts, p.frontendTransport = cfg.Auth.AcceptsToken, deps.FrontendTransport
	var await []string
	if cfg.UpstreamWait > 0 {
		await = upstreams.URLs(cfg.AllUpstreams())
	}
	if p.watch, err = upstreams.NewWatch(upstreams.WatchOptions{Await: await, Probe: cfg.ReadyUpstream, Logger: p.logger, Now: p.now}); err != nil {
		return nil, err
	}
	if p.store, p.storeKeys, err = cfg.OpenStore(); err != nil {
		p.closeShared()
		return nil, err
	}
	p.monitor = newMonitor()
	first, err := p.newSite(cfg, nil)
	if err != nil {
		p.closeShared()
		return nil, err
	}
	p.streams = streams.New(streams.Config{Recheck: cfg.WithDefaults().StreamRecheck, Ended: p.sessionEnded})
	first.streams = p.streams
	p.unwatch = first.instance.Auth.WatchRevocations(p.streams.Revoked) // its successors share the list
	p.site.Store(first)
	p.putInForce(first)
	p.forwardAuth = gateway.New(gateway.Options{
		Path: cfg.ForwardAuthEndpoint(), Trusted: p.origins, Setting: settings.EnvTrustedProxies, Logger: p.logger, Pages: p.pages,
	})
	p.signOutPath, p.webhookPath = cfg.SignOut(), cfg.WithDefaults().WebhookPath
	p.whole, p.judged, p.checked = p.chain()
	return p, nil
}

// readyTimeout bounds the wait for Clerk's keys when secrets have changed.
const readyTimeout = 20 * time.Second

// Reload replaces the routes, upstreams, pages and secrets by those of cfg. Requests in
// flight finish with the old ones. New secrets take effect once Clerk's keys have been
// fetched with them or, while Clerk is down, with the keys that are known, and what was cached about sessions is then looked up again. Everything
// else from the environment stays as it is. If Reload returns an error, which for
// problems of cfg is a [*settings.Error], nothing has changed.
func (p *Proxy) Reload(cfg settings.Config) error {
	p.reloading.Lock()
	defer p.reloading.Unlock()
	if problems := cfg.Problems(); len(problems) > 0 {
		return &settings.Error{Problems: problems}
	}
	templates, err := readPages(cfg)
	if err != nil {
		return err
	}
	old := p.site.Load()
	next, err := p.newSite(cfg, old)
	if err != nil {
		return err
	}
	next.streams = p.streams
	if next.instance != old.instance {
		ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
		defer cancel()
		if err := next.instance.Auth.ReadyAfter(ctx, old.instance.Auth); err != nil {
			next.upstreams.Retire(old.upstreams)
			next.instance.Close()
			return settings.NewError(settings.EnvSecretKey, fmt.Errorf("fetch the keys of Clerk with the new secrets: %w", err))
		}
		p.former.Replace(old.instance)
	}
	p.site.Store(next)
	p.putInForce(next)
	p.pages.Use(templates)
	old.upstreams.Retire(next.upstreams)
	return nil
}

// readPages reads the templates that cfg names, or returns nil if it names none.
func readPages(cfg settings.Config) (*answer.Templates, error) {
	if cfg.Pages == "" {
		return nil, nil
	}
	templates, err := answer.LoadTemplates(cfg.Pages)
	if err != nil {
		return nil, settings.PagesError(err)
	}
	return templates, nil
}

// Close ends background work and closes idle connections.
func (p *Proxy) Close() {
	p.unwatch()
	p.streams.Close()
	p.site.Load().upstreams.Retire(nil)
	p.site.Load().instance.Close()
	p.former.Replace(nil)
	p.closeShared()
}

// closeShared closes what stays through reloads.
func (p *Proxy) closeShared() {
	if p.store != nil {
		p.store.Close()
	}
	p.watch.Close()
}
