// Package http1 carries requests to one HTTP/1.1 upstream, over TCP or a unix
// socket, as an [http.RoundTripper] that does its work in the caller's goroutine.
//
// net/http's Transport hands each request to two goroutines of the connection and
// back. For a proxy that costs more than the request itself. Here the caller
// writes the request, waits, and reads the answer. Only a request body that is still
// arriving is sent by a goroutine, because an answer may come before its end; one that
// can be had again by GetBody, and is short, goes out with the header.
//
// Begin with [New]. A [Transport] reaches whatever its Dial reaches: the host of a
// request's URL is for the Host header only.
//
// # What is kept of net/http's Transport
//
// Idle connections are reused, last in first out. One that the upstream has closed,
// or on which it has said something nobody asked for, is found out before anything
// is sent and dropped. A request that was sent on a reused connection and got not a
// single byte is sent once more on a new connection if it is idempotent and its
// body, if any, can be had again by GetBody. An upstream that says how long it keeps
// idle connections (Keep-Alive: timeout=5) is believed, less a second.
//
// Informational answers go to Got1xxResponse and Got100Continue of the
// [net/http/httptrace.ClientTrace] in the context, in the caller's goroutine; the
// other hooks are not called. The end of a request's context closes its
// connection, at any point, and [context.Cause] is the error. In the first moments of
// a request this may come up to 20 ms late: a callback for each request would cost
// more than it is worth, since most are over by then. The other way to cancel, the
// deprecated Cancel of [http.Request], is not looked at.
//
// # Where it is stricter
//
// An answer that two parsers could read differently is an error: both
// Content-Length and Transfer-Encoding, a coding other than chunked, a coding in
// HTTP/1.0, control characters, a misspelled or folded header that says where the
// answer ends, a 101 that nobody asked for. Other header lines that are no HTTP are
// mended or dropped, as field_line.go says. So is a request that would be: a Content-Length header that is
// not the body's, a method, target or host that is not one, CONNECT. Headers that
// frame a message are written by this package alone, in whatever spelling they
// stand in the request.
//
// # Where it differs
//
// A path that begins with two slashes is sent as it is, where net/http makes a URL of
// it whose host is the path's first segment. No User-Agent is invented, and no
// compression asked for. A body that waits for 100 Continue is not sent any more once
// the final answer is there.
//
// Connections that cannot be looked at before use are not kept: all but
// [*net.TCPConn] and [*net.UnixConn], and those on systems other than Unix.
package http1
