package middleware

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/clerkgate/clerkgate/internal/claimheader"
)

// ErrNoClaims is returned by [ClaimsAs] for an Auth without claims, such as a signed-out
// one, or that of an opaque token.
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

// RequireSignedIn is [Require] with the zero [Requirement]: next gets only requests that
// are signed in, with any of the accepted kinds of token.
func RequireSignedIn(next http.Handler) http.Handler { return Require(Requirement{})(next) }

// Limits on the headers that are kept with a token: the lists of maxHeaderSets routes, each
// of up to maxHeaderValues bytes.
const (
	maxHeaderSets   = 4
	maxHeaderValues = 2 << 10
)

// ClaimHeaders returns the values of set's headers for a session token. What its claims
// lack comes from user, who may be nil. The values are made once per token and kept with
// it. For any other kind of token the result is nil, because whoever creates such a token
// may choose its claims. It is for the sidecar; applications use [Auth.Claims].
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
