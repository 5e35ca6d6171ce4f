// Package clerksdk lets handlers that were written for Clerk's official Go SDK
// (github.com/clerk/clerk-sdk-go/v2) run unchanged behind clerkgate's middleware.
//
// The SDK's handlers read the session from the context, with
// clerk.SessionClaimsFromContext. [WithSessionClaims] puts it there:
//
//	mux := http.NewServeMux() // handlers for the SDK
//	claims := clerksdk.WithSessionClaims(clerksdk.Options{})
//	handler := auth.Handler(middleware.Require(middleware.Requirement{})(claims(mux)))
//
// docs/moving-from-clerk-sdk-go.md lists what changes for an application.
//
// The package is a module of its own, so that applications without the SDK do not
// depend on it.
package clerksdk

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/clerk/clerk-sdk-go/v2"

	"github.com/clerkgate/clerkgate/middleware"
)

// Options configure [WithSessionClaims].
type Options struct {
	// CustomClaims returns a pointer to a struct with JSON tags, into which the token's
	// claims are decoded; it is then in SessionClaims.Custom. It is the SDK's
	// CustomClaimsConstructor. Nil means no custom claims.
	CustomClaims func(context.Context) any
}

// WithSessionClaims returns middleware that adds a signed-in session's claims to the
// context, where clerk.SessionClaimsFromContext finds them. It must run inside
// [middleware.Authenticator.Handler].
//
// Requests that are signed out, or signed in by a machine token, are passed on without
// claims; [middleware.Require] rejects the former. If the claims cannot be decoded into
// the SDK's types, the response is 401 without a body, as it is from the SDK.
func WithSessionClaims(opts Options) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			auth := middleware.FromContext(r.Context())
			if auth.TokenType != middleware.SessionToken || !auth.IsSignedIn() {
				next.ServeHTTP(w, r)
				return
			}
			claims, err := opts.sessionClaims(r.Context(), auth)
			if err != nil {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r.WithContext(clerk.ContextWithSessionClaims(r.Context(), claims)))
		})
	}
}

// sessionClaims decodes the claims as jwt.Verify of the SDK does. The organization
// comes from auth, whose decoding is that of Clerk's JavaScript SDK.
func (o Options) sessionClaims(ctx context.Context, auth *middleware.Auth) (*clerk.SessionClaims, error) {
	raw := auth.Claims()
	claims := new(clerk.SessionClaims)
	if err := json.Unmarshal(raw, claims); err != nil {
		return nil, fmt.Errorf("decode session claims: %w", err)
	}
	if o.CustomClaims != nil {
		claims.Custom = o.CustomClaims(ctx)
		if err := json.Unmarshal(raw, claims.Custom); err != nil {
			return nil, fmt.Errorf("decode custom claims: %w", err)
		}
	}
	if claims.Version != 2 || auth.OrgID == "" {
		claims.Version = 1 // as in the SDK, which has no other version without an organization
	}
	claims.ActiveOrganizationID, claims.ActiveOrganizationSlug, claims.ActiveOrganizationRole = auth.OrgID, auth.OrgSlug, auth.OrgRole
	claims.ActiveOrganizationPermissions = slices.Clone(auth.OrgPermissions) // requests share auth
	return claims, nil
}
