// Package clerktest is a Clerk to run on: Clerk's Backend API for sessions, clients and tokens of every kind, the
// Frontend API that browsers and Clerk's own JavaScript client call, and a plain sign-in page, all in one
// [http.Handler] with no network, no files and no account. It has the shape of net/http/httptest:
//
//	clerk := clerktest.NewServer(t, clerktest.Options{})
//	session := clerk.SignIn("jane@example.com")
//	request.AddCookie(...) // from clerk.Cookies(session.ID, "http://localhost:8080")
//
// [NewServer] listens on a loopback port and closes itself at the end of the test; [New] is the same thing without a
// listener. Point an application at it with the keys it reports ([Clerk.PublishableKey], [Clerk.SecretKey],
// [Clerk.JWTKey]), its URL as Backend API address, and its URL (or a path that is proxied to it) as proxy URL.
//
// # What it is strict about
//
// A fake that is more forgiving than the original hides faults until production. This one refuses what Clerk refuses:
// body fields that nobody knows, a wrong content type, a refresh token of another session or one used before, an origin
// that is not the token's, a redirect to an origin that is not the application's. It shares no code with the packages
// that verify its tokens.
//
// # What it is for
//
// Time is its own ([Clerk.Advance]), keys rotate on demand ([Clerk.RotateKeys]), every endpoint can be made to fail,
// stall or answer nonsense ([Clerk.Fail]), and every call is on record ([Clerk.Calls]). JWT templates, machines with
// their tokens, rate limits and pending sessions come by [Options]; webhooks are sent and signed ([Clerk.AddWebhook],
// [Clerk.Deliveries]). Its state is bounded: the oldest browsers are forgotten first.
//
// For tests in other languages the same instance is a command, "clerkgate emulator". Which clients ran which operation,
// and what was chosen where Clerk's documents are silent, is in clerkapi/COMPATIBILITY.md.
//
// It is not for production: the sign-in page signs anybody in with one click.
package clerktest
