package serve

import (
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pires/go-proxyproto"
)

// introduced returns a listener where trusted peers send the client's address by the
// PROXY protocol (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt). As its
// section 2 demands, the presence of a header is not guessed: a peer in IntroducedBy
// must send one, and a header from another peer is parsed as a request, which fails.
func (s *server) introduced(l net.Listener) net.Listener {
	if len(s.IntroducedBy) == 0 {
		return l
	}
	return &introducedListener{Listener: l, by: s.IntroducedBy, timeout: s.Limits.ReadHeaderTimeout, logger: s.Logger}
}

type introducedListener struct {
	net.Listener
	by      []netip.Prefix
	timeout time.Duration // for the header
	logger  *slog.Logger
}

func (l *introducedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil || !l.trusts(conn.RemoteAddr()) {
		return conn, err
	}
	c := &introducedConn{raw: conn, logger: l.logger}
	c.Conn = proxyproto.NewConn(&hearing{Conn: conn, heard: &c.heard}, proxyproto.WithPolicy(proxyproto.REQUIRE), proxyproto.SetReadHeaderTimeout(l.timeout))
	return c, nil
}

func (l *introducedListener) trusts(peer net.Addr) bool {
	at, err := netip.ParseAddrPort(peer.String())
	addr := at.Addr().Unmap().WithZone("")
	return err == nil && slices.ContainsFunc(l.by, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// introducedConn is a connection that begins with a header, which is read by the first
// call of Read, Write or RemoteAddr.
type introducedConn struct {
	*proxyproto.Conn
	raw    net.Conn
	heard  atomic.Bool // the peer has sent something
	logger *slog.Logger
	told   sync.Once
}

// hearing records whether anything was received.
type hearing struct {
	net.Conn
	heard *atomic.Bool
}

func (h *hearing) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	if n > 0 && !h.heard.Load() {
		h.heard.Store(true)
	}
	return n, err
}

// nobody is the address of a client whose address the peer does not know. It is not an
// IP address, so that the client is never trusted, even though the peer is.
type nobody struct{}

func (nobody) Network() string { return "unknown" }
func (nobody) String() string  { return "unknown" }

// RemoteAddr returns the client's address, or the peer's own for connections that it
// makes for itself, such as health checks.
func (c *introducedConn) RemoteAddr() net.Addr {
	header := c.ProxyHeader()
	if header == nil {
		return nobody{} // Read fails as well
	}
	if client, ok := header.SourceAddr.(*net.TCPAddr); ok && header.Command.IsProxy() {
		return client
	}
	// Version 1 cannot mark the peer's own connections: UNKNOWN may be a client.
	if header.Command.IsLocal() && header.Version > 1 {
		return c.raw.RemoteAddr()
	}
	return nobody{}
}

// Read logs a peer that does not send a valid header. A connection on which nothing is
// sent is not logged: it may be a check of the port.
func (c *introducedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil && c.ProxyHeader() == nil && c.heard.Load() {
		c.told.Do(func() {
			c.logger.Warn("a connection without a valid PROXY header was closed",
				slog.String("peer", c.raw.RemoteAddr().String()), slog.String("error", err.Error()))
		})
	}
	return n, err
}
