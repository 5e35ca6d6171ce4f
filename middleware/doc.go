// Package middleware puts Clerk sessions in front of net/http handlers.
//
// An application makes one [Authenticator] per Clerk instance and wraps its
// handlers in two steps: [Authenticator.Handler] finds out who is asking,
// [Require] turns away who may not.
//
//	opts, err := middleware.OptionsFromEnv(os.LookupEnv)
//	…
//	auth, err := middleware.New(opts)
//	…
//	mux.Handle("/", home)                                        // anybody
//	mux.Handle("/account", middleware.RequireSignedIn(account)) // signed in
//	http.ListenAndServe(":3000", auth.Handler(mux))
//
// Inside a handler [FromContext] tells who it is, and [ClaimsAs] what else the token
// says.
//
// # What happens to a request
//
// A live token, in the Authorization header or the session cookie, passes without
// a network call. An expired one is exchanged at Clerk's Backend API: the handler
// sees the fresh session, the browser gets its cookies, nobody is redirected. When
// that fails, and when only Clerk can know, a browser is sent through Clerk and
// back (the handshake); a program gets to the handler signed out. The decisions
// and their reasons are those of Clerk's JavaScript SDK.
//
// Machine tokens (API keys, M2M, OAuth) count where Options.AcceptsToken lists them.
//
// # What is guaranteed
//
//   - Nothing is signed in without a signature of the instance's keys, or for an
//     opaque machine token the Backend API's word.
//   - Everything fails closed: an unknown key, an unreachable Clerk, odd input are
//     signed out or a handshake, never signed in and never a 500.
//   - While Clerk is down, live tokens go on passing: known keys are kept for
//     Options.StaleKeys.
//   - However many requests carry one expired token, Clerk is asked once.
//   - An answer that sets Clerk's cookies has Cache-Control: no-store.
//   - Tokens, cookies and keys are never logged.
//
// # What is yours to set
//
// Set Options.AuthorizedParties to the origins of your front end, so that a token
// made for another site on the same parent domain is refused. Set
// Options.TrustedProxies when a proxy stands in front: forwarded headers of
// anybody else are ignored.
//
// A handler that is wrapped only in Handler serves signed-out requests too.
package middleware
