package settings

import (
	"net/url"
	"strings"

	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/internal/urlpath"
	"github.com/clerkgate/clerkgate/internal/wire"
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

// readOrigin reads an http or https URL that has no path.
func readOrigin(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || !isOrigin(u) {
		return nil, &problem.Problem{Found: problem.QuoteURL(s), Want: "an http or https origin, such as https://clerk.example.com"}
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

func isHTTP(u *url.URL) bool {
	_, _, ok := wire.CanonicalHost(u.Host)
	return (u.Scheme == "http" || u.Scheme == "https") && ok && u.Opaque == ""
}

func isOrigin(u *url.URL) bool {
	return isHTTP(u) && (u.Path == "" || u.Path == "/") && u.User == nil && u.RawQuery == "" && u.Fragment == "" && !u.ForceQuery
}

// readProxyURL reads a path of the application, or an absolute URL.
func readProxyURL(s string) (string, error) {
	// Slashes at the end mean nothing, and Clerk's SDK takes them off as well.
	u, err := url.Parse(strings.TrimRight(s, "/"))
	ok := err == nil && u.User == nil && u.RawQuery == "" && u.Fragment == "" && !u.ForceQuery
	if ok && u.Path != "" {
		var path string
		path, ok = urlpath.Canonical(u)
		ok = ok && path == u.EscapedPath()
	}
	if ok {
		isPath := u.Scheme == "" && u.Host == "" && len(u.Path) > 1
		ok = isPath || isHTTP(u)
	}
	if !ok {
		return "", &problem.Problem{
			Found: problem.QuoteURL(s),
			Want:  "a path of the application such as /__clerk, or an absolute URL such as https://app.example.com/__clerk",
		}
	}
	return s, nil
}

// readOwnPath reads a path of this server that clerkgate keeps for itself.
func readOwnPath(s string) (string, error) {
	if routes.CheckPattern(s) != nil || len(s) < 2 || strings.HasSuffix(s, "*") || strings.HasSuffix(s, "/") {
		return "", expected(s, "a path such as "+defaultForwardAuthPath)
	}
	return s, nil
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

// readJWTKey reads a key as it is, but for line ends that had to be written out.
func readJWTKey(s string) (string, error) {
	if isFileName(s) {
		return "", &problem.Problem{
			Found: "the name of a file", Want: "the instance's public key itself, in PEM",
			Remedy: "Set it to what the file holds, such as " + EnvJWTKey + `="$(cat clerk.pem)".`,
		}
	}
	return strings.ReplaceAll(s, `\n`, "\n"), nil
}

// isFileName tells the name of a file from a key, which has no dot and begins with
// a dash or, in base64, with MII.
func isFileName(s string) bool {
	return !strings.HasPrefix(s, "-----") && (strings.HasPrefix(s, "/") || strings.HasPrefix(s, "~/") || strings.Contains(s, "."))
}
