package middleware

import (
	"context"
	"errors"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
)

// checkSession turns a signed-in state away whose session has ended. A failing
// Backend API does not turn a verified token away.
func (a *Authenticator) checkSession(ctx context.Context, s *State) *State {
	if s.Auth.SessionID == "" || s.Refreshed || s.TokenType != SessionToken {
		return s
	}
	if a.sessionIsLive(ctx, s.Auth.SessionID) {
		return s
	}
	return signedOut(SessionToken, ReasonSessionRevoked, "The session behind this token has ended.", nil)
}

func (a *Authenticator) sessionIsLive(ctx context.Context, id string) bool {
	if live, ok := a.sessions.Remembered(id); ok {
		return live
	}
	live, err := a.sessions.Do(ctx, id, func(ctx context.Context) (bool, time.Time) { return a.lookUp(ctx, id) })
	return live || err != nil
}

// lookUp returns whether the session is live, and until when that is believed.
func (a *Authenticator) lookUp(ctx context.Context, id string) (live bool, until time.Time) {
	session, _, err := a.api.GetSession(ctx, id)
	switch {
	case err == nil:
		live = session.Status == clerkapi.SessionActive || session.Status == clerkapi.SessionPending
	case errors.Is(err, clerkapi.ErrNotFound):
	default:
		a.log().WarnContext(ctx, "session look-up failed; the verified token still counts", "session_id", id, "error", err)
		// Remembered for a moment only, so that an outage is not asked about once a
		// request, and its end is seen soon.
		return true, a.now().Add(min(time.Second, a.opts.SessionLookupTTL))
	}
	return live, a.now().Add(a.opts.SessionLookupTTL)
}
