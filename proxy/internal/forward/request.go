package forward

import (
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// Request is a request for an application while it is being made, in one piece of
// memory.
type Request struct {
	// In is the client's request. It is only read.
	In *http.Request
	// URL and Host are where the request goes: In's path and query at the application's
	// address, and In's host. The caller may change path, query and host.
	URL  url.URL
	Host string
	// Header is what of In's may pass. The caller adds what the application is told.
	Header Header
	// NoStore keeps the answer out of every cache, whatever the application says: it
	// carries one person's cookies.
	NoStore bool

	filter        *wire.Filter // as for [Header.Copy]
	out           http.Request
	values        [21]string // of the headers that are added
	informational informational
}

// NewRequest begins the request for the application in the place of in. filter says
// which of its headers and trailers may pass, trusted that it came from a trusted proxy.
func (u *Upstream) NewRequest(in *http.Request, filter *wire.Filter, trusted bool) *Request {
	r := u.requests.get()
	r.In, r.filter = in, filter
	r.URL = url.URL{
		Scheme: u.target.Scheme, Host: u.target.Host,
		Path: in.URL.Path, RawPath: in.URL.RawPath,
		// No rule looks at the query, so the application gets it as it came, even if Go
		// cannot parse it. Only a number sign, which no target may have (RFC 9112,
		// section 3.2), is escaped: some servers would end the query there.
		RawQuery: strings.ReplaceAll(in.URL.RawQuery, "#", "%23"), ForceQuery: in.URL.ForceQuery,
	}
	r.Host = in.Host
	r.Header.values = r.values[:0]
	r.Header.Copy(in.Header, filter, trusted)
	return r
}

// outgoing is what the transport gets. It shares with r.In what is not changed.
func (r *Request) outgoing() *http.Request {
	out := &r.out
	*out = *r.In // context included
	out.URL, out.Host, out.Header = &r.URL, r.Host, r.Header.Map
	out.RequestURI, out.Close = "", false
	if r.In.ContentLength == 0 {
		out.Body = nil // no body at all; a transport may then try again
	}
	passTrailers(r.In, out, r.filter)
	return out
}

// maxPooledHeader is how many headers a request may have had for its memory to be
// used again.
const maxPooledHeader = 64

// requestPool lends the memory of requests. It may come back only when nobody can hold
// the request any more: a transport of net/http may for a while, and every transport
// while a body is under way.
type requestPool struct{ pool sync.Pool }

func (p *requestPool) get() *Request {
	if r, ok := p.pool.Get().(*Request); ok {
		return r
	}
	return &Request{Header: Header{Map: make(http.Header, 24)}}
}

func (p *requestPool) put(r *Request) {
	header := r.Header.Map
	if len(header) > maxPooledHeader {
		return
	}
	clear(header)
	*r = Request{Header: Header{Map: header}}
	p.pool.Put(r)
}
