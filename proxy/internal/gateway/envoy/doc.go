// Package envoy answers Envoy's external authorization over gRPC
// (envoy.service.auth.v3.Authorization/Check), as the filter
// envoy.filters.http.ext_authz asks it.
//
// A check is turned back into the HTTP request that Envoy was sent, which is judged as
// for the other gateways. The answer is then said in Envoy's words. Begin with [New]
// and [Server.Serve].
//
// # What is answered
//
// After a grant, and nothing else, the request goes on to the application. The identity
// headers are set on it, the empty ones and every spelling that the client sent itself
// are removed, and each Set-Cookie reaches the browser. Every other answer goes to the
// browser as it is: a redirect, 401, 403, a preflight's 204.
//
// # What is judged
//
// Method, Host, path and query are the client's, to the byte. RemoteAddr is
// Envoy's address. Of the X-Forwarded family there is only what Envoy vouches
// for: X-Forwarded-For ends in the address of Envoy's own client, and
// X-Forwarded-Proto is the scheme; so the rules for a trusted proxy apply as if
// Envoy had passed the request on. Identity headers that the client sent are
// gone. The body is empty, and the headers that describe one are left out.
//
// # What is guaranteed
//
//   - Only a grant is answered with OK. A check that is malformed, ambiguous or too
//     large, a judgement that panics, writes nothing or writes too much are refused,
//     and refused by an answer rather than by a gRPC error: an error would let the
//     request pass where Envoy is set to failure_mode_allow.
//   - Only peers that [Options] trusts are heard.
//   - Sizes, streams and waiting times are bounded. [Server.Serve] leaves no
//     goroutine behind.
package envoy
