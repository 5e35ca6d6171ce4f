package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/internal/certificate"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// Limits of the server's life.
const (
	warmUpTimeout = 30 * time.Second
)

// Addresses are where a server listens.
type Addresses struct {
	Public, Admin net.Addr
	// ExtAuthz is nil unless Envoy can ask over gRPC.
	ExtAuthz net.Addr
}

// RunOptions are what [Run] has to do with the process around it. The zero value
// works.
type RunOptions struct {
	// Logger gets what the server has to say; nil is silent.
	Logger *slog.Logger
	// Started is called once both listeners are open; nil is not called.
	Started func(Addresses)
	// Reload asks for Load to be called, once for each value, such as a SIGHUP from
	// [os/signal.Notify]; nil never asks.
	Reload <-chan os.Signal
	// Load reads the configuration again, as [settings.Load] does.
	Load func() (settings.Config, []settings.Warning, error)
}

// Run serves cfg until ctx ends, then lets requests in flight finish for as long
// as cfg.ShutdownTimeout says, and returns nil. Upgraded connections are closed
// last. Run leaves no goroutine behind.
//
// A value in opts.Reload puts the configuration that opts.Load returns in the
// place of cfg: new requests meet it, those in flight end under the old one, and
// no connection is closed. One that is not good is logged, and the old one goes on.
func Run(ctx context.Context, cfg settings.Config, opts RunOptions) error {
	cfg = cfg.WithDefaults()
	p, err := New(cfg, Deps{Logger: opts.Logger, Now: cfg.Auth.Now})
	if err != nil {
		return err
	}
	defer p.Close()
	pair, err := loadTLS(cfg, p.now, p.logger)
	if err != nil {
		return err
	}
	s := &server{
		cfg: cfg, limits: cfg.Limits, grace: cfg.ShutdownTimeout,
		proxy: p, pair: pair, admin: &admin{ready: p.Ready}, logger: p.logger,
		reloads: opts.Reload, load: opts.Load, swap: p.Reload,
	}
	public, err := listen(ctx, cfg.Listen, settings.EnvListen)
	if err != nil {
		return err
	}
	private, err := listen(ctx, cfg.AdminListen, settings.EnvAdminListen)
	if err != nil {
		_ = public.Close()
		return err
	}
	checks, checker, err := p.listenForChecks(ctx, cfg)
	if err != nil {
		_ = public.Close()
		_ = private.Close()
		return err
	}
	at := Addresses{Public: public.Addr(), Admin: private.Addr()}
	if checks != nil {
		at.ExtAuthz = checks.Addr()
		s.checks = func(ctx context.Context) error { return checker.Serve(ctx, checks) }
	}
	if opts.Started != nil {
		opts.Started(at)
	}
	return s.serve(ctx, public, private)
}

type server struct {
	cfg    settings.Config // in force
	limits settings.Limits
	grace  time.Duration
	proxy  http.Handler
	pair   *certificate.Pair // nil without TLS
	admin  *admin
	logger *slog.Logger
	// checks serves Envoy's questions until the context ends; nil without.
	checks func(context.Context) error

	reloads <-chan os.Signal
	load    func() (settings.Config, []settings.Warning, error)
	swap    func(settings.Config) error
}

func (s *server) serve(ctx context.Context, public, private net.Listener) error {
	// Requests live on a context of their own: they outlast ctx by the grace.
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	flight := newFlight(&limiter{next: s.proxy, maxBody: s.limits.MaxBodyBytes, idle: s.limits.BodyIdleTimeout})
	app, probes := s.publicServer(base, flight), s.newServer(base, s.admin.handler())

	var background sync.WaitGroup
	background.Go(func() { s.warmUp(base) })
	failed := make(chan error, 3)
	serve := func(l net.Listener, serve func(net.Listener) error) {
		background.Go(func() {
			if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serve %s: %w", l.Addr(), err)
			}
		})
	}
	serve(newGuardedListener(public, s.limits.BodyIdleTimeout, s.limits.MaxConnections), s.speak(app))
	serve(newGuardedListener(private, s.limits.BodyIdleTimeout, 0), probes.Serve)

	running, stop := context.WithCancel(ctx)
	defer stop()
	if s.checks != nil {
		background.Go(func() {
			if err := s.checks(running); err != nil {
				failed <- err
			}
		})
	}

	result := s.wait(ctx, failed)
	stop()
	s.admin.stopping.Store(true)
	grace, done := context.WithTimeout(base, s.grace)
	defer done()
	if err := app.Shutdown(grace); err != nil {
		s.logger.WarnContext(base, "requests were cut off at shutdown", slog.Duration("after", s.grace))
		_ = app.Close()
	}
	cancel() // upgraded connections, and what the warm-up still waits for
	flight.wait()
	_ = probes.Close()
	background.Wait()
	return result
}

// wait returns when the server is to stop, and reloads until then.
func (s *server) wait(ctx context.Context, failed <-chan error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-s.reloads:
			s.reload(ctx)
		}
	}
}

// speak is what the public listener is served with: TLS, or not.
func (s *server) speak(app *http.Server) func(net.Listener) error {
	if s.pair == nil {
		return app.Serve
	}
	app.TLSConfig = serverTLS(s.pair)
	return func(l net.Listener) error { return app.ServeTLS(l, "", "") }
}

// publicServer speaks HTTP/2 over TLS, and without TLS only where that is wished
// for, and then only to clients that begin with it: an upgrade in the middle of a
// connection of HTTP/1 is no part of net/http, so that nothing can switch the
// parser behind a proxy's back.
func (s *server) publicServer(base context.Context, handler http.Handler) *http.Server {
	srv := s.newServer(base, handler)
	srv.Protocols.SetHTTP2(s.pair != nil)
	srv.Protocols.SetUnencryptedHTTP2(s.pair == nil && s.cfg.H2C)
	srv.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: s.limits.MaxStreams}
	return srv
}

func (s *server) newServer(base context.Context, handler http.Handler) *http.Server {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:                      handler,
		BaseContext:                  func(net.Listener) context.Context { return base },
		ReadHeaderTimeout:            s.limits.ReadHeaderTimeout,
		IdleTimeout:                  s.limits.IdleTimeout,
		MaxHeaderBytes:               s.limits.MaxHeaderBytes,
		Protocols:                    protocols,
		DisableGeneralOptionsHandler: true, // OPTIONS * gets the policy's answer
		ErrorLog:                     slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}
}

// warmUp loads the keys before the first request asks for them.
func (s *server) warmUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, warmUpTimeout)
	defer cancel()
	_ = s.admin.ready(ctx) // the key source logs failures, and /readyz asks again
}
