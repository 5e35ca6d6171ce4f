package middleware_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
)

const flowOrigin = "http://example.com"

// newFlow makes an Authenticator on a local Clerk.
func newFlow(t testing.TB, clerk *clerktest.Server, change func(*middleware.Options)) *middleware.Authenticator {
	t.Helper()
	opts := middleware.Options{
		PublishableKey: clerk.PublishableKey(), SecretKey: clerk.SecretKey(), APIURL: clerk.URL, Now: clerk.Now,
	}
	if change != nil {
		change(&opts)
	}
	a, err := middleware.New(opts)
	require.NoError(t, err)
	t.Cleanup(a.Close)
	return a
}

// pageRequest is a browser asking for a page with everything it holds.
func pageRequest(cookies []*http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodGet, flowOrigin+"/", nil)
	r.Header.Set("Sec-Fetch-Dest", "document")
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}

func TestLiveTokenMakesNoNetworkCall(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	session := clerk.SignIn("jane@example.com")
	a := newFlow(t, clerk, nil)
	require.NoError(t, a.Ready(t.Context()))
	clerk.ResetCalls()
	for range 3 {
		s := a.Authenticate(pageRequest(clerk.Cookies(session.ID, flowOrigin)))
		require.Equal(t, middleware.SignedIn, s.Status, "%s %s", s.Reason, s.Message)
		assert.Equal(t, session.UserID, s.Auth.UserID)
	}
	assert.Empty(t, clerk.Calls())
}

func TestOneRefreshForAllWhoWait(t *testing.T) {
	t.Parallel()
	const browsers = 200
	clerk := clerktest.NewServer(t, clerktest.Options{})
	session := clerk.SignIn("jane@example.com")
	cookies := clerk.Cookies(session.ID, flowOrigin)
	a := newFlow(t, clerk, nil)
	clerk.Advance(2 * time.Minute)
	handler := a.Handler(middleware.Require(middleware.Requirement{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		state, _ := middleware.StateFromContext(r.Context())
		w.Header().Set("Cache-Control", "public, max-age=60")
		_ = json.NewEncoder(w).Encode(state.Token)
	})))
	tokens := make([]string, browsers)
	var wg sync.WaitGroup
	for i := range browsers {
		wg.Go(func() {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, pageRequest(cookies))
			if assert.Equal(t, http.StatusOK, w.Code, w.Header()) {
				tokens[i] = w.Body.String()
				assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
				assert.NotEmpty(t, w.Header().Values("Set-Cookie"))
			}
		})
	}
	wg.Wait()
	for _, token := range tokens {
		assert.Equal(t, tokens[0], token)
	}
	assert.Equal(t, 1, clerk.CallCount(http.MethodPost, "/v1/sessions/"), "refreshes")
}

func TestRefusedRefreshFallsBackToTheHandshake(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	session := clerk.SignIn("jane@example.com")
	cookies := clerk.Cookies(session.ID, flowOrigin)
	a := newFlow(t, clerk, nil)
	clerk.InvalidateRefreshTokens(session.ID)
	clerk.Advance(2 * time.Minute)
	s := a.Authenticate(pageRequest(cookies))
	assert.Equal(t, middleware.Handshake, s.Status)
	assert.Equal(t, middleware.Reason("session-token-expired-refresh-refresh_token_not_found"), s.Reason)
	assert.Contains(t, s.Location(), "/v1/client/handshake?")
}

func TestSessionLookup(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	session := clerk.SignIn("jane@example.com")
	a := newFlow(t, clerk, func(o *middleware.Options) { o.SessionLookup = middleware.LookupCached })
	ask := func() *middleware.State { return a.Authenticate(pageRequest(clerk.Cookies(session.ID, flowOrigin))) }

	require.Equal(t, middleware.SignedIn, ask().Status)
	require.Equal(t, middleware.SignedIn, ask().Status)
	assert.Equal(t, 1, clerk.CallCount(http.MethodGet, "/v1/sessions/"), "one look-up in ten seconds")

	remove := clerk.Fail(clerktest.Fault{Method: http.MethodGet, Path: "/v1/sessions/*", Status: http.StatusInternalServerError})
	clerk.Advance(11 * time.Second)
	require.Equal(t, middleware.SignedIn, ask().Status, "a failing Clerk turns nobody away")
	remove()

	cookies := clerk.Cookies(session.ID, flowOrigin)
	clerk.RevokeSession(session.ID)
	clerk.Advance(11 * time.Second)
	s := a.Authenticate(pageRequest(cookies))
	assert.Equal(t, middleware.SignedOut, s.Status)
	assert.Equal(t, middleware.ReasonSessionRevoked, s.Reason)
}

func TestHandlerAnswers(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{Production: true})
	a := newFlow(t, clerk, nil)
	handler := a.Handler(middleware.Require(middleware.Requirement{})(http.NotFoundHandler()))
	t.Run("program", func(t *testing.T) {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api", nil))
		assert.Equal(t, http.StatusUnauthorized, w.Code)
		assert.Equal(t, "Bearer", w.Header().Get("WWW-Authenticate"))
		assert.Equal(t, "signed-out", w.Header().Get("X-Clerk-Auth-Status"))
		assert.Contains(t, w.Body.String(), `"code":"authentication_invalid"`)
	})
	t.Run("browser", func(t *testing.T) {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, pageRequest(nil))
		assert.Equal(t, http.StatusTemporaryRedirect, w.Code)
		assert.Equal(t, "https://accounts.example.com/sign-in?redirect_url=http%3A%2F%2Fexample.com%2F", w.Header().Get("Location"))
	})
}

func TestSignedInClient(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	a := newFlow(t, clerk, nil)
	app := httptest.NewServer(a.Handler(middleware.Require(middleware.Requirement{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(middleware.FromContext(r.Context()).UserID))
	}))))
	defer app.Close()
	client := clerk.Client("jane@example.com", app.URL)
	for _, wait := range []time.Duration{0, 2 * time.Minute} {
		clerk.Advance(wait)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, app.URL, nil)
		require.NoError(t, err)
		res, err := client.Do(r)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, res.StatusCode, "after %s: %s", wait, res.Header.Get("X-Clerk-Auth-Reason"))
		require.NoError(t, res.Body.Close())
	}
	client.CloseIdleConnections()
}

func TestRequireWithoutHandlerRefuses(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	middleware.Require(middleware.Requirement{})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("reached the handler")
	})).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	assert.Equal(t, http.StatusUnauthorized, w.Code)
}

func TestCloseLeavesNothing(t *testing.T) {
	clerk := clerktest.New(clerktest.Options{})
	server := httptest.NewServer(clerk.Handler())
	session := clerk.SignIn("jane@example.com")
	ignore := goleak.IgnoreCurrent()
	a, err := middleware.New(middleware.Options{PublishableKey: clerk.PublishableKey(), SecretKey: clerk.SecretKey(), APIURL: server.URL, Now: clerk.Now})
	require.NoError(t, err)
	require.Equal(t, middleware.SignedIn, a.Authenticate(pageRequest(clerk.Cookies(session.ID, flowOrigin))).Status)
	a.Close()
	server.CloseClientConnections()
	goleak.VerifyNone(t, ignore)
	server.Close()
}
