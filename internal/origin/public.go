package origin

import (
	"net/http"
	"strings"

	"github.com/clerkgate/clerkgate/internal/weburl"
)

// invalidOrigin stands in where no URL can be read. RFC 2606 keeps the name from
// ever being somebody's.
const invalidOrigin = "http://invalid.invalid"

// Public is the URL of a request as the outside world wrote it. It never changes,
// so any number of goroutines may use it.
type Public struct {
	// The origin is scheme and host; kept apart, since few requests need it whole.
	scheme, host string
	pathname     string
	query        string
	url          *weburl.URL // nil: origin, pathname and query are the whole URL
	valid        bool
}

// Public derives the public URL of r: the scheme of the connection, Host and
// request target, the first two replaced by X-Forwarded-Proto and
// X-Forwarded-Host from a trusted peer. The result is never nil.
func (res *Resolver) Public(r *http.Request) *Public {
	in := res.input(r)
	if p := in.fast(); p != nil {
		return p
	}
	return in.slow()
}

// input is all that the public URL depends on.
type input struct {
	scheme string // of the connection: "http" or "https"
	host   string // Host header
	target string // path and query, always beginning with "/"

	// Forwarded values, the first element of each list. "has" tells an empty
	// header from an absent one: the empty one cancels the other as well.
	fwdHost, fwdProto       string
	hasFwdHost, hasFwdProto bool
}

func (res *Resolver) input(r *http.Request) input {
	in := input{scheme: "http", host: r.Host, target: target(r)}
	if r.TLS != nil {
		in.scheme = "https"
	}
	if res.TrustedPeer(r) {
		in.fwdHost, in.hasFwdHost = first(r.Header["X-Forwarded-Host"])
		in.fwdProto, in.hasFwdProto = first(r.Header["X-Forwarded-Proto"])
	}
	return in
}

// first returns the text before the first comma. JavaScript joins repeated
// headers by ", ", so the first line is all that can matter.
func first(lines []string) (value string, ok bool) {
	if len(lines) == 0 {
		return "", false
	}
	value, _, _ = strings.Cut(strings.Trim(lines[0], " \t\r\n"), ",")
	return value, true
}

// target returns path and query of the request line. The absolute form loses its
// scheme and authority (net/http has put the latter into Host); "*" and the
// authority form of CONNECT have no path.
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

// slow is deriveUrlFromHeaders of the reference, on WHATWG URLs.
func (in input) slow() *Public {
	initial := in.initial()
	if initial == nil {
		return &Public{host: invalidOrigin, pathname: "/"}
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
	// The reference resolves pathname and search against the base in one go, and
	// then "//evil.example/x" is a host. Only the query is resolved here.
	public, err := weburl.ParseRef("/"+initial.Search(), base)
	if err != nil {
		return fromURL(initial)
	}
	public.SetPathname(initial.Pathname())
	return fromURL(public)
}

// initial returns the URL of the request without forwarded headers, or nil. A
// Host header with characters that end the host, or with credentials, would make
// text of the client's choice the host or the path: the reference's runtime
// refuses the latter as well.
func (in input) initial() *weburl.URL {
	if in.host == "" || strings.ContainsAny(in.host, "/?#\\@ \t\r\n") {
		return nil
	}
	u, err := weburl.Parse(in.scheme + "://" + in.host + in.target)
	if err != nil {
		return nil
	}
	return u
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

// Valid reports whether the request had a readable URL. If not, the other
// methods describe http://invalid.invalid/.
func (p *Public) Valid() bool { return p.valid }

// Origin returns scheme, host and port, without a default port, or "null" for a
// forwarded protocol that has no origin in the sense of browsers.
func (p *Public) Origin() string { return p.scheme + p.host }

// PageOrigin returns the Origin header of pages at this address. It is [Public.Origin]
// but for WebSockets that a proxy tells of in their own schemes, ws and wss, as
// Traefik does: pages have http and https.
func (p *Public) PageOrigin() string {
	origin := p.Origin()
	if rest, ok := strings.CutPrefix(origin, "ws"); ok && (strings.HasPrefix(rest, "://") || strings.HasPrefix(rest, "s://")) {
		return "http" + rest
	}
	return origin
}

// SchemeAndHost returns the parts of [Public.Origin]; ok is false for an origin that
// has none.
func (p *Public) SchemeAndHost() (scheme, host string, ok bool) {
	if p.scheme != "" {
		return strings.TrimSuffix(p.scheme, "://"), p.host, true
	}
	return strings.Cut(p.host, "://")
}

// IsOriginOf reports, without a parse, that url plainly belongs to this origin:
// it begins with the origin and a slash. False decides nothing.
func (p *Public) IsOriginOf(url string) bool {
	rest, ok := strings.CutPrefix(url, p.scheme)
	if !ok {
		return false
	}
	rest, ok = strings.CutPrefix(rest, p.host)
	return ok && strings.HasPrefix(rest, "/")
}

// Pathname returns the path, dot segments resolved, percent-encoded.
func (p *Public) Pathname() string { return p.pathname }

// Query returns the first value of a query parameter, decoded, and whether there
// is one.
func (p *Public) Query(name string) (value string, ok bool) {
	return weburl.QueryGet(p.query, name)
}

// HasQuery reports whether the query has the parameter, with or without a value.
func (p *Public) HasQuery(name string) bool {
	_, ok := p.Query(name)
	return ok
}

// URL returns the whole URL, a new one with each call, never nil.
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

// Href returns the whole URL as text.
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
