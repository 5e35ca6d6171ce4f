package http1

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Values for the zero Options.
const (
	defaultMaxIdle       = 256
	defaultIdleTimeout   = 90 * time.Second
	defaultMaxHeader     = 1 << 20
	defaultContinueAfter = time.Second
)

// Options configure a [Transport].
type Options struct {
	// Dial connects to the upstream; required. It is called in the goroutine of
	// the request that needs a connection, with that request's context.
	Dial func(ctx context.Context) (net.Conn, error)
	// MaxIdle is how many idle connections are kept; 0 means 256, negative none.
	MaxIdle int
	// IdleTimeout is how long an idle connection is kept; 0 means 90s, negative
	// no limit.
	IdleTimeout time.Duration
	// MaxAge is how old a connection may be and still be used for another request, so that
	// a name whose address has changed is looked up again; 0 means no limit. A connection
	// may be used for up to a second longer.
	MaxAge time.Duration
	// ResponseHeaderTimeout limits the wait for the final response's header, from
	// when the request is sent. It may come up to 20 ms late. 0 means no limit.
	ResponseHeaderTimeout time.Duration
	// ExpectContinueTimeout is how long the body of a request with "Expect:
	// 100-continue" waits for the 100 before it is sent anyway. 0 means 1s.
	ExpectContinueTimeout time.Duration
	// MaxResponseHeaderBytes limits a response's status line and header; 0 means 1 MiB.
	MaxResponseHeaderBytes int
	// Dropped is called when a header line of a response was left out, with the reason,
	// which quotes nothing of the response. It is called in the request's goroutine; it
	// may be nil.
	Dropped func(reason string)
	// Now is the clock for the age of idle connections; nil means time.Now.
	// Timeouts of a request run by the system's clock, as those of sockets do.
	Now func() time.Time
}

// Transport is an [http.RoundTripper] for one upstream. It is safe for concurrent
// use. Make it by [New].
type Transport struct {
	dial           func(ctx context.Context) (net.Conn, error)
	headerTimeout  time.Duration
	continueAfter  time.Duration
	maxHeaderBytes int
	dropped        func(reason string)

	calls   sync.Pool // of *call
	buffers sync.Pool // of *[]byte with copySize bytes
	pool    pool
}

var _ http.RoundTripper = (*Transport)(nil)

// New makes a Transport. It panics if opts.Dial is nil.
func New(opts Options) *Transport {
	if opts.Dial == nil {
		panic("http1: Options.Dial is required")
	}
	t := &Transport{
		dial:           opts.Dial,
		headerTimeout:  opts.ResponseHeaderTimeout,
		continueAfter:  orDefault(opts.ExpectContinueTimeout, defaultContinueAfter),
		maxHeaderBytes: orDefault(opts.MaxResponseHeaderBytes, defaultMaxHeader),
		dropped:        opts.Dropped,
	}
	t.calls.New = func() any { return new(call) }
	t.buffers.New = func() any { b := make([]byte, copySize); return &b }
	t.pool = pool{
		maxIdle:     max(0, orDefault(opts.MaxIdle, defaultMaxIdle)),
		idleTimeout: max(0, orDefault(opts.IdleTimeout, defaultIdleTimeout)),
		maxAge:      opts.MaxAge,
		now:         opts.Now,
		tick:        tick,
	}
	if t.pool.now == nil {
		t.pool.now = time.Now
	}
	if t.headerTimeout > 0 {
		t.pool.tick = min(tick, max(time.Millisecond, t.headerTimeout/4))
	}
	return t
}

func orDefault[T int | time.Duration](v, zero T) T {
	if v == 0 {
		return zero
	}
	return v
}

// CloseIdleConnections closes the connections that are idle now, and those in use
// as they become idle, until the next request.
func (t *Transport) CloseIdleConnections() { t.pool.closeIdle() }

// RoundTrip sends a request and returns its response. As [http.RoundTripper] asks, it
// does not alter the request, and closes its body, perhaps after it has returned.
// The response's body must be closed; closing it before its end closes the
// connection. A wait for the header that took too long is a [net.Error] with
// Timeout() true.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	return t.RoundTripInformed(req, nil)
}

// Informer receives the informational responses (1xx) to a request, in the
// goroutine that makes the round trip.
type Informer interface {
	Inform(status int, header http.Header)
}

// RoundTripInformed is RoundTrip for callers that want informational responses: it
// spares them a context with a trace on every request for the few that get one.
func (t *Transport) RoundTripInformed(req *http.Request, informer Informer) (*http.Response, error) {
	cl, _ := t.calls.Get().(*call)
	cl.body, cl.informer = req.Body, informer
	res, err := t.roundTrip(cl, req)
	if err != nil && cl.body != nil && !cl.handedOver {
		_ = cl.body.Close() // the error of the request matters more
	}
	cl.reset()
	t.calls.Put(cl)
	return res, err
}

func (t *Transport) roundTrip(cl *call, req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err := cl.prepare(ctx, req); err != nil {
		return nil, err
	}
	for fresh := false; ; {
		c, err := t.connect(ctx, fresh)
		if err != nil {
			return nil, err
		}
		res, err := c.roundTrip(ctx, cl)
		if err == nil {
			return res, nil
		}
		again, sent := c.repeatable(cl, err), c.sent > 0
		c.end(false)
		if !again {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := cl.rewind(); err != nil {
			return nil, err
		}
		fresh = sent // so that nothing is sent more than twice
	}
}

// connect takes an idle connection or makes a new one.
func (t *Transport) connect(ctx context.Context, fresh bool) (*conn, error) {
	c, outlived := t.pool.take(fresh)
	closeAll(outlived)
	if c != nil {
		return c, nil
	}
	nc, err := t.dial(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("http1: connect: %w", err)
	}
	c = newConn(t, nc)
	t.pool.enter(c)
	return c, nil
}

// repeatable reports whether a request that failed with err may be sent again. A new
// connection that fails is not tried twice: the upstream had no reason to close it.
func (c *conn) repeatable(cl *call, err error) bool {
	if !c.reused || c.received || !errors.As(err, new(*lostError)) {
		return false
	}
	return c.sent == 0 || cl.idempotent()
}
