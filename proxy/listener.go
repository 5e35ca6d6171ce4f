package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

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

// guardedListener bounds how many connections are open, and how long each may
// take nothing of what is written to it.
type guardedListener struct {
	net.Listener
	idle   time.Duration
	places chan struct{} // nil for no limit
	closed chan struct{}
	close  func()
}

func newGuardedListener(l net.Listener, idle time.Duration, maxConnections int) *guardedListener {
	g := &guardedListener{Listener: l, idle: idle, closed: make(chan struct{})}
	g.close = sync.OnceFunc(func() { close(g.closed) })
	if maxConnections > 0 {
		g.places = make(chan struct{}, maxConnections)
	}
	return g
}

// Accept waits for a place first, so that connections beyond the limit stay in
// the system's queue.
func (g *guardedListener) Accept() (net.Conn, error) {
	if g.places != nil {
		select {
		case g.places <- struct{}{}:
		case <-g.closed:
			return nil, net.ErrClosed
		}
	}
	conn, err := g.Listener.Accept()
	if err != nil {
		g.leave()
		return nil, err
	}
	return &guardedConn{Conn: conn, idle: g.idle, leave: sync.OnceFunc(g.leave)}, nil
}

func (g *guardedListener) leave() {
	if g.places != nil {
		<-g.places
	}
}

func (g *guardedListener) Close() error {
	g.close()
	return g.Listener.Close()
}

// guardedConn ends a connection whose client takes nothing of an answer for too
// long, whatever is spoken on it: each write has idle to go through, and up to a
// quarter more, so that the deadline is not set anew for each.
type guardedConn struct {
	net.Conn
	idle    time.Duration
	renewed atomic.Int64 // when the deadline was set last, in nanoseconds since 1970
	foreign atomic.Bool  // the deadline is somebody else's
	leave   func()
}

// Write goes on for as long as the client takes anything.
func (c *guardedConn) Write(p []byte) (int, error) {
	c.renew(c.idle / 4)
	n, err := c.Conn.Write(p)
	for moved := n; moved > 0 && errors.Is(err, os.ErrDeadlineExceeded) && c.renew(0); n += moved {
		moved, err = c.Conn.Write(p[n:])
	}
	return n, err
}

// renew pushes the deadline forward when that was done longer than age ago. It
// says whether the deadline is its own business.
func (c *guardedConn) renew(age time.Duration) bool {
	if c.foreign.Load() {
		return false
	}
	now := time.Now()
	if last := c.renewed.Load(); now.UnixNano()-last >= int64(age) && c.renewed.CompareAndSwap(last, now.UnixNano()) {
		// A connection that takes no deadline fails the write that follows.
		_ = c.Conn.SetWriteDeadline(now.Add(c.idle + c.idle/4))
	}
	return true
}

// SetWriteDeadline obeys those who set one, as crypto/tls does before it closes.
// That net/http wants none after each request is no reason to have none.
func (c *guardedConn) SetWriteDeadline(t time.Time) error {
	if t.IsZero() {
		if c.foreign.CompareAndSwap(true, false) {
			c.renewed.Store(0)
		}
		return nil
	}
	c.foreign.Store(true)
	return c.Conn.SetWriteDeadline(t)
}

// SetDeadline is used by net/http when a connection is handed to an upgrade.
func (c *guardedConn) SetDeadline(t time.Time) error {
	return errors.Join(c.Conn.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// CloseWrite lets net/http say the last word before it closes a connection that
// still has something to read.
func (c *guardedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

func (c *guardedConn) Close() error {
	c.leave()
	return c.Conn.Close()
}
