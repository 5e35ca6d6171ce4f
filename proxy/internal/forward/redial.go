package forward

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"
)

// An application that restarts has no listener for a moment. Nothing was sent over a
// connection that is refused, so that every request may be tried again, whatever its
// method. It is tried for a second, a delay that people hardly notice.
const (
	redialFor   = time.Second
	redialFirst = 5 * time.Millisecond
	redialMost  = 100 * time.Millisecond
)

// dialFunc connects to an upstream.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// redialing returns a function that calls dial, and calls it again for a moment as long
// as the connection is refused.
func redialing(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err == nil || !refused(err) {
			return conn, err
		}
		end := time.Now().Add(redialFor)
		for wait := redialFirst; ; wait = min(2*wait, redialMost) {
			left := time.Until(end)
			select {
			case <-time.After(min(wait, left)):
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
			// The last try is at the end, however late this goroutine comes to run.
			if conn, err = dial(ctx, network, address); err == nil || !refused(err) || left <= wait {
				return conn, err
			}
		}
	}
}

// refused reports whether nothing accepted the connection: there was no listener, no
// socket file, or the listener's queue was full (EAGAIN, of Unix sockets).
func refused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.EAGAIN)
}
