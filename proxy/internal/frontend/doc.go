// Package frontend serves Clerk's Frontend API under a path of the application's own
// origin, so that browsers need no other host to sign in. It is outside the protection
// of pages: it is how people get in.
//
// Make an [API] with [New], ask it with [API.Serves] whether a request is its own, and
// hand that to [API.Serve].
//
// The secret key goes with each request, so that the target must not be movable: the
// outgoing URL is built from a fixed origin, and the key is added only by a transport
// that looks at the target once more (CVE-2026-34076). How many requests are under way
// at a time, and for how long, is bounded: a Clerk that hangs must not use up the
// connections of a sidecar that could serve the signed-in.
package frontend
