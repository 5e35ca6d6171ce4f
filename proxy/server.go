package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// Limits of the listeners.
const (
	readHeaderTimeout      = 10 * time.Second
	serverIdleTimeout      = 2 * time.Minute
	maxHeaderBytes         = 64 << 10
	defaultShutdownTimeout = 20 * time.Second
	warmUpTimeout          = 30 * time.Second
)

// Addresses are where a server listens.
type Addresses struct {
	Public, Admin net.Addr
}

// Run serves cfg until ctx ends, then lets requests in flight finish for as long
// as cfg.ShutdownTimeout says, and returns nil. Upgraded connections are closed
// last. started, when not nil, is called once both listeners are open. Run leaves
// no goroutine behind.
func Run(ctx context.Context, cfg Config, logger *slog.Logger, started func(Addresses)) error {
	p, err := New(cfg, Deps{Logger: logger, Now: cfg.Auth.Now})
	if err != nil {
		return err
	}
	defer p.Close()
	s := &server{proxy: p, admin: &admin{ready: p.Ready}, logger: p.logger, grace: cfg.ShutdownTimeout}
	if s.grace == 0 {
		s.grace = defaultShutdownTimeout
	}

	public, err := listen(ctx, orDefault(cfg.Listen, defaultListen), envListen)
	if err != nil {
		return err
	}
	private, err := listen(ctx, orDefault(cfg.AdminListen, defaultAdminListen), envAdminListen)
	if err != nil {
		_ = public.Close()
		return err
	}
	if started != nil {
		started(Addresses{Public: public.Addr(), Admin: private.Addr()})
	}
	return s.serve(ctx, public, private)
}

type server struct {
	proxy  *Proxy
	admin  *admin
	logger *slog.Logger
	grace  time.Duration
}

func (s *server) serve(ctx context.Context, public, private net.Listener) error {
	// Requests live on a context of their own: they outlast ctx by the grace.
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	flight := &flight{next: s.proxy}
	app, probes := s.newServer(base, flight), s.newServer(base, s.admin.handler())

	var background sync.WaitGroup
	background.Go(func() { s.warmUp(base) })
	failed := make(chan error, 2)
	for srv, listener := range map[*http.Server]net.Listener{app: public, probes: private} {
		background.Go(func() {
			if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serve %s: %w", listener.Addr(), err)
			}
		})
	}

	var result error
	select {
	case <-ctx.Done():
	case result = <-failed:
	}
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

func (s *server) newServer(base context.Context, handler http.Handler) *http.Server {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true) // no TLS here, and no h2c: nothing may switch the parser
	return &http.Server{
		Handler:                      handler,
		BaseContext:                  func(net.Listener) context.Context { return base },
		ReadHeaderTimeout:            readHeaderTimeout,
		IdleTimeout:                  serverIdleTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		Protocols:                    protocols,
		DisableGeneralOptionsHandler: true, // OPTIONS * gets the policy's answer
		ErrorLog:                     slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}
}

// warmUp loads the keys before the first request asks for them.
func (s *server) warmUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, warmUpTimeout)
	defer cancel()
	_ = s.proxy.Ready(ctx) // the key source logs failures, and /readyz asks again
}

// flight counts requests, so that the end of the server can wait for handlers
// that [http.Server] no longer knows of: those of upgraded connections.
type flight struct {
	next http.Handler
	mu   sync.Mutex
	n    int
	idle chan struct{} // closed when n falls to 0; nil while nobody waits
}

func (f *flight) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.n++
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.n--; f.n == 0 && f.idle != nil {
			close(f.idle)
			f.idle = nil
		}
	}()
	f.next.ServeHTTP(w, r)
}

// wait returns when no request is in flight. The caller has made sure that no new
// ones come and that the old ones end.
func (f *flight) wait() {
	f.mu.Lock()
	if f.n == 0 {
		f.mu.Unlock()
		return
	}
	idle := make(chan struct{})
	f.idle = idle
	f.mu.Unlock()
	<-idle
}

func listen(ctx context.Context, address, variable string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen on %s: another program uses this address; stop it, or set %s to another one: %w", address, variable, err)
	case err != nil:
		return nil, fmt.Errorf("listen on %s (set by %s): %w", address, variable, err)
	}
	return listener, nil
}

func orDefault(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
