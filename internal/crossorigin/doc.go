// Package crossorigin decides what pages of other origins may do: [CORS] lets listed
// origins read responses, [Guard] keeps all others from using the cookies that the
// browser sends.
//
// # CORS
//
// [NewCORS] returns the policy of a route. [CORS.Handler] belongs in front of
// everything else, including authentication: a preflight never carries a cookie, and a
// page can tell 401 from a network error only if the refusal has the headers too. The
// upstream's own CORS headers are removed, because two policies would combine to the
// laxer one, or to two values, which browsers reject.
//
// # Guard
//
// [NewGuard] and [Guard.Allows] prevent cross-site request forgery. They rely on headers
// that browsers set and pages cannot change: Sec-Fetch-Site, and Origin for browsers
// before 2023 and for plain HTTP, where Sec-Fetch-Site is not sent. Call Allows only
// for requests whose credential is a cookie. The design is that of
// [net/http.CrossOriginProtection], which is not used itself for three reasons:
//
//   - It compares only the host of Origin. A page on http://app.example, which anyone on
//     the network path can forge, could then act on https://app.example in a browser
//     without Sec-Fetch-Site (as in CVE-2025-24358, in another package). Here scheme,
//     host and port of the public URL must match, also behind a proxy that terminates
//     TLS.
//   - Its exemptions are path patterns, which have matched more than they said
//     (CVE-2025-47910). Here only origins can be trusted, and the caller decides which
//     routes are guarded.
//   - It allows GET, with which a WebSocket is opened, and WebSockets are not subject to
//     the same-origin policy.
package crossorigin
