package settings

import (
	"net/url"
	"strings"

	"github.com/clerkgate/clerkgate/proxy/routes"
)

// noUpstream is the CLERKGATE_UPSTREAM of a server that only answers gateways.
const noUpstream = "none"

func readUpstream(s string) (*url.URL, error) {
	if s == noUpstream {
		return nil, nil
	}
	return routes.ParseUpstream(s)
}

// readOwnPath reads a path of clerkgate's own.
func readOwnPath(s string) (string, error) {
	if routes.CheckPattern(s) != nil || len(s) < 2 || strings.HasSuffix(s, "*") || strings.HasSuffix(s, "/") {
		return "", expected(s, "a path such as "+defaultForwardAuthPath)
	}
	return s, nil
}

// readSignOutPath reads such a path, or the word that turns the page off.
func readSignOutPath(s string) (string, error) {
	if s == signOutOff {
		return s, nil
	}
	path, err := readOwnPath(s)
	if err != nil {
		return "", expected(s, "a path such as "+defaultSignOutPath+", or "+signOutOff)
	}
	return path, nil
}

// readPublicPath reads a pattern of paths that need no session.
func readPublicPath(s string) (string, error) {
	if routes.CheckPattern(s) != nil {
		return "", expected(s, "paths such as /health, or /assets/* for everything below; no dot segments, no encoded slashes, * only at the end")
	}
	return s, nil
}

// readServerName reads the name that a certificate must have.
func readServerName(s string) (string, error) {
	if !routes.ValidServerName(s) {
		return "", expected(s, "a host without port, such as app.internal")
	}
	return s, nil
}
