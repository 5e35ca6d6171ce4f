// Package forward carries one judged request to one application, and its response back.
//
// It does what [net/http/httputil.ReverseProxy] does, in one pass over the headers and
// without that type's second request and contexts. A client's headers about the
// connection, about its identity and about proxies are removed (RFC 9110, section
// 7.6.1), and the caller's are written afterwards, so that nothing that a client lists
// in its Connection header can remove them (GHSA-w9mr-28mw-j8hg).
//
// An [Upstream] is one application. [Upstream.NewRequest] begins a [Request] with those
// of the client's headers that may pass; the caller adds headers, changes host and path,
// and passes it to [Upstream.Forward]. Nothing here knows of routes, sessions or settings.
package forward
