// Package gateway answers gateways that ask whether they may pass a request on: nginx,
// Traefik, Caddy, HAProxy and Envoy over HTTP, and Envoy over gRPC in the package envoy
// below.
//
// An [Endpoint] makes the original request again of what the gateway tells, hands it to
// whoever judges, and says the [Answer] as that gateway understands it. What judges
// writes to the Answer as to any client, and calls [Answer.Grant] where a proxied
// request would go to the application.
//
// What is guaranteed:
//
//   - Nothing but a grant is a yes. An answer that is incomplete, too long or 200 for
//     another reason is a refusal, to every gateway.
//   - A grant tells every identity header, empty where there is nothing to tell, so that
//     a gateway that copies them overwrites what a client sent.
//   - Only trusted peers are answered. Whoever else could choose which request is judged
//     would get a yes for one and use it for another (CVE-2026-40575).
//   - Each gateway is read from one set of headers, which it overwrites; there is no
//     falling back on one that the client may have written.
package gateway
