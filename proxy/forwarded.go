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
func setForwarded(h http.Header, origins *origin.Resolver, in *http.Request) {
	if chain := forwardedFor(origins, in); chain != "" {
		h["X-Forwarded-For"] = []string{chain}
	}
	public := origins.Public(in)
	scheme, host, ok := strings.Cut(public.Origin(), "://")
	if ok && public.Valid() {
		h["X-Forwarded-Proto"] = []string{scheme}
		h["X-Forwarded-Host"] = []string{host}
	}
}

// forwardedFor names the true client first, then the trusted proxy that the
// request came through, if any.
func forwardedFor(origins *origin.Resolver, in *http.Request) string {
	peer := peerIP(in.RemoteAddr)
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

func peerIP(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return ""
	}
	host, _, _ = strings.Cut(host, "%")
	return host
}
