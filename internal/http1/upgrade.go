package http1

import (
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// switchProtocols hands the connection over to the caller after a 101: it now carries
// another protocol, and never returns to the pool.
func (c *conn) switchProtocols(res *http.Response, cl *call, up *upload) error {
	switch {
	case !asksForUpgrade(cl.req.Header):
		return malformed("101 without an upgrade that was asked for")
	case !asksForUpgrade(res.Header):
		return malformed("101 without a protocol")
	case !up.complete():
		return malformed("101 before the end of the request")
	}
	if cause := c.release(); cause != nil {
		return cause
	}
	c.t.pool.leave(c)
	s := &stream{Conn: c.nc}
	if c.r < c.w {
		s.early = append(s.early, c.in[c.r:c.w]...)
	}
	res.Body = s
	return nil
}

// asksForUpgrade reports whether a header names a protocol to change to.
func asksForUpgrade(h http.Header) bool {
	return len(h["Upgrade"]) > 0 && wire.HasToken(h["Connection"], "upgrade")
}

// stream is the body of a 101: what was received together with its header, then the
// connection itself.
type stream struct {
	net.Conn
	early []byte
}

var _ io.ReadWriteCloser = (*stream)(nil)

// Read reads what was buffered first.
func (s *stream) Read(p []byte) (int, error) {
	if len(s.early) > 0 {
		n := copy(p, s.early)
		if s.early = s.early[n:]; len(s.early) == 0 {
			s.early = nil
		}
		return n, nil
	}
	return s.Conn.Read(p)
}

// CloseWrite tells the upstream that nothing more will come.
func (s *stream) CloseWrite() error {
	if c, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}
