package middleware

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/revocation"
	"github.com/clerkgate/clerkgate/internal/token"
	"github.com/clerkgate/clerkgate/internal/webhook"
)

// Revocation says whose tokens are no longer accepted although they have not expired.
// Exactly one field must be set.
type Revocation struct {
	// SessionID ends one session, sess_….
	SessionID string
	// UserID ends all sessions that the user, user_…, has now. The user may sign in again.
	UserID string
	// Everyone ends no session: each token issued until now must be renewed at Clerk before
	// it is accepted again, so that changes at Clerk take effect at once.
	Everyone bool
}

// ErrRevocation is the error of [Authenticator.Revoke] for a [Revocation] that does not say
// whom it concerns.
var ErrRevocation = errors.New("a revocation needs exactly one of a session id, a user id and everyone")

// RevocationError is the error of [Authenticator.Revoke] for a revocation that is in force
// here, but of which others could not be told. At least one field is set.
type RevocationError struct {
	// Replicas is why other replicas do not know. They accept the tokens until those expire,
	// and renew those of a session that is still open at Clerk.
	Replicas error
	// Clerk is why sessions were not ended there, or not all of them.
	Clerk error
}

// Error returns both reasons.
func (e *RevocationError) Error() string { return errors.Join(e.Replicas, e.Clerk).Error() }

// Unwrap returns both reasons.
func (e *RevocationError) Unwrap() []error { return []error{e.Replicas, e.Clerk} }

// Revoke ends sessions: for this Authenticator at once, for all replicas with the same store
// in a moment, and at Clerk. The error is [ErrRevocation] or a [*RevocationError]. With the
// latter the tokens are still refused here, but sessions continue elsewhere, and those of a
// user whose sessions could not be listed can still be renewed here. Ending a session at
// Clerk is retried in the background for up to an hour; listing a user's sessions is not, so
// call Revoke again.
func (a *Authenticator) Revoke(ctx context.Context, r Revocation) error {
	var failed RevocationError
	switch {
	case r == Revocation{SessionID: r.SessionID} && isID(r.SessionID, "sess_"):
		failed.Replicas, failed.Clerk = a.endings.end(ctx, r.SessionID)
	case r == Revocation{UserID: r.UserID} && isID(r.UserID, "user_"):
		failed = a.revokeUser(ctx, r.UserID)
	case r == Revocation{Everyone: true}:
		failed.Replicas = a.revocations.record(ctx, revocation.Entry{Kind: revocation.Everyone, At: a.now()})
	default:
		return ErrRevocation
	}
	a.counts.revoked(RevokedByCall, 1)
	if failed == (RevocationError{}) {
		return nil
	}
	return &failed
}

func (a *Authenticator) revokeUser(ctx context.Context, userID string) (failed RevocationError) {
	failed.Replicas = a.revocations.record(ctx, revocation.Entry{Kind: revocation.User, ID: userID, At: a.now()})
	if a.health.endings.Refuses() {
		failed.Clerk = fmt.Errorf("list the user's sessions at Clerk: %w", errClerkUnavailable)
		return failed
	}
	for session, err := range a.api.AllSessions(ctx, &clerkapi.ListSessionsParams{UserID: userID}) {
		if err != nil {
			failed.Clerk = errors.Join(failed.Clerk, fmt.Errorf("list the user's sessions at Clerk: %w", err))
			break
		}
		if session.Status == clerkapi.SessionActive || session.Status == clerkapi.SessionPending {
			replicas, clerk := a.endings.end(ctx, session.ID)
			failed.Replicas, failed.Clerk = errors.Join(failed.Replicas, replicas), errors.Join(failed.Clerk, clerk)
		}
	}
	return failed
}

