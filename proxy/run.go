package proxy

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"

	"github.com/clerkgate/clerkgate/internal/certificate"
	"github.com/clerkgate/clerkgate/proxy/internal/gateway/envoy"
	"github.com/clerkgate/clerkgate/proxy/internal/serve"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// Addresses are where a server listens.
type Addresses struct {
	Public, Admin []net.Addr
	// ExtAuthz is where Envoy asks over gRPC; nil unless that is configured.
	ExtAuthz []net.Addr
}

// RunOptions connect [Run] to the process around it. The zero value works.
type RunOptions struct {
	// Logger gets the messages of the server; nil discards them.
	Logger *slog.Logger
	// AccessLog gets a line for each request that has ended; see [Deps.AccessLog].
	AccessLog io.Writer
	// AuditLog gets the lines of the audit log, each in one call, if the configuration asks
	// for it and names no file. It must not block.
	AuditLog io.Writer
	// Level is the level of Logger. A reload and a page of the admin listener change it. nil
	// means that nothing changes.
	Level *slog.LevelVar
	// Started is called once every listener is open; nil is not called.
	Started func(Addresses)
	// Sockets are listeners that another program has opened, such as systemd
	// (sd_listen_fds(3)), by name. The addresses "systemd" and "systemd:name" refer to
	// them. Run closes those that no address refers to.
	Sockets map[string][]net.Listener
	// Hurry cuts the shutdown short, once for each value: first the delay, if it has not
	// passed yet, then the time that requests have to finish. It may be nil.
	Hurry <-chan os.Signal
	// Reload makes Run reload the configuration, once for each value, such as a SIGHUP from
	// [os/signal.Notify]. It may be nil.
	Reload <-chan os.Signal
	// Load reads the configuration again, as [settings.Load] does. Required with Reload.
	Load func() (settings.Config, []settings.Warning, error)
}

// Run serves cfg until ctx ends. It then goes on serving for cfg.ShutdownDelay as a server
// that is not ready, gives requests in flight and WebSockets cfg.ShutdownTimeout to finish,
// and returns nil. WebSockets that are still open are closed with status 1001 ("going
// away"). Run leaves no goroutine behind.
//
// A value in opts.Reload replaces cfg by the configuration that opts.Load returns. It
// applies to new requests; those in flight finish with the old one, and no connection is
// closed. If it has problems, they are logged, and the old one stays in force.
func Run(ctx context.Context, cfg settings.Config, opts RunOptions) error {
	cfg = cfg.WithDefaults()
	p, err := New(cfg, Deps{Logger: opts.Logger, AccessLog: opts.AccessLog, Now: cfg.Auth.Now})
	if err != nil {
		return err
	}
	if p.audit, err = p.openAudit(cfg, opts.AuditLog); err != nil {
		p.Close()
		return err
	}
	defer p.closeAudit()
	app := &application{Proxy: p, load: opts.Load, level: opts.Level}
	app.use(cfg)
	options, err := app.serveOptions(opts)
	if err != nil {
		p.Close()
		return err
	}
	app.watchServer(options.InFlight)
	app.Handler = p.behind(options.Limits, options.InFlight)
	p.site.Load().instance.Auth.AwaitRevocations(ctx)
	defer p.watch.Await(ctx, cfg.UpstreamWait)()
	return serve.Run(ctx, app, options)
}

// application is a Proxy as [serve.Run] needs it: behind the server's limits, and with a
// configuration that can be reloaded.
type application struct {
	*Proxy
	Handler http.Handler
	inForce settings.Config
	shown   atomic.Pointer[[]settings.Setting] // of inForce, for the admin listener
	pair    *certificate.Pair                  // nil without TLS
	load    func() (settings.Config, []settings.Warning, error)
	level   *slog.LevelVar // nil if it cannot be changed
}

// ServeHTTP gets the requests from their connections.
func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.Handler.ServeHTTP(w, r) }

// serveOptions returns the options of the server.
func (a *application) serveOptions(opts RunOptions) (serve.Options, error) {
	cfg := a.inForce
	var err error
	if cfg.TLSCertificateFile != "" || cfg.TLSKeyFile != "" {
		a.pair, err = certificate.Load(certificate.Options{
			CertificateFile: cfg.TLSCertificateFile, KeyFile: cfg.TLSKeyFile, Now: a.now, Logger: a.logger,
		})
		if err != nil {
			return serve.Options{}, settings.TLSError(err)
		}
	}
	options := serve.Options{
		Public:          serve.Endpoint{Addresses: cfg.Listen, Setting: settings.EnvListen},
		Admin:           serve.Endpoint{Addresses: cfg.AdminListen, Setting: settings.EnvAdminListen},
		Inherited:       opts.Sockets,
		Certificate:     a.pair,
		H2C:             cfg.H2C,
		Limits:          serve.Limits(cfg.Limits),
		AdminPages:      a.operate(cfg),
		AlwaysReady:     cfg.ReadyWhen == settings.ReadyAlways,
		ShutdownDelay:   cfg.ShutdownDelay,
		ShutdownTimeout: cfg.ShutdownTimeout,
		Hurry:           opts.Hurry,
		InFlight:        serve.NewInFlight(),
		Reloads:         opts.Reload,
		Logger:          a.logger,
	}
	if cfg.AdminClientCAFile != "" {
		if options.AdminClients, err = certificate.Authorities(cfg.AdminClientCAFile); err != nil {
			return serve.Options{}, settings.AdminClientsError(err)
		}
	}
	if cfg.ProxyProtocol {
		options.IntroducedBy = cfg.Auth.TrustedProxies
	}
	if len(cfg.ExtAuthzListen) > 0 {
		checks, err := a.checks(cfg)
		if err != nil {
			return serve.Options{}, err
		}
		options.Beside = &serve.Service{
			Endpoint: serve.Endpoint{Addresses: cfg.ExtAuthzListen, Setting: settings.EnvExtAuthzListen}, Serve: checks.Serve,
		}
	}
	if opts.Started != nil {
		options.Started = func(at serve.Addresses) {
			opts.Started(Addresses{Public: at.Public, Admin: at.Admin, ExtAuthz: at.Beside})
		}
	}
	return options, nil
}

// checks returns a server that answers Envoy over gRPC as the other gateways are answered.
func (p *Proxy) checks(cfg settings.Config) (*envoy.Server, error) {
	server, err := envoy.New(envoy.Options{
		Judge:          p.check,
		Trusted:        p.origins.Trusts,
		Setting:        settings.EnvTrustedProxies,
		MaxHeaderBytes: cfg.Limits.MaxHeaderBytes,
		Grace:          cfg.ShutdownTimeout,
		Logger:         p.logger,
	})
	if err != nil {
		return nil, fmt.Errorf("answer Envoy on %s: %w", strings.Join(cfg.ExtAuthzListen, ", "), err)
	}
	return server, nil
}
