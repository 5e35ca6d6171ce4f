package middleware

import "net/http"

// Requirement is what a signed-in request must have beyond a session. The zero
// value asks for a signed-in user or machine only. All fields that are set must
// hold; missing data denies.
type Requirement struct {
	Role, Permission, Feature, Plan string
	// Reverification is strict_mfa, strict, moderate or lax.
	Reverification string
	// Unauthorized, when true, answers signed-out browsers with 401 too, in place
	// of the redirect to the sign-in page.
	Unauthorized bool
}

// Require turns away what [Authenticator.Handler] found signed out, or signed in
// without what req asks for. Browsers are sent to the sign-in page, programs get
// 401; who is signed in and may not gets 403. It must run inside Handler: without
// it every request is refused.
func Require(req Requirement) func(http.Handler) http.Handler { panic("not yet") }
