package serve

import (
	"context"
	"net"
	"time"
)

// How long and how much is read on of a request that was answered before it had come
// whole. A client that sends all of an upload before it reads would otherwise find the
// connection reset, and never the answer: a system that closes a connection with
// something unread throws away what the other side has not read either (RFC 9112,
// section 9.6). The times are those of nginx's lingering_timeout and lingering_time.
const (
	lingerIdle  = 5 * time.Second
	lingerTime  = 30 * time.Second
	lingerBytes = 64 << 20
)

type connKey struct{}

// withConn makes a connection known to the requests on it.
func withConn(ctx context.Context, conn net.Conn) context.Context {
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = wrapped.NetConn()
	}
	return context.WithValue(ctx, connKey{}, conn)
}

// linger has the connection of a request read on before it is closed.
func linger(ctx context.Context) {
	if conn, ok := ctx.Value(connKey{}).(*boundedConn); ok {
		conn.lingers.Store(true)
	}
}

// drain says that the answer is over and reads what the client is still sending, until
// it has read the answer and closes, or one of the bounds is reached. A server that is
// stopping does not wait.
func (c *boundedConn) drain() {
	if c.halfClose() != nil {
		return // gone, or of a kind without resets
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-c.stopping:
			_ = c.Conn.SetReadDeadline(time.Unix(1, 0))
		case <-ended:
		}
	}()
	end, buffer := time.Now().Add(lingerTime), make([]byte, 16<<10)
	for left := lingerBytes; left > 0; {
		wait := min(lingerIdle, time.Until(end))
		if wait <= 0 || c.Conn.SetReadDeadline(time.Now().Add(wait)) != nil || c.stops() {
			return
		}
		n, err := c.Conn.Read(buffer)
		if err != nil {
			return
		}
		left -= n
	}
}

func (c *boundedConn) stops() bool {
	select {
	case <-c.stopping:
		return true
	default:
		return false
	}
}
