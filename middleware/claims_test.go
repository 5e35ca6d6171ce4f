package middleware_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/claimheader"
	"github.com/clerkgate/clerkgate/middleware"
)

// TestClaims: claims beyond the fields of Auth are available on demand, for cached tokens
// too.
func TestClaims(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	session := clerk.SignIn("jane@example.com")
	a := newFlow(t, clerk, nil)
	r := httptest.NewRequest(http.MethodGet, flowOrigin+"/", nil)
	r.Header.Set("Authorization", "Bearer "+clerk.Token(session.ID, flowOrigin))
	for range 2 {
		var claims struct{ Sid, Azp string }
		require.NoError(t, json.Unmarshal(a.Authenticate(r).Auth.Claims(), &claims))
		assert.Equal(t, session.ID, claims.Sid)
		assert.Equal(t, flowOrigin, claims.Azp)
	}
	assert.Nil(t, (&middleware.Auth{}).Claims())

	given := (&middleware.Auth{UserID: "user_1", TokenType: middleware.SessionToken}).WithClaims(json.RawMessage(`{"role":"admin"}`))
	found := middleware.FromContext(middleware.NewContext(t.Context(), given))
	assert.JSONEq(t, `{"role":"admin"}`, string(found.Claims()))
	assert.Equal(t, "user_1", found.UserID)
}

func TestClaimHeadersAreKeptWithTheToken(t *testing.T) {
	t.Parallel()
	set := func(value string) *claimheader.Set {
		s, err := claimheader.New([]claimheader.Header{{Name: "X-Value", Value: value}})
		require.NoError(t, err)
		return s
	}
	value := func(v *claimheader.Values) (got string) {
		v.Write(func(_, value string) { got = value })
		return got
	}
	clerk := clerktest.NewServer(t, clerktest.Options{})
	a := newFlow(t, clerk, nil)
	jane := clerk.SignIn("jane@example.com")
	auth, err := a.VerifyToken(t.Context(), clerk.Token(jane.ID, "https://app.example.com"))
	require.NoError(t, err)
	sub, sid, user := set("sub"), set("sid"), claimheader.NewUser(json.RawMessage(`{"email":"jane@example.com"}`))
	first := auth.ClaimHeaders(sub, nil)
	assert.Equal(t, jane.UserID, value(first))
	assert.Equal(t, jane.ID, value(auth.ClaimHeaders(sid, nil)))
	assert.Same(t, first, auth.ClaimHeaders(sub, nil), "two routes do not displace each other")
	email := set("email")
	assert.Empty(t, value(auth.ClaimHeaders(email, nil)))
	assert.Equal(t, "jane@example.com", value(auth.ClaimHeaders(email, user)))
	assert.Empty(t, value(auth.ClaimHeaders(email, nil)))
	for range 10 {
		assert.Equal(t, jane.UserID, value(auth.ClaimHeaders(set("sub"), nil)))
	}
	assert.NotSame(t, first, auth.ClaimHeaders(sub, nil), "what is kept is bounded")

	tested := (&middleware.Auth{TokenType: middleware.SessionToken, UserID: "user_1", SessionID: "sess_1"}).WithClaims(json.RawMessage(`{"email":"x"}`))
	assert.Equal(t, "x", value(tested.ClaimHeaders(email, nil)))
	tested.TokenType = middleware.M2MToken
	assert.Nil(t, tested.ClaimHeaders(email, nil), "who creates it chooses its claims")
}
