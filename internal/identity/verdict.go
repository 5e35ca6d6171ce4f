package identity

import "github.com/clerkgate/clerkgate/middleware"

// What stands in X-Clerk-Auth-Reason for verified tokens that are signed out for
// the application all the same.
const (
	reasonPending = "session-pending"       // the session has unfinished tasks
	reasonNobody  = "token-without-subject" // the token names nobody
)

// Verdict is status and reason as the application is told. It is stricter than the
// state: a pending session and a token that names nobody are signed out.
func Verdict(state *middleware.State) (status middleware.Status, reason string) {
	switch {
	case state.Status != middleware.SignedIn:
		return state.Status, string(state.Reason)
	case state.Auth.UserID != "" || state.Auth.Subject != "":
		return middleware.SignedIn, ""
	case state.Auth.SessionStatus == "pending":
		return middleware.SignedOut, reasonPending
	default:
		return middleware.SignedOut, reasonNobody
	}
}
