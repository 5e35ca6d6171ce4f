// Package proxy is clerkgate's sidecar: a reverse proxy that lets a request
// through to an upstream once Clerk's session protocol has judged it, and tells
// the upstream who is there in X-Clerk-* headers. Gateways that forward requests
// themselves can ask it for the same judgement.
//
// A [settings.Config] says what the environment and the routes file ask for, [New]
// makes an [http.Handler] of it, [Run] serves that handler and the admin listener until its
// context ends, and puts a changed configuration to work without losing a request.
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
//     copies go first, in any spelling, in trailers too.
//   - X-Forwarded-* and Forwarded are rebuilt; a client's values count only when
//     the connection comes from a trusted proxy.
//   - The path that the policy judged is the path that the upstream gets. What two
//     parsers could read differently is refused with 400 wherever paths matter.
//   - What no route makes public needs a session; what no route matches is 404.
//   - A page of another site cannot act with the user's cookies.
//   - Only trusted peers are answered as gateways.
//   - The secret key is sent to the Frontend API that was configured, and to no
//     other host.
//   - Every answer that sets Clerk's cookies has Cache-Control: no-store.
//
// Values in X-Clerk-* headers are encoded by one rule: each byte outside 0x21 to
// 0x7e, and the percent sign, is written as %XX. A value longer than 1 KiB after
// that is left out, because a shortened name could be somebody else's. The scopes
// in X-Clerk-Scopes are encoded one by one and joined by spaces.
package proxy
