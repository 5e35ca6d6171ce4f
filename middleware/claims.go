package middleware

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// ErrNoClaims is returned by [ClaimsAs] for an Auth without claims: a signed-out one, or
// an opaque token's.
var ErrNoClaims = errors.New("the request has no claims")

// ClaimsAs decodes the claims of a into a T, as encoding/json does: usually a struct
// whose fields are those of the session token's custom claims. It decodes anew on each
// call. The error wraps [ErrNoClaims] or encoding/json's, and T is then its zero value.
func ClaimsAs[T any](a *Auth) (T, error) {
	var claims, zero T
	raw := a.Claims()
	if len(raw) == 0 {
		return zero, ErrNoClaims
	}
	if err := json.Unmarshal(raw, &claims); err != nil {
		return zero, fmt.Errorf("claims: %w", err)
	}
	return claims, nil
}

// RequireSignedIn is [Require] of the zero [Requirement]: next gets requests that are
// signed in, by whichever tokens are accepted.
func RequireSignedIn(next http.Handler) http.Handler { return Require(Requirement{})(next) }
