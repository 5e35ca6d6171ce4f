// Package middleware puts Clerk sessions in front of net/http handlers.
//
// An application creates one [Authenticator] per Clerk instance and wraps its
// handlers in two steps: [Authenticator.Handler] finds out who is making a request,
// and [Require] turns away those who may not make it.
//
//	opts, err := middleware.OptionsFromEnv(os.LookupEnv)
//	…
//	auth, err := middleware.New(opts)
//	…
//	mux.Handle("/", home)                                        // anybody
//	mux.Handle("/account", middleware.RequireSignedIn(account)) // signed in
//	http.ListenAndServe(":3000", auth.Handler(mux))
//
// Inside a handler, [FromContext] returns who that is, and [ClaimsAs] the token's custom
// claims.
//
// # What happens to a request
//
// A live token, in the Authorization header or the session cookie, passes without
// a network call. An expired one is exchanged at Clerk's Backend API: the handler
// sees the fresh session, the browser gets its cookies, nobody is redirected. If
// that fails, or if only Clerk can know, a browser is redirected to Clerk and
// back (the handshake), and a program's request reaches the handler signed out. The
// decisions and their reasons are those of Clerk's JavaScript SDK.
//
// Machine tokens (API keys, M2M, OAuth) are accepted if Options.AcceptsToken lists them.
//
// # What is guaranteed
//
//   - No request is signed in without a token that is signed with one of the instance's
//     keys, or an opaque machine token that the Backend API has verified.
//   - Everything fails closed. An unknown key, an unreachable Clerk or malformed input
//     leads to a signed-out request, a handshake or a 503, never to a signed-in request
//     or a 500.
//   - While Clerk is down, live tokens are still accepted: known keys are used for up to
//     Options.StaleKeys.
//   - However many requests carry the same expired token, it is refreshed once.
//   - A response that sets Clerk's cookies has Cache-Control: no-store.
//   - Tokens, cookies and keys are never logged.
//
// # What to configure
//
// Set Options.AuthorizedParties to the origins of your front end, so that a token
// made for another site on the same parent domain is refused. Set
// Options.TrustedProxies if there is a proxy in front: forwarded headers from
// any other peer are ignored.
//
// A handler that is wrapped in Handler alone serves signed-out requests too.
package middleware
