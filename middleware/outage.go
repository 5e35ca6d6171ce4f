package middleware

import (
	"errors"
	"net/http"
	"time"
)

// refreshPatience bounds a refresh. Clerk responds within about 50 ms; a person who waits
// for longer than this believes that the page is broken.
const refreshPatience = 3 * time.Second

// refreshTimeout returns how long a refresh may take.
func (o *Options) refreshTimeout() time.Duration {
	if o.Outage == OutageHandshake {
		return o.BackendTimeout
	}
	return min(refreshPatience, o.BackendTimeout)
}

// unavailable returns the state of a request that only Clerk can decide while it is down.
func (a *Authenticator) unavailable(kind TokenType, reason Reason, message string) *State {
	s := &State{
		Status: Unavailable, Reason: reason, Message: message, TokenType: kind, Auth: signedOutAuthOf(kind),
		outage: &outage{since: a.health.since()}, retryAfter: a.health.retryAfter(), recoverable: !kind.isMachine(),
	}
	return withAuthHeaders(s)
}

// withoutKeys returns the state of a token that could not be verified because Clerk's keys
// could not be fetched, or nil if err has another cause or no key could verify the token.
func (a *Authenticator) withoutKeys(kind TokenType, raw string, err error) *State {
	if !errors.Is(err, errClerkUnavailable) {
		return nil
	}
	if t := a.unverified(raw); t == nil || !t.MayVerify() {
		return nil
	}
	return a.unavailable(kind, ReasonVerificationUnavailable, "The keys of Clerk that the token has to be verified with could not be had.")
}

// hold returns the state of an expired session that was not renewed, if that is because
// Clerk is down, or nil if the request goes on as in Clerk's SDK. It does so where a
// handshake can help, even if the Backend API is down.
func (j *judged) hold(reason Reason, message, raw string) *State {
	h := j.a.health
	if !j.notRenewed && !h.isDown() {
		return nil
	}
	gone := h.isGone(j.ctx)
	switch {
	case !gone && isDocumentRequest(j.r):
		return nil
	case gone:
		if s := j.grace(raw); s != nil {
			return s
		}
	}
	return j.a.unavailable(SessionToken, reason, message)
}

// grace accepts an expired session token while Clerk is down, if that is allowed, or returns
// the state of one that is known to have ended. It returns nil otherwise.
func (j *judged) grace(raw string) *State {
	o := &j.a.opts
	if o.OutageGrace == 0 || !o.OutageGraceUnsafe && !isSafe(j.r.Method) {
		return nil
	}
	// The grace concerns the expiry alone: a token from the future has not expired.
	v, err := j.a.verifier.SessionWithSkew(j.ctx, raw, o.OutageGrace)
	if err != nil || v.Unreadable() {
		return nil
	}
	if err := j.a.revoked(v); err != nil {
		if errors.Is(err, errDenied) {
			return endedSession()
		}
		return nil
	}
	c := v.Claims()
	now := float64(o.Now().UnixMilli()) / 1000
	stale := time.Duration((now - c.Expires) * float64(time.Second))
	if stale <= 0 || c.IssuedAt > now {
		return nil // it is refused for another reason
	}
	s := j.sessionSignedIn(v, raw, http.Header{"Cache-Control": {"no-store"}})
	if s.Status != SignedIn {
		return s
	}
	s.Auth = s.Auth.aged(now - c.IssuedAt)
	s.outage = &outage{stale: max(stale, time.Second)}
	return s
}

// isSafe reports whether a method is one that changes nothing (RFC 9110, section 9.2.1).
func isSafe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// aged returns a as it is some seconds after its token was issued. The claim fva is the age
// of the factors when the token was issued, so that without this they would seem younger
// than they are.
func (a *Auth) aged(seconds float64) *Auth {
	if len(a.FactorVerificationAge) == 0 {
		return a
	}
	old := *a
	old.FactorVerificationAge = make([]float64, len(a.FactorVerificationAge))
	for i, minutes := range a.FactorVerificationAge {
		if minutes >= 0 { // else it was never verified
			minutes += seconds / 60
		}
		old.FactorVerificationAge[i] = minutes
	}
	return &old
}
