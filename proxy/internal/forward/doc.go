// Package forward carries one judged request to one application, and its answer back.
//
// It does what [net/http/httputil.ReverseProxy] does, in one pass over the headers and
// without that type's second request and contexts. What a client says about the hop,
// about who it is and about proxies goes (RFC 9110, section 7.6.1), and what the caller
// knows is written afterwards, so that nothing a client lists in its Connection header
// can remove it (GHSA-w9mr-28mw-j8hg).
//
// An [Upstream] is one application. [Upstream.NewRequest] begins a [Request] with what
// of a client's may pass; the caller adds headers, changes host and path, and gives it
// to [Upstream.Forward]. Nothing here knows of routes, sessions or settings.
package forward
