package middleware

import (
	"context"
	"errors"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
)

// knownSession is what the Backend API said of a session.
type knownSession struct {
	live  bool
	until time.Time
}

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
	if known, ok := a.sessions.Get(id); ok && a.now().Before(known.until) {
		return known.live
	}
	done := a.lookups.DoChan(id, func() (any, error) {
		shared, cancel := a.backendContext(context.WithoutCancel(ctx))
		defer cancel()
		return a.lookUp(shared, id), nil
	})
	select {
	case r := <-done:
		return r.Val.(knownSession).live
	case <-ctx.Done():
		return true
	}
}

func (a *Authenticator) lookUp(ctx context.Context, id string) knownSession {
	known := knownSession{until: a.now().Add(a.opts.SessionLookupTTL)}
	session, _, err := a.api.GetSession(ctx, id)
	switch {
	case err == nil:
		known.live = session.Status == clerkapi.SessionActive || session.Status == clerkapi.SessionPending
	case errors.Is(err, clerkapi.ErrNotFound):
	default:
		a.lookupFailures.Add(1)
		a.log().WarnContext(ctx, "session look-up failed; the verified token still counts", "session_id", id, "error", err)
		// Remembered for a moment only, so that an outage is not asked about once a
		// request, and its end is seen soon.
		known.live, known.until = true, a.now().Add(min(time.Second, a.opts.SessionLookupTTL))
	}
	a.sessions.Add(id, known)
	return known
}

// LookupFailures counts session look-ups that the Backend API did not answer.
func (a *Authenticator) LookupFailures() uint64 { return a.lookupFailures.Load() }
