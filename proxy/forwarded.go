package proxy

import (
	"net"
	"net/http"
	"strings"

	"github.com/clerkgate/clerkgate/internal/origin"
)

// setForwarded writes what is known of the client and of the address it used.
// Nothing of the incoming headers is copied: the resolver has read those of
// trusted peers, and nobody else's count.
func (f *fields) setForwarded(origins *origin.Resolver, in *http.Request, public *origin.Public) {
	f.set("X-Forwarded-For", forwardedFor(origins, in))
	if scheme, host, ok := public.SchemeAndHost(); ok && public.Valid() {
		f.set("X-Forwarded-Proto", scheme)
		f.set("X-Forwarded-Host", host)
	}
}

// forwardedFor names the true client first, then the trusted proxy that the
// request came through, if any.
func forwardedFor(origins *origin.Resolver, in *http.Request) string {
	peer := peerIP(in.RemoteAddr)
	if !origins.TrustedPeer(in) {
		return peer
	}
	addr, ok := origins.ClientIP(in)
	if !ok {
		return peer
	}
	client := addr.String()
	if client == peer {
		return client
	}
	return client + ", " + peer
}

// fields adds headers with one value each. All values share one array, so that a
// header costs no allocation of its own.
type fields struct {
	h      http.Header
	values []string
}

// set writes a header; an empty value leaves it as it is.
func (f *fields) set(name, value string) {
	if value == "" {
		return
	}
	f.values = append(f.values, value)
	n := len(f.values)
	f.h[name] = f.values[n-1 : n : n]
}

func peerIP(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return ""
	}
	host, _, _ = strings.Cut(host, "%")
	return host
}
