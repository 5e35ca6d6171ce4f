package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/middleware"
)

// TestRequireAnswers holds the bodies that front ends read.
func TestRequireAnswers(t *testing.T) {
	t.Parallel()
	user := &middleware.Auth{TokenType: middleware.SessionToken, UserID: "user_1", OrgID: "org_1", OrgRole: "org:member", FactorVerificationAge: []float64{30, -1}}
	for name, c := range map[string]struct {
		auth *middleware.Auth
		q    middleware.Requirement
		code int
		body string
	}{
		"signed in":      {user, middleware.Requirement{}, 200, ""},
		"has the role":   {user, middleware.Requirement{Role: "member"}, 200, ""},
		"lacks the role": {user, middleware.Requirement{Role: "admin"}, 403, `{"errors":[{"code":"authorization_invalid","message":"Forbidden","long_message":"The signed-in user may not do this."}]}`},
		"stale factor":   {user, middleware.Requirement{Reverification: "strict"}, 403, `{"clerk_error":{"type":"forbidden","reason":"reverification-error","metadata":{"reverification":"strict"}}}`},
		"stale factor, own words": {user, middleware.Requirement{Level: middleware.FirstFactor, AfterMinutes: 10}, 403,
			`{"clerk_error":{"type":"forbidden","reason":"reverification-error","metadata":{"reverification":{"level":"first_factor","afterMinutes":10}}}}`},
		"stale factor and lacks the role": {user, middleware.Requirement{Role: "admin", Reverification: "strict"}, 403, `{"errors":[{"code":"authorization_invalid","message":"Forbidden","long_message":"The signed-in user may not do this."}]}`},
		"machine":                         {&middleware.Auth{TokenType: middleware.APIKeyToken, Subject: "user_1", UserID: "user_1"}, middleware.Requirement{}, 200, ""},
		"signed out":                      {&middleware.Auth{}, middleware.Requirement{}, 401, `{"errors":[{"code":"authentication_invalid","message":"Unauthenticated","long_message":"This needs a signed-in user. Send a session token in the Authorization header or the session cookie.","meta":{"reason":""}}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			handler := middleware.Require(c.q)(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
			handler.ServeHTTP(w, r.WithContext(middleware.NewContext(r.Context(), c.auth)))
			assert.Equal(t, c.code, w.Code)
			if c.body != "" {
				assert.JSONEq(t, c.body, w.Body.String())
				assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
				assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			}
		})
	}
}
