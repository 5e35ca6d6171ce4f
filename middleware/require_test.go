package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
)

// TestRequireAnswers checks the bodies that front ends read.
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
		"signed out":                      {&middleware.Auth{}, middleware.Requirement{}, 401, `{"errors":[{"code":"authentication_invalid","message":"Unauthenticated","long_message":"This needs a signed-in user. Send a session token in the Authorization header or the session cookie.","meta":{"reason":"","recoverable":false}}]}`},
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

// TestSignInRedirectTakesTheDevBrowserAlong: in development a sign-in page on
// another origin knows the browser only by what the URL carries; in production, and
// on this origin, it must not be there.
func TestSignInRedirectTakesTheDevBrowserAlong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		production bool
		signInURL  string
		want       string
	}{
		"development, account portal": {want: "https://mock-emulator-13.accounts.dev/sign-in?redirect_url=http%3A%2F%2Fexample.com%2F&__clerk_db_jwt=dvb_1"},
		"development, this origin":    {signInURL: "/sign-in", want: "http://example.com/sign-in?redirect_url=http%3A%2F%2Fexample.com%2F"},
		"production, another origin":  {production: true, signInURL: "https://sign-in.example/", want: "https://sign-in.example/?redirect_url=http%3A%2F%2Fexample.com%2F"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clerk := clerktest.NewServer(t, clerktest.Options{Production: c.production})
			a := newFlow(t, clerk, func(o *middleware.Options) { o.SignInURL = c.signInURL })
			w := httptest.NewRecorder()
			a.Handler(middleware.Require(middleware.Requirement{})(http.NotFoundHandler())).
				ServeHTTP(w, pageRequest([]*http.Cookie{{Name: "__clerk_db_jwt", Value: "dvb_1"}}))
			assert.Equal(t, c.want, w.Header().Get("Location"))
		})
	}
}
