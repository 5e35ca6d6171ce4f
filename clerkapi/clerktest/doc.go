// Package clerktest is a local Clerk for tests: Clerk's Backend API for sessions, clients and tokens of every kind, the
// Frontend API that browsers and Clerk's own JavaScript client call, and a plain sign-in page. All of it is one
// [http.Handler] that needs no network, no files and no account. It is used like net/http/httptest:
//
//	clerk := clerktest.NewServer(t, clerktest.Options{})
//	session := clerk.SignIn("jane@example.com")
//	request.AddCookie(...) // from clerk.Cookies(session.ID, "http://localhost:8080")
//
// [NewServer] listens on a loopback port until the end of the test; [New] returns the same without a listener. Give the
// application under test the instance's keys ([Clerk.PublishableKey], [Clerk.SecretKey], [Clerk.JWTKey]), its URL as
// the address of the Backend API, and its URL, or a path that is proxied to it, as proxy URL.
//
// # Strictness
//
// A fake that is more lenient than the original hides faults until production. This one refuses what Clerk refuses:
// unknown members of a body, a wrong content type, a refresh token of another session or one that was used before, an
// origin other than the token's, a redirect to an origin that is not the application's. It shares no code with the
// packages that verify its tokens.
//
// # Features
//
// An instance has its own clock ([Clerk.Advance]), rotates keys on demand ([Clerk.RotateKeys]), can fail, stall or send
// malformed responses at every endpoint ([Clerk.Fail]), and records all calls ([Clerk.Calls]). JWT templates, machines
// and their tokens, rate limits and pending sessions are configured with [Options]; webhooks are signed and sent
// ([Clerk.AddWebhook], [Clerk.Deliveries]). Its state is bounded: the least recently used browsers are dropped first.
//
// For tests in other languages there is the command "clerkgate emulator". clerkapi/COMPATIBILITY.md says with which
// clients each operation was tested, and what was chosen where Clerk's documentation is silent.
//
// It is not for production: the sign-in page signs anybody in with one click.
package clerktest
