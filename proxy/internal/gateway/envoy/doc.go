// Package envoy implements Envoy's external authorization over gRPC
// (envoy.service.auth.v3.Authorization/Check) for its filter
// envoy.filters.http.ext_authz.
//
// A check is converted to the HTTP request that Envoy received, which is judged as for
// the other gateways, and the answer is converted to a response for Envoy. Start with
// [New] and [Server.Serve].
//
// # Responses
//
// Only after a grant does the request go on to the application. The identity headers are
// set on it; those without a value, and every spelling that the client sent, are removed;
// each Set-Cookie reaches the browser. Every other answer goes to the browser as it is:
// a redirect, 401, 403, or a preflight's 204.
//
// # Requests
//
// Method, Host, path and query are exactly the client's. RemoteAddr is Envoy's address.
// Of the X-Forwarded headers there are only those that Envoy vouches for:
// X-Forwarded-For ends with the address of Envoy's client, and X-Forwarded-Proto is the
// scheme. The rules for a trusted proxy thus apply as if Envoy had forwarded the
// request. Identity headers from the client are removed. The body is empty, and the
// headers that describe one are removed.
//
// # Guarantees
//
//   - Only a grant gets the status OK. A check that is malformed, ambiguous or too
//     large is refused, and so is one whose judgement panics, writes nothing or writes
//     too much. A refusal is a response, not a gRPC error, which would let the request
//     pass if Envoy is configured with failure_mode_allow.
//   - Only peers that [Options] trusts may ask.
//   - Sizes, streams and times are bounded. [Server.Serve] leaves no goroutine behind.
package envoy
