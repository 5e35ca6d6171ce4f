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
	client, peer := origins.ClientIP(in).String(), peerIP(in.RemoteAddr)
	chain := client
	if peer != "" && peer != client {
		chain += ", " + peer
	}
	h["X-Forwarded-For"] = []string{chain}
	scheme, host, _ := strings.Cut(origins.Public(in).Origin(), "://")
	h["X-Forwarded-Proto"] = []string{scheme}
	h["X-Forwarded-Host"] = []string{host}
}

func peerIP(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return ""
	}
	return host
}
