// Package serve runs a handler as a server that is safe to expose to the internet:
// listeners with TLS and both versions of HTTP, limits for each client, probes on a
// separate listener, reloads, and a shutdown that lets requests finish. It does not
// depend on what the handler does.
//
// [Run] does this for an [App]. The caller wraps the handler in the two parts that see
// each request, outermost first: [InFlight.Count], which Run needs to wait for requests,
// and [Limit].
//
// Whatever a client sends or fails to send:
//
//   - Every wait for a client is bounded, and the total time of a stream or a large file
//     is not.
//   - The number of headers, cookies and connections, and the size of headers and
//     bodies, are bounded.
//   - A request that is malformed or too large gets a 4xx response, from [Limit] or from
//     net/http, before the handler sees it.
//   - Nothing that follows a broken body on its connection is parsed as a request.
//   - A client that is refused in the middle of an upload can read the response.
package serve
