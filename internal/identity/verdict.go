package identity

import "github.com/clerkgate/clerkgate/middleware"

// Verdict returns the status and reason for the application. They are stricter than the
// state: a pending session and a token without a subject are signed out.
func Verdict(state *middleware.State) (status middleware.Status, reason string) {
	switch {
	case state.Status != middleware.SignedIn:
		return state.Status, string(state.Reason)
	case state.Auth.UserID != "" || state.Auth.Subject != "":
		return middleware.SignedIn, ""
	case state.Auth.SessionStatus == "pending":
		return middleware.SignedOut, string(middleware.ReasonSessionPending)
	default:
		return middleware.SignedOut, string(middleware.ReasonTokenWithoutSubject)
	}
}
