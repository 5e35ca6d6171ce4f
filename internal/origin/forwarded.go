package origin

import (
	"net"
	"net/http"
	"strings"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// Forwarded is what a proxy tells of a request that it makes on behalf of another: the
// client, and the address that the client used. A field is "" if it is not known.
type Forwarded struct {
	// For is X-Forwarded-For: the client, then the trusted proxy that it came through.
	For string
	// Client is the client's address alone, as in X-Real-IP.
	Client string
	// Proto, Host and Port are those of the public URL: X-Forwarded-Proto, -Host, -Port.
	Proto, Host, Port string
}

// Forwarded returns what to tell of r, whose public URL is public. Headers of r are not
// copied: those of trusted peers are evaluated, others do not count.
func (res *Resolver) Forwarded(r *http.Request, public *Public) (f Forwarded) {
	f.For = res.forwardedFor(r, public.trusted)
	f.Client, _, _ = strings.Cut(f.For, ",")
	if scheme, host, ok := public.SchemeAndHost(); ok && public.valid {
		f.Proto, f.Host, f.Port = scheme, host, port(r, scheme, host, public.trusted)
	}
	return f
}

// forwardedFor returns the client's address and, if the request came through a trusted
// proxy, the proxy's.
func (res *Resolver) forwardedFor(r *http.Request, trusted bool) string {
	peer := PeerIP(r)
	if !trusted {
		return peer
	}
	addr, ok := res.ClientIP(r)
	if !ok {
		return peer
	}
	client := addr.String()
	if client == peer {
		return client
	}
	return client + ", " + peer
}

// port is that of the public URL. A trusted proxy's X-Forwarded-Port counts where the
// host has none: it may have passed the host on without.
func port(r *http.Request, scheme, host string, trusted bool) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.IndexByte(host, ']') {
		return host[i+1:]
	}
	if trusted {
		if told, _ := first(r.Header["X-Forwarded-Port"]); wire.IsPort(told) {
			return told
		}
	}
	switch scheme {
	case "http", "ws":
		return "80"
	case "https", "wss":
		return "443"
	default:
		return ""
	}
}

// PeerIP returns the IP address of the other end of the connection, without port and
// zone, or "" if it has none.
func PeerIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	host, _, _ = strings.Cut(host, "%")
	return host
}
