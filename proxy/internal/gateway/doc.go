// Package gateway implements forward auth: it answers gateways that ask whether they
// may pass a request on. These are nginx, Traefik, Caddy, HAProxy and Envoy over HTTP;
// package envoy is for Envoy over gRPC.
//
// An [Endpoint] rebuilds the original request from the gateway's, passes it to a function
// that judges it, and translates the [Answer] for that gateway. The function writes to
// the Answer as to a client, and calls [Answer.Grant] where a proxied request would be
// forwarded to the application.
//
// Guarantees:
//
//   - Only a grant lets a request pass. For every gateway, an answer that is incomplete,
//     too long, or 200 for another reason is a refusal.
//   - A grant holds every identity header, empty if there is no value, so that a gateway
//     that copies them overwrites what a client sent.
//   - Only trusted peers get an answer. Anybody else could get a grant for one request
//     and use it for another (CVE-2026-40575).
//   - For each gateway, the original request is read from one set of headers, which the
//     gateway overwrites; there is no fallback to headers that the client may have sent.
package gateway
