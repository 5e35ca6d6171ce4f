package origin

import (
	"errors"
	"net/http"
	"strings"

	"github.com/clerkgate/clerkgate/internal/weburl"
)

// invalidOrigin replaces a URL that cannot be parsed. RFC 2606 reserves the name.
const invalidOrigin = "http://invalid.invalid"

// Public is the public URL of a request. It is immutable, and safe for concurrent use.
type Public struct {
	// scheme and host make the origin. They are stored separately because few requests
	// need the whole.
	scheme, host string
	pathname     string
	query        string
	url          *weburl.URL // nil: origin, pathname and query are the whole URL
	valid        bool
	tooLong      bool // which is why it is not valid
	trusted      bool // the peer is a trusted proxy
}

// Public returns the public URL of r. It is made of the connection's scheme, the Host
// header and the request target; X-Forwarded-Proto and X-Forwarded-Host of a trusted
// peer replace the first two. The result is never nil.
func (res *Resolver) Public(r *http.Request) *Public {
	in := res.input(r)
	p := in.fast()
	if p == nil {
		p = in.slow()
	}
	p.trusted = in.trusted
	return p
}

// Trusted reports whether the request came from a trusted proxy, whose word on it is
// believed.
func (p *Public) Trusted() bool { return p.trusted }

// input is everything that the public URL depends on.
type input struct {
	scheme string // of the connection: "http" or "https"
	host   string // Host header
	target string // path and query, always beginning with "/"

	// The first element of each forwarded list. The booleans tell an empty header from
	// an absent one: if either is empty, neither is used.
	fwdHost, fwdProto       string
	hasFwdHost, hasFwdProto bool
	trusted                 bool // the peer
}

func (res *Resolver) input(r *http.Request) input {
	in := input{scheme: "http", host: r.Host, target: target(r)}
	if r.TLS != nil {
		in.scheme = "https"
	}
	if in.trusted = res.TrustedPeer(r); in.trusted {
		in.fwdHost, in.hasFwdHost = first(r.Header["X-Forwarded-Host"])
		in.fwdProto, in.hasFwdProto = first(r.Header["X-Forwarded-Proto"])
	}
	return in
}

// first returns the text before the first comma. JavaScript joins repeated headers
// with ", ", so only the first line matters.
func first(lines []string) (value string, ok bool) {
	if len(lines) == 0 {
		return "", false
	}
	value, _, _ = strings.Cut(strings.Trim(lines[0], " \t\r\n"), ",")
	return value, true
}

// target returns the path and query of the request line. The scheme and authority of
// the absolute form are dropped (net/http has stored the latter in Host); for "*" and
// the authority form of CONNECT it returns "/".
func target(r *http.Request) string {
	t := r.RequestURI
	if t == "" && r.URL != nil {
		t = r.URL.RequestURI()
	}
	if strings.HasPrefix(t, "/") {
		return t
	}
	if r.Method != http.MethodConnect {
		if _, rest, ok := strings.Cut(t, "://"); ok {
			if i := strings.IndexAny(rest, "/?#"); i >= 0 {
				t = rest[i:]
				if t[0] != '/' {
					t = "/" + t
				}
				return t
			}
		}
	}
	return "/"
}

// slow is deriveUrlFromHeaders of @clerk/backend, with WHATWG URLs.
func (in input) slow() *Public {
	initial, err := in.initial()
	if err != nil {
		return &Public{host: invalidOrigin, pathname: "/", tooLong: errors.Is(err, weburl.ErrTooLong)}
	}
	host, proto := in.host, in.scheme
	if in.hasFwdHost {
		host = in.fwdHost
	}
	if in.hasFwdProto {
		proto = in.fwdProto
	}
	if host == "" || proto == "" {
		return fromURL(initial)
	}
	base := proto + "://" + host
	if base == initial.Origin() {
		return fromURL(initial)
	}
	// The SDK resolves pathname and search against the base together, which makes
	// "//evil.example/x" a host. Here only the query is resolved.
	public, err := weburl.ParseRef("/"+initial.Search(), base)
	if err != nil {
		return fromURL(initial)
	}
	public.SetPathname(initial.Pathname())
	return fromURL(public)
}

// initial returns the URL of the request without forwarded headers. With a Host header that holds credentials, or characters that end the host,
// the client could choose the host or the path; Node.js refuses credentials as well.
func (in input) initial() (*weburl.URL, error) {
	if in.host == "" || strings.ContainsAny(in.host, "/?#\\@ \t\r\n") {
		return nil, weburl.ErrInvalid
	}
	return weburl.Parse(in.scheme + "://" + in.host + in.target)
}

func fromURL(u *weburl.URL) *Public {
	return &Public{
		host:     u.Origin(),
		pathname: u.Pathname(),
		query:    strings.TrimPrefix(u.Search(), "?"),
		url:      u,
		valid:    true,
	}
}

// Valid reports whether the request's URL could be parsed. If not, the other methods
// describe http://invalid.invalid/.
func (p *Public) Valid() bool { return p.valid }

// TooLong reports whether the URL is not valid because it is too long or has too many
// slashes. Otherwise the request's host is the reason.
func (p *Public) TooLong() bool { return p.tooLong }

// Origin returns scheme, host and, unless it is the default, port. It returns "null"
// for a forwarded protocol that browsers give an opaque origin.
func (p *Public) Origin() string { return p.scheme + p.host }

// PageOrigin returns the Origin header that pages at this URL send. It is
// [Public.Origin], with http and https in place of ws and wss, which some proxies such
// as Traefik forward as the protocol of WebSockets.
func (p *Public) PageOrigin() string {
	origin := p.Origin()
	if rest, ok := strings.CutPrefix(origin, "ws"); ok && (strings.HasPrefix(rest, "://") || strings.HasPrefix(rest, "s://")) {
		return "http" + rest
	}
	return origin
}

// SchemeAndHost returns the parts of [Public.Origin]; ok is false if it is "null".
func (p *Public) SchemeAndHost() (scheme, host string, ok bool) {
	if p.scheme != "" {
		return strings.TrimSuffix(p.scheme, "://"), p.host, true
	}
	return strings.Cut(p.host, "://")
}

// IsOriginOf reports whether url begins with this origin and a slash. It does not
// parse: url may belong to this origin even if the result is false.
func (p *Public) IsOriginOf(url string) bool {
	rest, ok := strings.CutPrefix(url, p.scheme)
	if !ok {
		return false
	}
	rest, ok = strings.CutPrefix(rest, p.host)
	return ok && strings.HasPrefix(rest, "/")
}

// Pathname returns the path, percent-encoded and with dot segments resolved.
func (p *Public) Pathname() string { return p.pathname }

// Query returns the first value of a query parameter, decoded; ok is false if there is
// none.
func (p *Public) Query(name string) (value string, ok bool) {
	return weburl.QueryGet(p.query, name)
}

// HasQuery reports whether the query has the parameter, with or without a value.
func (p *Public) HasQuery(name string) bool {
	_, ok := p.Query(name)
	return ok
}

// URL returns the whole URL. Each call returns a new value, which is never nil.
func (p *Public) URL() *weburl.URL {
	if p.url != nil {
		return p.url.Clone()
	}
	u, err := weburl.Parse(p.Href())
	if err != nil {
		u, _ = weburl.Parse(invalidOrigin)
	}
	return u
}

// Href returns the whole URL as a string.
func (p *Public) Href() string {
	switch {
	case p.url != nil:
		return p.url.Href()
	case p.query != "":
		return p.Origin() + p.pathname + "?" + p.query
	default:
		return p.Origin() + p.pathname
	}
}
