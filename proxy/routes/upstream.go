package routes

import (
	"fmt"
	"net/url"

	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/internal/wire"
)

// maxSocketPath is what Linux allows in the name of a Unix socket, in bytes.
const maxSocketPath = 107

// ParseUpstream reads where an application listens: http://host[:port],
// https://host[:port] or unix:/path, without a path of its own. It returns the URL
// in its one form, host in lower case. The error is a [*problem.Problem].
func ParseUpstream(s string) (*url.URL, error) {
	const want = "http://127.0.0.1:3000, https://host or unix:/path/to.sock"
	u, err := url.Parse(s)
	p := &problem.Problem{Found: problem.QuoteURL(s), Want: want}
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "unix":
		return nil, p
	case u.User != nil:
		p.Found = "a URL with a user"
		return nil, p
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		p.Found = "a URL with a query or a fragment"
		return nil, p
	case u.Scheme == "unix":
		if u.Host != "" || u.Opaque != "" || len(u.Path) < 2 || len(u.Path) > maxSocketPath {
			p.Want = fmt.Sprintf("unix: and the socket's absolute path, of %d bytes at most", maxSocketPath)
			return nil, p
		}
		return &url.URL{Scheme: "unix", Path: u.Path, RawPath: u.RawPath, OmitHost: true}, nil
	case u.Path != "" && u.Path != "/":
		p.Found += ", with a path"
		p.Want = want + ": paths go to the application as they are"
		return nil, p
	}
	_, host, ok := wire.CanonicalHost(u.Host)
	if !ok {
		p.Found += ", whose host or port is not valid"
		return nil, p
	}
	return &url.URL{Scheme: u.Scheme, Host: host}, nil
}
