package middleware_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
)

// TestClaims: what a token says beyond the fields of Auth is there when asked for,
// for remembered tokens too.
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
