// Package proxy is clerkgate's sidecar: a reverse proxy that judges each request by Clerk's
// session protocol, and forwards it to an upstream with X-Clerk-* headers that say who the
// user is. Gateways that forward requests themselves can ask it for the same judgement.
//
// [New] makes an [http.Handler] from a [settings.Config], which holds the environment and
// the routes file. [Run] serves that handler and the admin listener until its context ends,
// and applies a changed configuration without losing a request.
//
// The path of a request is in chain.go. Its route is found (match.go), it is judged by that
// route's rule (judge.go), package outbound prepares what its application gets, and package
// forward sends it there. What is known about the request on the way is its passage
// (passage.go). Forward auth rebuilds the request that a gateway asks about, and sends it
// along the same path; the gateway gets a grant where the application would get the request.
//
// What is guaranteed, whatever a client sends:
//
//   - An X-Clerk-* header that reaches the upstream was written here. A client's
//     copies are removed first, in any spelling, and from trailers too.
//   - X-Forwarded-* and Forwarded are rebuilt; a client's values count only if
//     the connection comes from a trusted proxy.
//   - The path that was judged is the path that the upstream gets. Wherever paths matter,
//     one that two parsers could read differently is refused with 400.
//   - A request needs a session unless its route is public; without a route it gets 404.
//   - A page of another site cannot act with the user's cookies.
//   - Only trusted peers can ask as gateways.
//   - The secret key is sent only to Clerk's APIs, as they are configured.
//   - Every response that sets Clerk's cookies has Cache-Control: no-store.
//
// README.md, "Identity headers", describes how values in X-Clerk-* headers are encoded.
package proxy
