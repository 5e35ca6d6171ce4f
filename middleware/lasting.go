package middleware

import (
	"context"
	"net/http"
	"time"

	"github.com/clerkgate/clerkgate/internal/revocation"
)

// What follows is for connections that outlast the token that they were opened with, such as
// WebSockets.

// recheckPart is the part of the Backend API's limit that [Authenticator.SessionEnded] may
// use. It can wait.
const recheckPart = 10

// WatchRevocations has f called when something was revoked, by whatever way, such as a
// webhook that another replica got: [Authenticator.Recheck] may have another result from
// then on. f must not block. stop ends that; a call may still be in progress then.
func (a *Authenticator) WatchRevocations(f func()) (stop func()) {
	return a.revocations.Watch(func(revocation.Entry) { f() })
}

// Recheck judges a signed-in state again, by the revocations that are known now. It makes no
// call, and does not look at the clock. The result is "" if the token would still be
// accepted, [ReasonSessionRevoked] if its session has ended, and [ReasonSessionTokenExpired]
// if the token must be renewed, because what it says of the user's rights may no longer be
// true. Tokens of machines are not revoked here.
func (a *Authenticator) Recheck(s *State) Reason {
	if s.TokenType != SessionToken || s.Auth.verified == nil {
		return ""
	}
	switch a.verdict(s.Auth.verified) {
	case revocation.Denied:
		return ReasonSessionRevoked
	case revocation.Stale:
		return ReasonSessionTokenExpired
	}
	return ""
}

// SessionEnded looks a session up at Clerk, unless that was done a moment ago, and reports
// whether it has ended. An error means that Clerk has not said so: the session counts as
// live then. Calls wait for their turn, so that all together use at most a tenth of
// [Options.BackendRateLimit]. Make one call after the other, and wait longer and longer
// while they fail.
func (a *Authenticator) SessionEnded(ctx context.Context, sessionID string) (bool, error) {
	answers := a.sessions.answers
	known, ok := answers.Remembered(sessionID)
	if !ok {
		if err := a.rechecks.Wait(ctx); err != nil {
			return false, err
		}
		if a.health.rests() || !a.budget.lookUp() {
			return false, errClerkUnavailable
		}
		var err error
		known, err = answers.Do(ctx, sessionID, func(ctx context.Context) (lookedUp, time.Time) {
			answer, response, err := a.sessions.fetch(ctx, sessionID)
			if err != nil && response != nil && response.StatusCode == http.StatusTooManyRequests {
				a.health.server.Rest(a.now(), response.RetryAfter)
				a.health.others.tell()
			}
			return answer, answer.until
		})
		if err != nil {
			return false, err
		}
	}
	if known.until.IsZero() { // the look-up has failed
		return false, errClerkUnavailable
	}
	return !known.live, nil
}
