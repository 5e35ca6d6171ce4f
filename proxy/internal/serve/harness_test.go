package serve

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// usual are the limits of a server in these tests.
var usual = Limits{
	ReadHeaderTimeout: 10 * time.Second, BodyIdleTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
	MaxHeaderBytes: 64 << 10, MaxStreams: 250,
}

// app is an [App] that is always ready, or never.
type app struct {
	http.Handler
	unready error
	parts   map[string]string
	reloads chan struct{} // gets one for each reload
	closed  chan struct{}
}

func (a *app) Ready(context.Context) error             { return a.unready }
func (a *app) Parts(context.Context) map[string]string { return a.parts }
func (a *app) Reload(context.Context)                  { a.reloads <- struct{}{} }
func (a *app) Close()                                  { close(a.closed) }

func newApp(handler http.Handler) *app {
	return &app{Handler: handler, reloads: make(chan struct{}), closed: make(chan struct{})}
}

// inMemory serves handler behind limits, in the bubble of a synctest.
func inMemory(t *testing.T, limits Limits, handler http.HandlerFunc) *pipes {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	s := newServer(newApp(Limit(handler, limits, nil)), Options{H2C: true, Limits: limits, ShutdownTimeout: time.Second})
	public, done := newPipes(), make(chan error, 1)
	opened := listeners{public: []net.Listener{public}, admin: []net.Listener{newPipes()}}
	go func() { done <- s.serve(ctx, opened) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
	})
	return public
}

// running is a whole server over sockets.
type running struct {
	Public net.Addr // the first
	app    *app
	stop   context.CancelFunc
	done   chan error
}

func run(t testing.TB, handler http.Handler, change func(*Options)) *running {
	t.Helper()
	opts := Options{
		Public: Endpoint{[]string{"127.0.0.1:0"}, "PUBLIC"}, Admin: Endpoint{[]string{"127.0.0.1:0"}, "ADMIN"},
		Limits: usual, ShutdownTimeout: 10 * time.Second, InFlight: NewInFlight(),
	}
	if change != nil {
		change(&opts)
	}
	started := make(chan Addresses, 1)
	opts.Started = func(at Addresses) { started <- at }
	ctx, stop := context.WithCancel(t.Context())
	r := &running{app: newApp(opts.InFlight.Count(Limit(handler, opts.Limits, nil))), stop: stop, done: make(chan error, 1)}
	go func() { r.done <- Run(ctx, r.app, opts) }()
	select {
	case at := <-started:
		r.Public = at.Public[0]
	case err := <-r.done:
		require.NoError(t, err)
	}
	t.Cleanup(func() {
		stop()
		<-r.app.closed
	})
	return r
}

func (r *running) dial(t testing.TB) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", r.Public.String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// get asks over HTTP/1.1 or, with h2c, over HTTP/2.
func (r *running) get(t testing.TB, h2c bool) *http.Response {
	t.Helper()
	transport := &http.Transport{Protocols: &http.Protocols{}}
	transport.Protocols.SetHTTP1(!h2c)
	transport.Protocols.SetUnencryptedHTTP2(h2c)
	defer transport.CloseIdleConnections()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.Public.String()+"/", nil)
	require.NoError(t, err)
	res, err := transport.RoundTrip(q)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res
}
