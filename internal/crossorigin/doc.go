// Package crossorigin decides what pages of other origins may do: [CORS] lets
// listed ones read answers, [Guard] keeps all others from acting with a cookie
// that the browser sends along.
//
// # CORS
//
// [NewCORS] makes the policy of a route, [CORS.Handler] puts it in front of
// everything else, authentication included: a preflight never carries a cookie,
// and a page can only tell 401 from a broken network if the refusal has the
// headers too. What the upstream says about CORS itself is dropped, since two
// policies would add up to the laxer one, or to two values that browsers refuse.
//
// # Guard
//
// [NewGuard] and [Guard.Allows] refuse cross-site request forgery by what browsers
// say of a request and pages cannot change: Sec-Fetch-Site, and Origin for
// browsers before 2023 and for plain HTTP, where Sec-Fetch-Site is not sent. The
// caller asks only where a cookie is the credential. It is the design of
// [net/http.CrossOriginProtection], which is not used as it is:
//
//   - it compares the host of Origin alone, so that a page on http://app.example,
//     which anyone in the network path can write, acts on https://app.example in a
//     browser without Sec-Fetch-Site (CVE-2025-24358 was the same in another
//     package). Here scheme, host and port of the public URL must agree, also
//     behind a proxy that ends TLS;
//   - its exemptions are path patterns, which did not mean what they said
//     (CVE-2025-47910). Here only origins are trusted; a route is exempt by its own
//     policy or not at all;
//   - a WebSocket is opened by GET, which it lets pass, and no same-origin policy
//     binds it afterwards.
package crossorigin
