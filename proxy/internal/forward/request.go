package forward

import (
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// Request is a request for an application while it is being built, in one allocation.
type Request struct {
	// In is the client's request. It is only read.
	In *http.Request
	// URL and Host are where the request goes: In's path and query at the application's
	// address, and In's host. The caller may change path, query and host.
	URL  url.URL
	Host string
	// Header holds those of In's headers that may pass. The caller adds others.
	Header Header
	// NoStore keeps the response out of every cache, whatever the application says: it
	// carries one person's cookies.
	NoStore bool
	// Watcher is told if the request turns out to last; nil if it may last in any case.
	Watcher Watcher

	filter        *wire.Filter // as for [Header.Copy]
	out           http.Request
	values        [22]string // of the headers that are added
	informational informational
}

// NewRequest begins the request that the application gets in place of in. filter says
// which headers and trailers may pass, and trusted whether in came from a trusted proxy.
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

// outgoing returns the request for the transport. It shares with r.In what is not
// changed.
func (r *Request) outgoing() *http.Request {
	out := &r.out
	*out = *r.In // context included
	out.URL, out.Host, out.Header = &r.URL, r.Host, r.Header.Map
	out.RequestURI, out.Close = "", false
	if r.In.ContentLength == 0 {
		out.Body = nil // so that a transport may retry
	}
	passTrailers(r.In, out, r.filter)
	return out
}

// maxPooledHeader is the most headers that a request may have had if its memory is used
// again.
const maxPooledHeader = 64

// requestPool reuses the memory of requests. It must be returned only when nothing refers
// to the request any more: a transport of net/http may do so for a while after the round
// trip, and every transport while a body is being sent.
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
