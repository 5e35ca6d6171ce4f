package middleware_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/middleware"
)

func TestClaimsAs(t *testing.T) {
	t.Parallel()
	type claims struct {
		Subject string `json:"sub"`
		Plan    string `json:"plan"`
	}
	jane := (&middleware.Auth{UserID: "user_jane"}).WithClaims(json.RawMessage(`{"sub":"user_jane","plan":"gold","n":1}`))
	got, err := middleware.ClaimsAs[claims](jane)
	require.NoError(t, err)
	assert.Equal(t, claims{"user_jane", "gold"}, got)

	clerk := clerktest.NewServer(t, clerktest.Options{})
	session := clerk.SignIn("jane@example.com")
	state := newFlow(t, clerk, nil).Authenticate(pageRequest(clerk.Cookies(session.ID, flowOrigin)))
	got, err = middleware.ClaimsAs[claims](state.Auth)
	require.NoError(t, err)
	assert.Equal(t, session.UserID, got.Subject, "of a real token")

	for name, a := range map[string]*middleware.Auth{"nobody": {}, "opaque": {UserID: "user_jane"}} {
		_, err = middleware.ClaimsAs[claims](a)
		assert.ErrorIs(t, err, middleware.ErrNoClaims, name)
	}
	var wrong *json.UnmarshalTypeError
	zero, err := middleware.ClaimsAs[claims](jane.WithClaims(json.RawMessage(`{"sub":"user_jane","plan":1}`)))
	assert.ErrorAs(t, err, &wrong)
	assert.Zero(t, zero, "nothing half decoded")
}

func TestRequireSignedIn(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	a := newFlow(t, clerk, nil)
	handler := a.Handler(middleware.RequireSignedIn(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })))
	for want, cookies := range map[int][]*http.Cookie{
		http.StatusNoContent:    clerk.Cookies(clerk.SignIn("jane@example.com").ID, flowOrigin),
		http.StatusUnauthorized: nil,
	} {
		r := pageRequest(cookies)
		r.Header.Set("Sec-Fetch-Dest", "empty")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		assert.Equal(t, want, w.Code)
	}
}

// A form that is sent long after its page was loaded arrives. A form of another site is
// refused before its session is renewed.
func TestFormsArriveAfterTheSessionTokenHasExpired(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	a := newFlow(t, clerk, func(o *middleware.Options) { o.RefreshEveryMethod = true })
	app := middleware.RequireSignedIn(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.PostFormValue("note"))
	}))
	server := httptest.NewServer(http.NewCrossOriginProtection().Handler(a.Handler(app)))
	t.Cleanup(server.Close)
	browser := kit.NewBrowser(t).Stay()
	signIn := func() {
		browser.SetCookies(server.URL, clerk.Cookies(clerk.SignIn("jane@example.com").ID, server.URL)...)
	}
	refreshes := func() int { return clerk.CallCount(http.MethodPost, "/v1/sessions/") }

	signIn()
	clerk.Advance(10 * time.Minute)
	reply := browser.Submit(server.URL, url.Values{"note": {"written at length"}})
	require.Equal(t, http.StatusOK, reply.StatusCode, reply.Text)
	assert.Equal(t, "written at length", reply.Text)
	assert.Equal(t, "no-store", reply.Header.Get("Cache-Control"))
	assert.Equal(t, 1, refreshes())
	assert.Equal(t, http.StatusOK, browser.Submit(server.URL, nil).StatusCode)
	assert.Equal(t, 1, refreshes(), "the browser has the fresh cookies")

	clerk.Advance(10 * time.Minute)
	browser.Header = http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}}
	assert.Equal(t, http.StatusForbidden, browser.Submit(server.URL, url.Values{"note": {"forged"}}).StatusCode)
	assert.Equal(t, 1, refreshes())
}
