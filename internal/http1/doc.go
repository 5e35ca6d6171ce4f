// Package http1 carries requests to one HTTP/1.1 upstream, over TCP or a unix
// socket, as an [http.RoundTripper] that does its work in the caller's goroutine.
//
// net/http's Transport hands each request to two goroutines of the connection and
// back. For a proxy that costs more than the request itself. Here the caller
// writes the request, waits, and reads the response. Only a request's body is sent by
// another goroutine, because the response may begin before the body ends; a short body
// that GetBody can return again is sent together with the header.
//
// Begin with [New]. A [Transport] reaches whatever its Dial reaches: the host of a
// request's URL is for the Host header only.
//
// # What it does as net/http's Transport does
//
// Idle connections are reused, last in first out. One that the upstream has closed,
// or on which it has sent something without being asked, is detected before anything
// is sent, and dropped. A request that was sent on a reused connection and got not a
// single byte is sent once more on a new connection if it is idempotent and its
// body, if it has one, can be had again by GetBody. If the upstream says how long it
// keeps idle connections (Keep-Alive: timeout=5), they are used until a second before.
//
// Informational responses go to Got1xxResponse and Got100Continue of the
// [net/http/httptrace.ClientTrace] in the context, in the caller's goroutine; the
// other hooks are not called. The end of a request's context closes its
// connection, at any point, and [context.Cause] is the error. In the first moments of
// a request this may come up to 20 ms late: a callback for each request would cost
// more than it is worth, since most are over by then. The deprecated Cancel field of
// [http.Request] is ignored.
//
// # Where it is stricter
//
// A response that two parsers could read differently is an error: both
// Content-Length and Transfer-Encoding, a coding other than chunked, a coding in
// HTTP/1.0, control characters, a misspelled or folded header that says where the
// response ends, a 101 that was not asked for. Other header lines that are not valid
// HTTP are corrected or dropped, as field_line.go says.
//
// A request that two parsers could read differently is an error too: a Content-Length
// header that is not the body's length, an invalid method, target or host, CONNECT.
// Headers that frame a message are written by this package alone; those of the request
// are left out, however they are spelled.
//
// # Where it differs
//
// A path that begins with two slashes is sent as it is, where net/http makes a URL of
// it whose host is the path's first segment. No User-Agent is invented, and no
// compression asked for. A body that waits for 100 Continue is not sent once the final
// response has arrived.
//
// Connections that cannot be checked before use are not kept: all but [*net.TCPConn]
// and [*net.UnixConn], and all on systems other than Unix.
package http1
