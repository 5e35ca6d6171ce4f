package http1

import (
	"context"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// bufferSize is what a connection keeps to read into. It fits the header and the
// body of most responses; larger bodies are read past it, larger headers make it
// grow for a while.
const bufferSize = 4 << 10

// conn is a connection to the upstream. Except where noted its fields belong to
// the request that uses it, and to the pool while it is idle.
type conn struct {
	t   *Transport
	nc  net.Conn
	raw syscall.RawConn       // nil when idle connections cannot be probed
	fd  func(fd uintptr) bool // c.advance, bound once
	in  []byte                // in[r:w] has been received and not yet used
	r   int
	w   int

	// The request.
	out      []byte // what exchange sends
	sent     int    // bytes of it that the system took
	await    bool   // exchange reads, too
	received bool   // some of the response has come
	stage    stage
	probed   bool
	err      error

	// keepFor is how long the upstream said that it keeps the connection when it is
	// idle, less a margin; 0 when it did not say.
	keepFor time.Duration

	// Guarded by the pool's lock.
	born       time.Time
	worn       bool // too old to be used again
	reused     bool
	idleSince  time.Time // zero until the next sweep
	until      time.Time // the end of keepFor; zero for none
	young      bool      // is in the pool's list
	seen       bool      // by a sweep
	prev, next *conn

	watch watch
}

// watch is what ends a request early: the end of its context and the time limit
// for the header. It is set up by a sweep or a goroutine that sends a body.
type watch struct {
	mu sync.Mutex
	// ctx is the request's; nil when there is none. It has to be kept because a
	// later sweep registers the callback.
	ctx     context.Context
	turn    uint64      // counts requests, so that a late callback hits no other request
	armed   bool        // the callback is registered
	stop    func() bool // unregisters it; nil when ctx never ends
	waiting bool        // for the header
	sent    bool        // the request, to its end
	limited bool        // a deadline is set
	cause   error       // why the connection was cut
}

func newConn(t *Transport, nc net.Conn) *conn {
	c := &conn{t: t, nc: nc, in: make([]byte, bufferSize), born: t.pool.now()}
	c.raw = rawConn(nc)
	c.fd = c.advance
	return c
}

// begin starts a request; sent says that exchange sends all of it.
func (c *conn) begin(ctx context.Context, sent bool) {
	c.sent, c.received, c.err = 0, false, nil
	w := &c.watch
	w.mu.Lock()
	w.turn++
	w.ctx, w.waiting, w.sent = ctx, true, sent
	w.mu.Unlock()
}

// arm makes the end of the context and the time limit cut the connection.
func (c *conn) arm() {
	w := &c.watch
	w.mu.Lock()
	ctx, turn := w.ctx, w.turn
	if ctx == nil || w.armed {
		w.mu.Unlock()
		return
	}
	w.armed = true
	w.mu.Unlock()

	// Not under the lock: another implementation of Context may call back at once.
	var stop func() bool
	if ctx.Done() != nil {
		stop = context.AfterFunc(ctx, func() { c.cut(turn, context.Cause(ctx)) })
	}
	w.mu.Lock()
	current := w.turn == turn && w.ctx != nil
	if current {
		w.stop = stop
		c.limitLocked()
	}
	w.mu.Unlock()
	if !current && stop != nil {
		stop()
	}
}

// limitLocked sets the time limit for the header if it applies. The deadline is
// for writing, too: a request may be stuck in there.
func (c *conn) limitLocked() {
	w := &c.watch
	if w.waiting && w.sent && !w.limited && c.t.headerTimeout > 0 {
		w.limited = c.nc.SetDeadline(time.Now().Add(c.t.headerTimeout)) == nil
	}
}

// cut closes the connection under the request that has the given turn.
func (c *conn) cut(turn uint64, cause error) {
	w := &c.watch
	w.mu.Lock()
	current := w.turn == turn && w.ctx != nil
	if current {
		w.cause = cause
	}
	w.mu.Unlock()
	if current {
		c.close()
	}
}

// cancelled returns why the connection was cut, or nil.
func (c *conn) cancelled() error {
	c.watch.mu.Lock()
	defer c.watch.mu.Unlock()
	return c.watch.cause
}

// bodySent starts the time limit when a body has been sent.
func (c *conn) bodySent(turn uint64) {
	w := &c.watch
	w.mu.Lock()
	if w.turn == turn && w.ctx != nil {
		w.sent = true
		c.limitLocked()
	}
	w.mu.Unlock()
}

// headerDone ends the time limit: the response's body has none.
func (c *conn) headerDone() {
	c.watch.mu.Lock()
	c.unlimitLocked()
	c.watch.mu.Unlock()
}

func (c *conn) unlimitLocked() {
	w := &c.watch
	w.waiting = false
	if w.limited {
		w.limited = false
		if err := c.nc.SetDeadline(time.Time{}); err != nil && w.cause == nil {
			w.cause = err // closed, it cannot be kept
		}
	}
}

// release ends the watch over a request. It returns the reason if the connection
// has been cut.
func (c *conn) release() error {
	w := &c.watch
	w.mu.Lock()
	stop := w.stop
	w.ctx, w.stop, w.armed = nil, nil, false
	c.unlimitLocked()
	cause := w.cause
	w.mu.Unlock()
	if stop != nil {
		stop()
	}
	return cause
}

// end ends a request. The connection is kept if keep is set and the connection is
// still good. It is not if bytes follow the response: they would be taken for the
// response to the next request. The caller must not touch c any more.
func (c *conn) end(keep bool) {
	cause := c.release()
	if !keep || cause != nil || c.r != c.w || c.raw == nil {
		c.t.pool.leave(c)
		c.close()
		return
	}
	c.r, c.w, c.out = 0, 0, nil
	if len(c.in) > bufferSize {
		c.in = make([]byte, bufferSize)
	}
	c.t.pool.put(c)
}

func (c *conn) close() { _ = c.nc.Close() } // nothing was promised to the upstream

// fill reads more, growing the buffer up to limit bytes of unused input.
func (c *conn) fill(limit int) error {
	if c.r == c.w {
		c.r, c.w = 0, 0
	}
	if c.w == len(c.in) {
		switch {
		case c.r > 0:
			c.w = copy(c.in, c.in[c.r:c.w])
			c.r = 0
		case len(c.in) >= limit:
			return errTooLarge
		default:
			grown := make([]byte, min(2*len(c.in), limit))
			copy(grown, c.in[:c.w])
			c.in = grown
		}
	}
	n, err := c.nc.Read(c.in[c.w:])
	c.w += n
	if n > 0 {
		c.received = true
		return nil // an error comes again
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}
