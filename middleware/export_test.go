package middleware

import "github.com/clerkgate/clerkgate/internal/revocation"

// Deny has a session denied here, and tells nobody.
func (a *Authenticator) Deny(sessionID string) {
	a.revocations.Add(revocation.Entry{Kind: revocation.Session, ID: sessionID, At: a.now()})
}

// RefreshName is what the name of a refresh in a shared store is made of.
func RefreshName(sid, expired, refreshToken, origin string) string {
	key := newRefreshKey(sid, expired, refreshToken, origin, true)
	return string(key[:])
}
