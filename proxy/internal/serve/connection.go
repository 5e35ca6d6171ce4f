package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/clerkgate/clerkgate/internal/listen"
)

// listeners are those of the endpoints of a server.
type listeners struct{ public, admin, beside []net.Listener }

// listen opens the listeners of every endpoint, or none.
func (o Options) listen(ctx context.Context) (l listeners, err error) {
	open := func(at Endpoint) (opened []net.Listener) {
		if err != nil {
			return nil
		}
		if opened, err = listen.Open(ctx, at.Addresses, o.Inherited); err != nil {
			err = at.explain(err)
		}
		return opened
	}
	l.public, l.admin = open(o.Public), open(o.Admin)
	if o.Beside != nil {
		l.beside = open(o.Beside.Endpoint)
	}
	if err != nil {
		for _, opened := range slices.Concat(l.public, l.admin, l.beside) {
			_ = opened.Close() // it is unused
		}
	}
	return l, err
}

func (e Endpoint) explain(err error) error {
	addresses := strings.Join(e.Addresses, ", ")
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("listen on %s: another program uses this address; stop it, or set %s to another one: %w", addresses, e.Setting, err)
	}
	return fmt.Errorf("listen on %s (set by %s): %w", addresses, e.Setting, err)
}

// boundedListener bounds how many connections are open, and how long the client of
// each may accept none of what is written to it.
type boundedListener struct {
	net.Listener
	idle   time.Duration
	places chan struct{} // nil for no limit
	closed chan struct{}
	close  func()
}

// newBoundedListener makes a listener that may share its places with others; see
// [newPlaces].
func newBoundedListener(inner net.Listener, idle time.Duration, places chan struct{}) *boundedListener {
	l := &boundedListener{Listener: inner, idle: idle, places: places, closed: make(chan struct{})}
	l.close = sync.OnceFunc(func() { close(l.closed) })
	return l
}

// newPlaces makes one place for each connection that may be open; 0 means no limit.
func newPlaces(maxConnections int) chan struct{} {
	if maxConnections == 0 {
		return nil
	}
	return make(chan struct{}, maxConnections)
}

// Accept waits for a place first, so that connections beyond the limit stay in
// the system's queue.
func (l *boundedListener) Accept() (net.Conn, error) {
	if l.places != nil {
		select {
		case l.places <- struct{}{}:
		case <-l.closed:
			return nil, net.ErrClosed
		}
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		l.leave()
		return nil, err
	}
	return &boundedConn{Conn: conn, idle: l.idle, leave: sync.OnceFunc(l.leave), opened: time.Now(), stopping: l.closed}, nil
}

func (l *boundedListener) leave() {
	if l.places != nil {
		<-l.places
	}
}

func (l *boundedListener) Close() error {
	l.close()
	return l.Listener.Close()
}

// boundedConn ends a connection whose client accepts none of a response for too long,
// whatever the protocol: each write may take idle, and up to a quarter more, so that
// the deadline need not be set for each write.
type boundedConn struct {
	net.Conn
	idle    time.Duration
	opened  time.Time
	renewed atomic.Int64 // when the deadline was last set, in nanoseconds since opened; 0 for never
	foreign atomic.Bool  // the caller has set a deadline of its own
	leave   func()

	lingers  atomic.Bool     // the client may still be sending, and may not have read the response
	stopping <-chan struct{} // closed when the listener is
}

// Write continues for as long as the client accepts anything.
func (c *boundedConn) Write(p []byte) (int, error) {
	c.renew(c.idle / 4)
	n, err := c.Conn.Write(p)
	for moved := n; moved > 0 && errors.Is(err, os.ErrDeadlineExceeded) && c.renew(0); n += moved {
		moved, err = c.Conn.Write(p[n:])
	}
	return n, err
}

// renew extends the deadline if that was last done longer than age ago. It returns
// false if the caller has set a deadline of its own.
func (c *boundedConn) renew(age time.Duration) bool {
	if c.foreign.Load() {
		return false
	}
	now := time.Now()
	// Compare monotonic times: the wall clock may be set back, and every stream would
	// keep a deadline that has passed.
	since := max(1, int64(now.Sub(c.opened)))
	if last := c.renewed.Load(); (last == 0 || since-last >= int64(age)) && c.renewed.CompareAndSwap(last, since) {
		// If this fails, so does the write that follows.
		_ = c.Conn.SetWriteDeadline(now.Add(c.idle + c.idle/4))
	}
	return true
}

// SetWriteDeadline sets a deadline that replaces the listener's own, as crypto/tls does
// before it closes. No deadline, which net/http asks for after each request, restores
// the listener's own.
func (c *boundedConn) SetWriteDeadline(t time.Time) error {
	if t.IsZero() {
		if c.foreign.CompareAndSwap(true, false) {
			c.renewed.Store(0)
		}
		return nil
	}
	c.foreign.Store(true)
	return c.Conn.SetWriteDeadline(t)
}

// SetDeadline is called by net/http when a handler hijacks a connection.
func (c *boundedConn) SetDeadline(t time.Time) error {
	return errors.Join(c.Conn.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// CloseWrite is called by net/http before it closes a connection on which the client
// may still be sending.
func (c *boundedConn) CloseWrite() error {
	c.lingers.Store(true)
	return c.halfClose()
}

func (c *boundedConn) halfClose() error {
	conn := c.Conn
	if introduced, ok := conn.(*introducedConn); ok {
		conn = introduced.raw
	}
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Close first reads on for a while if the client may still be sending. A second call
// does not wait.
func (c *boundedConn) Close() error {
	if c.lingers.Swap(false) {
		c.drain()
	}
	c.leave()
	return c.Conn.Close()
}
