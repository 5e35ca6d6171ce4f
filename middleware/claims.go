package middleware

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/clerkgate/clerkgate/internal/claimheader"
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

// What is kept of headers with a token: maxHeaderSets of a route's lists, each of which
// takes up to maxHeaderValues bytes.
const (
	maxHeaderSets   = 4
	maxHeaderValues = 2 << 10
)

// ClaimHeaders returns the values of set's headers for a session token, with what its
// claims lack from user, who may be nil. They are made once for a token and kept with it.
// For any other kind of token it returns nil: who issues or creates one may choose its
// claims. The sidecar calls it; the claims themselves are [Auth.Claims].
func (a *Auth) ClaimHeaders(set *claimheader.Set, user *claimheader.User) *claimheader.Values {
	if a.TokenType != SessionToken || a.SessionID == "" {
		return nil
	}
	if a.verified == nil {
		return set.Values(a.claims, user)
	}
	kept, _ := a.verified.Attached().([]*claimheader.Values)
	for _, v := range kept {
		if v.Are(set, user) {
			return v
		}
	}
	v := set.Values(a.Claims(), user)
	if v.Size() <= maxHeaderValues {
		next := append(slices.Clip(kept), v)
		a.verified.Attach(next[max(0, len(next)-maxHeaderSets):])
	}
	return v
}