// WebhookHandler returns a handler for the webhooks of the Clerk instance, so that what ends
// at Clerk ends here too, before the tokens expire. secrets are the endpoint's signing
// secrets, whsec_…: more than one during a rotation. Register it for a path of your own,
// and subscribe the endpoint in Clerk's dashboard to session.ended,
// session.removed, session.revoked, user.deleted, user.updated, and, where organizations are
// used, organizationMembership.updated, organizationMembership.deleted,
// organization.deleted, role.updated, role.deleted, permission.updated and
// permission.deleted. It accepts others and ignores them.
func (a *Authenticator) WebhookHandler(secrets ...string) (http.Handler, error) {
	config := webhook.Config{Secrets: secrets, Record: a.counts.recorder(a.revocations.record, a.opts.Now), Now: a.opts.Now, Logger: a.opts.Logger}
	if shared := a.shared; shared != nil {
		name := func(id string) string { return "hook:" + shared.Hash(id) }
		config.Seen = func(ctx context.Context, id string) bool { _, seen := shared.Get(ctx, name(id), ""); return seen }
		config.Saw = func(ctx context.Context, id string) { _ = shared.Put(ctx, name(id), "", nil, webhook.SeenFor) }
	}
	if a.opts.SecretKey != "" {
		config.Instance = a.instanceID
	}
	return webhook.New(config)
}

// instanceID fetches the id of the instance that the secret key belongs to.
func (a *Authenticator) instanceID(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, a.opts.BackendTimeout)
	defer cancel()
	instance, _, err := a.api.GetInstance(ctx)
	if err != nil {
		return "", err
	}
	return instance.ID, nil
}

// errDenied means that a token verifies but was revoked.
var errDenied = errors.New("the session behind this token has ended")

// revoked returns why a token that verifies is refused, or nil if it is not. A stale one
// counts as expired, so that it is renewed.
func (a *Authenticator) revoked(v *token.Verified) error {
	switch a.verdict(v) {
	case revocation.Denied:
		return errDenied
	case revocation.Stale:
		return &token.Error{Reason: token.ReasonExpired, Message: "The token was issued before a change at Clerk that concerns it."}
	}
	return nil
}

// revokedOAuth is revoked for a JWT that Clerk has issued to an OAuth client. Only the client
// can have it renewed, with its refresh token, so a stale one is refused.
func (a *Authenticator) revokedOAuth(v *token.Verified) error {
	if a.revocations.IsEmpty() {
		return nil
	}
	c := v.Claims()
	switch a.revocations.Check(&revocation.Subject{UserID: c.Subject, IssuedAt: c.IssuedAt}) {
	case revocation.Denied:
		return &token.Error{Reason: token.Reason(ReasonSessionRevoked), Message: "What the user was given before was revoked."}
	case revocation.Stale:
		return &token.Error{Reason: token.ReasonExpired, Message: "The token was issued before everybody's had to be renewed."}
	}
	return nil
}

// verdict returns whether a token, which may have expired, was revoked.
func (a *Authenticator) verdict(v *token.Verified) revocation.Verdict {
	if v.Unreadable() || a.revocations.IsEmpty() {
		return revocation.Live
	}
	s := subjectOf(v)
	return a.revocations.Check(&s)
}

// doubt applies the options that ask for more than a valid token.
func (a *Authenticator) doubt(ctx context.Context, s *State) *State {
	if s.Status == SignedIn && a.opts.SessionLookup == LookupCached {
		s = a.checkSession(ctx, s)
	}
	if s.Status != SignedIn || !a.opts.StrictRevocation || !a.revocations.isBehind() || s.TokenType != SessionToken && s.TokenType != OAuthToken {
		return s
	}
	held := a.unavailable(s.TokenType, ReasonRevocationsUnknown, "It cannot be told whether another replica has revoked the token.")
	if cookies := s.Header["Set-Cookie"]; cookies != nil {
		held.Header["Set-Cookie"] = cookies // Clerk takes the expired token only once
	}
	return held
}

func isID(id, prefix string) bool {
	return len(id) > len(prefix) && id[:len(prefix)] == prefix && isPlausible(id, 64)
}
