package middleware

import (
	"context"
	"time"

	"github.com/clerkgate/clerkgate/internal/revocation"
	"github.com/clerkgate/clerkgate/internal/token"
)

// maxExchanges bounds the calls for one request. More than one needs several changes within
// seconds, or a clock that is behind Clerk's.
const maxExchanges = 3

// refreshCurrent is refreshOnce, but does not hand out a token that is remembered and has
// become stale. Clerk takes the expired token only once, so the stale one is exchanged in
// its turn.
func (a *Authenticator) refreshCurrent(ctx context.Context, q *refreshQuestion) *refreshed {
	outcome := a.refreshOnce(ctx, q)
	for range maxExchanges {
		if outcome.why != "" || !a.isOutdated(outcome) {
			break
		}
		q = a.following(q, outcome)
		outcome = a.refreshOnce(ctx, q)
	}
	return outcome
}

// isOutdated reports whether the token of a refresh that is remembered has become stale
// since. Clerk was asked after whatever happened before by this machine's clock, even if the
// token was issued in the same second.
func (a *Authenticator) isOutdated(o *refreshed) bool {
	if o.verified.Unreadable() || a.revocations.IsEmpty() {
		return false
	}
	s := subjectOf(o.verified)
	if a.revocations.Check(&s) != revocation.Stale {
		return false
	}
	if !o.asked.IsZero() {
		s.IssuedAt = max(s.IssuedAt, float64(o.asked.UnixMilli())/float64(time.Second/time.Millisecond))
	}
	return a.revocations.Check(&s) == revocation.Stale
}

// following returns the call that exchanges the token of a refresh for another one.
func (a *Authenticator) following(q *refreshQuestion, o *refreshed) *refreshQuestion {
	next := *q
	next.sid, next.subject = o.verified.Claims().SessionID, o.verified.Claims().Subject
	next.verifiedSID, next.verified = next.sid, true
	next.params.ExpiredToken = o.token
	for _, line := range o.cookies { // Clerk takes a refresh token only once, too
		if name, value, _ := cookieDirective(line); name == a.instance.names.refresh && value != "" {
			next.params.RefreshToken = decodeCookieValue(value)
		}
	}
	return &next
}

// subjectOf returns what a session token says of whom it is for.
func subjectOf(v *token.Verified) revocation.Subject {
	id := identityOf(v)
	return revocation.Subject{
		SessionID: id.auth.SessionID, UserID: id.auth.UserID, IssuedAt: id.issuedAt,
		OrgID: id.auth.OrgID, OrgRole: id.auth.OrgRole, OrgPermissions: id.auth.OrgPermissions,
	}
}
