package origin

import (
	"net"
	"net/http"
	"strings"
)

// WriteForwarded calls set with the X-Forwarded-* headers of a request that is made on
// behalf of r, whose public URL is public. Headers of r are not copied: those of trusted
// peers are evaluated, others do not count.
func (res *Resolver) WriteForwarded(r *http.Request, public *Public, set func(header, value string)) {
	if chain := res.forwardedFor(r); chain != "" {
		set("X-Forwarded-For", chain)
	}
	if scheme, host, ok := public.SchemeAndHost(); ok && public.Valid() {
		set("X-Forwarded-Proto", scheme)
		set("X-Forwarded-Host", host)
	}
}

// forwardedFor returns the client's address and, if the request came through a trusted
// proxy, the proxy's.
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
