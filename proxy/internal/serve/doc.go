// Package serve runs one handler as a server that strangers may reach: its
// listeners, with TLS and both versions of HTTP, limits on what a client can hold,
// probes on a listener of their own, reloads, and an end that lets requests finish.
// It knows nothing of what the handler does.
//
// [Run] does all of it for an [App]. The two parts that stand in the way of each
// request are the caller's to put before the handler, outermost first:
// [InFlight.Count], which Run needs to wait for the last of them, and [Limit].
//
// What is guaranteed, whatever a client sends or fails to send:
//
//   - Every wait for a client has an end, and none of them is a limit on the whole
//     of a stream or a large file.
//   - The number of headers, cookies and connections, and the size of headers and
//     bodies, are bounded.
//   - What cannot be a request, or is too large, is answered with a status of the
//     400s, by [Limit] or by net/http, before the handler looks at it.
//   - Nothing that follows a broken body on its connection is read as a request.
//   - A client that is refused in the middle of an upload can read why.
package serve
