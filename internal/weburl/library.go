package weburl

import (
	"fmt"
	"net/url"
	"strings"

	whatwgerrors "github.com/nlnwa/whatwg-url/errors"
	whatwg "github.com/nlnwa/whatwg-url/url"
	"golang.org/x/text/unicode/norm"

	"github.com/clerkgate/clerkgate/internal/javascript"
)

// parseLibrary runs the parser that this package wraps, and refuses hosts that the
// parser is known to misread. A host that is refused costs one request; a host that
// two parties read differently costs an account.
func parseLibrary(raw string, base *whatwg.Url) (*whatwg.Url, error) {
	if !bounded(raw) {
		return nil, ErrTooLong
	}
	var host string
	parser := whatwg.NewParser(whatwg.WithPreParseHostFunc(func(_ *whatwg.Url, h string) string {
		host = h
		return h
	}))
	w, err := parser.BasicParser(javascript.ReplaceInvalid(raw), base, nil, whatwg.NoState)
	if err != nil {
		// The library's texts quote the input; only the kind is safe to pass on.
		return nil, fmt.Errorf("%w: %s", ErrInvalid, whatwgerrors.Type(err))
	}
	switch {
	case strings.HasPrefix(host, "[") && strings.Trim(host, "[]") != host[1:len(host)-1]:
		return nil, fmt.Errorf("%w: more than one pair of brackets around an IPv6 address", ErrInvalid)
	case host != "" && w.IsIPv4() && hasSign(host):
		return nil, fmt.Errorf("%w: a signed number in the host", ErrInvalid)
	case host != "" && !stable(w):
		return nil, fmt.Errorf("%w: an internationalized host that does not survive a second parse", ErrInvalid)
	}
	return w, nil
}

// The library's running time is quadratic in some lengths: 32 KiB of slashes would
// keep a processor busy for a second. Node.js refuses requests whose header is longer
// than 16 KiB.
const (
	maxLength    = 32 << 10 // bytes of a URL
	maxSlashes   = 512      // before the query
	maxAuthority = 1 << 10  // bytes between "//" and the path
)

// bounded reports whether a URL is small enough to be parsed quickly.
func bounded(raw string) bool {
	if len(raw) > maxLength {
		return false
	}
	if strings.ContainsAny(raw, "\t\r\n") { // dropped by the parser, even between two slashes
		raw = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(raw)
	}
	if i := strings.IndexAny(raw, "?#"); i >= 0 {
		raw = raw[:i]
	}
	raw = strings.ReplaceAll(raw, `\`, "/")
	if strings.Count(raw, "/") > maxSlashes {
		return false
	}
	// The authority may follow any number of slashes, or only the scheme.
	_, rest, found := strings.Cut(raw, ":")
	if !found || strings.HasPrefix(raw, "//") {
		rest = raw
	}
	authority, _, _ := strings.Cut(strings.TrimLeft(rest, "/"), "/")
	return len(authority) <= maxAuthority || !strings.HasPrefix(rest, "/") && !strings.Contains(authority, "@")
}

// hasSign reports whether a host that was read as an IPv4 address has a plus or minus
// sign: the library reads "-1" as 255.255.255.255.
func hasSign(host string) bool {
	if h, err := url.PathUnescape(host); err == nil {
		host = h
	}
	return strings.ContainsAny(norm.NFKC.String(host), "+-")
}

// stable reports whether the Punycode form of the host parses to the same host.
func stable(w *whatwg.Url) bool {
	switch w.Scheme() {
	case "http", "https", "ws", "wss", "ftp", "file":
	default:
		return true // hosts of other schemes are opaque text
	}
	name := w.Hostname()
	if !strings.Contains(name, "xn--") {
		return true
	}
	again, err := whatwg.Parse("http://" + name + "/")
	return err == nil && again.Hostname() == name
}
