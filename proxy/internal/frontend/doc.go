// Package frontend serves Clerk's Frontend API under a path of the application's own
// origin, so that browsers need no other host to sign in. Its requests are not
// authenticated, because they are how people sign in.
//
// Create an [API] with [New], ask [API.Serves] whether a request belongs to it, and pass
// such a request to [API.Serve].
//
// The secret key is sent with each request, so a client must not be able to change the
// target: the outgoing URL is built from a fixed origin, and the key is added by a
// transport that checks the target again (CVE-2026-34076). The number and the duration of
// requests in flight are bounded: a hanging Clerk must not use up the connections of a
// sidecar that can still serve signed-in users.
package frontend
