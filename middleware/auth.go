package middleware

import (
	"context"
	"encoding/json"

	"github.com/clerkgate/clerkgate/internal/token"
)

// Auth is who is behind a request. A signed-out request has one too: its
// UserID is empty and [Auth.Has] is always false. It is shared between requests
// that carry the same token; do not change it.
type Auth struct {
	// TokenType is the kind of token; empty when none was accepted.
	TokenType TokenType
	// UserID is the user (claim sub), or the owner of an API key or OAuth token.
	UserID string
	// SessionID is the session (claim sid); empty for machine tokens.
	SessionID string
	// SessionStatus is the claim sts, such as active or pending; often empty.
	SessionStatus string
	// Actor is the claim act as JSON: who impersonates the user, or who acts for the
	// user of an OAuth token (RFC 8693); nil if nobody does.
	Actor json.RawMessage
	// OrgID, OrgSlug and OrgRole are the active organization; OrgRole has the
	// prefix org:.
	OrgID, OrgSlug, OrgRole string
	// OrgPermissions are full permission keys, such as org:invoices:view.
	OrgPermissions []string
	// FactorVerificationAge is the claim fva: minutes since the first and second
	// factor were verified, -1 for never; nil when the token does not say.
	FactorVerificationAge []float64

	// MachineID is the machine behind an M2M token.
	MachineID string
	// ClientID is the OAuth client.
	ClientID string
	// TokenID is the id (not the secret) of a machine token.
	TokenID string
	// Subject is the subject of a machine token.
	Subject string
	// Name is the name of an API key.
	Name string
	// Audience is who an OAuth token is for (claim aud); nil when it does not say.
	Audience []string
	// Scopes are the scopes of a machine token.
	Scopes []string

	features, plans string

	// All claims together take more memory than the rest and are seldom needed, so
	// a JWT's are decoded from the token on demand.
	verified *token.Verified
	claims   json.RawMessage // of an opaque token, or of a test
}

// Claims returns the token's claims as JSON; nil for opaque tokens without any. Those
// of an M2M token are the ones that its issuer chose, for a JWT as for an opaque one,
// without iss, sub, exp, nbf, iat and jti. It decodes a JWT anew: call it once, and keep
// what is needed.
func (a *Auth) Claims() json.RawMessage {
	if a.verified != nil && a.TokenType == M2MToken {
		return customClaims(a.verified.Claims().Raw)
	}
	if a.verified != nil {
		return a.verified.Claims().Raw
	}
	return a.claims
}

// WithClaims returns a copy of a whose claims are the given JSON. With [NewContext]
// it is for tests of handlers that read claims.
func (a *Auth) WithClaims(claims json.RawMessage) *Auth {
	other := *a
	other.verified, other.claims = nil, claims
	return &other
}

// IsSignedIn reports whether a user or a machine is signed in. It is false for a
// pending session, whose identity is withheld, and for a token with an empty sub,
// which Clerk's SDK treats as signed in without a user. [Require] uses it.
func (a *Auth) IsSignedIn() bool {
	return a != nil && (a.UserID != "" || a.Subject != "")
}

type contextKey struct{}

// contextValue is everything that Handler passes on, in one allocation.
type contextValue struct {
	authenticator *Authenticator
	state         *State
}

// FromContext returns who is behind the request. It is never nil: outside
// [Authenticator.Handler] it is a signed-out Auth.
func FromContext(ctx context.Context) *Auth {
	if v, ok := ctx.Value(contextKey{}).(*contextValue); ok && v.state.Auth != nil {
		return v.state.Auth
	}
	return signedOutAuth
}

// StateFromContext returns the whole outcome of authenticating the request.
func StateFromContext(ctx context.Context) (*State, bool) {
	v, ok := ctx.Value(contextKey{}).(*contextValue)
	if !ok {
		return nil, false
	}
	return v.state, true
}

// NewContext returns a context in which [FromContext] finds auth. It is for tests
// of handlers; a request that comes from the network goes through
// [Authenticator.Handler].
func NewContext(ctx context.Context, auth *Auth) context.Context {
	state := &State{Status: SignedOut, Auth: auth}
	if auth.IsSignedIn() {
		state.Status, state.TokenType = SignedIn, auth.TokenType
	}
	return context.WithValue(ctx, contextKey{}, &contextValue{state: state})
}

// signedOutAuth is read-only and shared.
var signedOutAuth = &Auth{}
