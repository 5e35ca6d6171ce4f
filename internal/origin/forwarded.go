package origin

import (
	"net"
	"net/http"
	"strings"
)

// WriteForwarded calls set with the X-Forwarded-* headers for a request that is made in
// the place of r, whose public URL is public: what is known of the client and of the
// address it used. Nothing of r's own headers is copied: those of trusted peers have
// been read, and nobody else's count.
func (res *Resolver) WriteForwarded(r *http.Request, public *Public, set func(header, value string)) {
	if chain := res.forwardedFor(r); chain != "" {
		set("X-Forwarded-For", chain)
	}
	if scheme, host, ok := public.SchemeAndHost(); ok && public.Valid() {
		set("X-Forwarded-Proto", scheme)
		set("X-Forwarded-Host", host)
	}
}

// forwardedFor names the true client first, then the trusted proxy that the
// request came through, if any.
func (res *Resolver) forwardedFor(r *http.Request) string {
	peer := PeerIP(r)
	if !res.TrustedPeer(r) {
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

// PeerIP returns the address of the other end of the connection, without port and zone;
// "" when it has none.
func PeerIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	host, _, _ = strings.Cut(host, "%")
	return host
}
