package serve

import (
	"context"
	"net"
	"time"
)

// Bounds on what is read of a request after it was answered early. A client that sends
// a whole upload before it reads would otherwise see the connection reset and not the
// response: closing a connection with unread data discards what the other side has not
// read yet (RFC 9112, section 9.6). The times are those of nginx's lingering_timeout and
// lingering_time.
const (
	lingerIdle  = 5 * time.Second
	lingerTime  = 30 * time.Second
	lingerBytes = 64 << 20
)

type connKey struct{}

// withConn puts a connection into the context of its requests.
func withConn(ctx context.Context, conn net.Conn) context.Context {
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = wrapped.NetConn()
	}
	return context.WithValue(ctx, connKey{}, conn)
}

// linger makes the connection of a request read on before it is closed.
func linger(ctx context.Context) {
	if conn, ok := ctx.Value(connKey{}).(*boundedConn); ok {
		conn.lingers.Store(true)
	}
}

// drain ends the response and discards what the client is still sending, until the
// client closes the connection or a bound is reached. It does not wait while the server
// is stopping.
func (c *boundedConn) drain() {
	if c.halfClose() != nil {
		return // the client has gone, or this kind of connection has no resets
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
