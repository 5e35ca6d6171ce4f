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

// introduced is a listener where trusted peers say with the PROXY protocol who the
// client is (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt). As its
// section 2 wants, nobody guesses whether a header is there: from a peer in
// IntroducedBy it must come, from others it may not, and would be a malformed request.
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

// introducedConn is a connection that begins with a header, which is read with the
// first byte that somebody asks for, or with the remote address.
type introducedConn struct {
	*proxyproto.Conn
	raw    net.Conn
	heard  atomic.Bool // the peer has sent something
	logger *slog.Logger
	told   sync.Once
}

// hearing notes that something has come.
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

// nobody is the address of a client that the peer does not name. It is no IP address,
// so that it is not trusted, whatever the peer is.
type nobody struct{}

func (nobody) Network() string { return "unknown" }
func (nobody) String() string  { return "unknown" }

// RemoteAddr is the client's address; the peer's own for what the peer has to ask
// itself, such as whether this server is well.
func (c *introducedConn) RemoteAddr() net.Addr {
	header := c.ProxyHeader()
	if header == nil {
		return nobody{} // and nothing can be read
	}
	if client, ok := header.SourceAddr.(*net.TCPAddr); ok && header.Command.IsProxy() {
		return client
	}
	// Version 1 has no word for the peer's own connections: its UNKNOWN may be a client's.
	if header.Command.IsLocal() && header.Version > 1 {
		return c.raw.RemoteAddr()
	}
	return nobody{}
}

// Read tells of a peer that is not set up as this server is. One that leaves without a
// word has only looked whether the port is open.
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
