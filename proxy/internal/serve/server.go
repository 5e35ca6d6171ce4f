package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// warmUpTimeout bounds the first call of [App.Ready].
const warmUpTimeout = 30 * time.Second

// Run serves app until ctx ends. It then goes on serving for opts.ShutdownDelay as a
// server that is not ready, closes its listeners, gives requests in flight and upgraded
// connections opts.ShutdownTimeout to finish, ends the context of those that are left,
// and returns nil. It leaves no goroutine behind, and app is closed whatever it returns.
func Run(ctx context.Context, app App, opts Options) error {
	defer app.Close()
	opened, err := opts.listen(ctx)
	if err != nil {
		return err
	}
	s := newServer(app, opts)
	s.closeUnused()
	if opts.Started != nil {
		opts.Started(Addresses{Public: addressesOf(opened.public), Admin: addressesOf(opened.admin), Beside: addressesOf(opened.beside)})
	}
	return s.serve(ctx, opened)
}

func addressesOf(listeners []net.Listener) (all []net.Addr) {
	for _, l := range listeners {
		all = append(all, l.Addr())
	}
	return all
}

type server struct {
	Options
	app    App
	probes *probes
}

func newServer(app App, opts Options) *server {
	return &server{Options: opts.withDefaults(), app: app, probes: &probes{app: app, always: opts.AlwaysReady}}
}

// closeUnused closes inherited sockets that no endpoint uses, so that clients are
// refused instead of waiting.
func (s *server) closeUnused() {
	for name, sockets := range s.Inherited {
		for _, l := range sockets {
			s.Logger.Warn("a socket of systemd is not used", slog.String("name", name), slog.Any("address", l.Addr()))
			_ = l.Close()
		}
	}
}

// serve closes the listeners at the end.
func (s *server) serve(ctx context.Context, opened listeners) error {
	// Requests live on a context of their own, which outlasts ctx by the shutdown.
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	running, stop := context.WithCancel(base)
	defer stop()

	var background sync.WaitGroup
	background.Go(func() { s.warmUp(base) })
	failed := make(chan error, len(opened.public)+len(opened.admin)+len(opened.beside))
	serve := func(l net.Listener, serve func(net.Listener) error) {
		background.Go(func() {
			if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serve %s: %w", l.Addr(), err)
			}
		})
	}
	public, admin := s.publicServer(base), s.newServer(base, s.probes.handler(s.AdminPages))
	places, protocol := newPlaces(s.Limits.MaxConnections), s.protocol(public)
	s.InFlight.places = places
	for _, l := range opened.public {
		serve(newBoundedListener(s.introduced(l), s.Limits.BodyIdleTimeout, places), protocol)
	}
	adminProtocol := s.adminProtocol(admin)
	for _, l := range opened.admin {
		serve(newBoundedListener(l, s.Limits.BodyIdleTimeout, nil), adminProtocol)
	}
	for _, l := range opened.beside {
		background.Go(func() {
			if err := s.Beside.Serve(running, l); err != nil {
				failed <- err
			}
		})
	}

	result := s.wait(ctx, failed)
	s.probes.stopping.Store(true)
	if result == nil {
		result = s.delay(failed)
	}
	stop()
	s.drain(base, public, cancel)
	_ = admin.Close()
	background.Wait()
	return result
}

// delay keeps serving while load balancers find out that the server is no longer ready.
func (s *server) delay(failed <-chan error) error {
	timer := time.NewTimer(s.ShutdownDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.Hurry:
		return nil
	case err := <-failed:
		return err
	}
}

// drain closes the public listeners, and returns when no request is in flight. cancel
// cancels base, the context of the requests.
func (s *server) drain(base context.Context, public *http.Server, cancel func()) {
	began := time.Now()
	grace, done := context.WithTimeout(base, s.ShutdownTimeout)
	defer done()
	var hurrying sync.WaitGroup
	drained := make(chan struct{})
	hurrying.Go(func() {
		select {
		case <-s.Hurry:
			done()
		case <-drained:
		}
	})
	defer hurrying.Wait()
	defer close(drained)
	if err := public.Shutdown(grace); err != nil {
		s.Logger.WarnContext(base, "requests were cut off at shutdown", slog.Duration("after", time.Since(began)))
		_ = public.Close()
	}
	s.InFlight.wait(grace) // for upgraded connections, which net/http no longer tracks
	cancel()
	s.InFlight.wait(context.WithoutCancel(base))
}

// wait returns when the server has to stop. Until then it reloads the App when asked.
func (s *server) wait(ctx context.Context, failed <-chan error) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-s.Reloads:
			s.app.Reload(ctx)
		}
	}
}

// protocol returns the function that serves a public listener, with TLS or without.
func (s *server) protocol(public *http.Server) func(net.Listener) error {
	if s.Certificate == nil {
		return public.Serve
	}
	public.TLSConfig = serverTLS(s.Certificate)
	return func(l net.Listener) error { return public.ServeTLS(l, "", "") }
}

// adminProtocol is protocol for an admin listener.
func (s *server) adminProtocol(admin *http.Server) func(net.Listener) error {
	if s.AdminClients == nil {
		return admin.Serve
	}
	admin.TLSConfig = serverTLS(s.Certificate)
	// Probes come without a certificate.
	admin.TLSConfig.ClientCAs, admin.TLSConfig.ClientAuth = s.AdminClients, tls.VerifyClientCertIfGiven
	return func(l net.Listener) error { return admin.ServeTLS(l, "", "") }
}

// publicServer returns a server that speaks HTTP/2 over TLS, and without TLS only if H2C
// is set, and then only to clients that begin with it: net/http does not support the
// upgrade of an HTTP/1 connection, so that a request cannot switch the protocol behind
// a proxy's back.
func (s *server) publicServer(base context.Context) *http.Server {
	srv := s.newServer(base, s.app)
	srv.Protocols.SetHTTP2(s.Certificate != nil)
	srv.Protocols.SetUnencryptedHTTP2(s.Certificate == nil && s.H2C)
	srv.ConnContext = withConn
	srv.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: s.Limits.MaxStreams}
	return srv
}

func (s *server) newServer(base context.Context, handler http.Handler) *http.Server {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:                      handler,
		BaseContext:                  func(net.Listener) context.Context { return base },
		ReadHeaderTimeout:            s.Limits.ReadHeaderTimeout,
		IdleTimeout:                  s.Limits.IdleTimeout,
		MaxHeaderBytes:               s.Limits.MaxHeaderBytes,
		Protocols:                    protocols,
		DisableGeneralOptionsHandler: true, // the App answers OPTIONS *
		ErrorLog:                     slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug),
	}
}

// warmUp makes the App ready before the first request.
func (s *server) warmUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, warmUpTimeout)
	defer cancel()
	_ = s.app.Ready(ctx) // the App logs failures, and /readyz asks again
}
