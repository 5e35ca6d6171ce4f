package middleware_test

import (
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
)

func TestRevokedSession(t *testing.T) {
	t.Parallel()
	e := newExit(t, true, nil)
	session, other := e.clerk.SignIn("jane@example.com"), e.clerk.SignIn("jane@example.com")
	cookies := e.clerk.Cookies(session.ID, flowOrigin)
	token := e.clerk.Token(session.ID, flowOrigin)
	require.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", cookies).StatusCode)

	require.NoError(t, e.auth.Revoke(t.Context(), middleware.Revocation{SessionID: session.ID}))
	assert.Equal(t, clerkapi.SessionRevoked, e.status(t, session.ID))
	for name, res := range map[string]*http.Response{
		"cookie": e.do(t, http.MethodGet, "/", cookies),
		"header": e.do(t, http.MethodPost, "/", nil, "Authorization", "Bearer "+token),
	} {
		assert.Equal(t, http.StatusUnauthorized, res.StatusCode, name)
		assert.Equal(t, "session-revoked", res.Header.Get("X-Clerk-Auth-Reason"), name)
	}
	_, err := e.auth.VerifyToken(t.Context(), token)
	var refused *middleware.TokenError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, middleware.ReasonSessionRevoked, refused.Reason)
	assert.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", e.clerk.Cookies(other.ID, flowOrigin)).StatusCode, "another session of the same user")

	require.NoError(t, e.auth.Revoke(t.Context(), middleware.Revocation{SessionID: session.ID}))
	assert.Equal(t, 1, e.clerk.CallCount(http.MethodPost, "/v1/sessions/"), "Clerk is told once")
}

// A browser is not sent through Clerk, which could send it back for ever: while Clerk does
// not know of the revocation, it answers with a live token.
func TestRevokedSessionIsNotSentThroughClerk(t *testing.T) {
	t.Parallel()
	for name, production := range map[string]bool{"production": true, "development": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clerk := clerktest.NewServer(t, clerktest.Options{Production: production})
			a := newFlow(t, clerk, nil)
			session := clerk.SignIn("jane@example.com")
			cookies := clerk.Cookies(session.ID, flowOrigin)
			require.Equal(t, middleware.SignedIn, a.Authenticate(pageRequest(cookies)).Status)
			clerk.Fail(clerktest.Fault{Method: http.MethodPost, Path: "/v1/sessions/*/revoke", Status: http.StatusServiceUnavailable})
			require.Error(t, a.Revoke(t.Context(), middleware.Revocation{SessionID: session.ID}))

			assertRevoked := func(s *middleware.State) {
				t.Helper()
				assert.Equal(t, middleware.SignedOut, s.Status)
				assert.Equal(t, middleware.ReasonSessionRevoked, s.Reason)
				assert.Empty(t, s.Location())
				assert.False(t, s.Auth.IsSignedIn())
			}
			assertRevoked(a.Authenticate(pageRequest(cookies)))
			clerk.Advance(2 * time.Minute) // it has expired, and Clerk would refresh it
			s := a.Authenticate(pageRequest(cookies))
			assertRevoked(s)
			assert.Equal(t, 1, clerk.CallCount(http.MethodPost, "/v1/sessions/"+session.ID+"/refresh"))
		})
	}
}

func TestRevokedUser(t *testing.T) {
	t.Parallel()
	e := newExit(t, true, nil)
	one, two, mei := e.clerk.SignIn("jane@example.com"), e.clerk.SignIn("jane@example.com"), e.clerk.SignIn("mei@example.com")
	before := map[string][]*http.Cookie{}
	for _, s := range []*clerktest.Session{one, two, mei} {
		before[s.ID] = e.clerk.Cookies(s.ID, flowOrigin)
		require.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", before[s.ID]).StatusCode)
	}
	require.NoError(t, e.auth.Revoke(t.Context(), middleware.Revocation{UserID: one.UserID}))
	for _, id := range []string{one.ID, two.ID} {
		assert.Equal(t, clerkapi.SessionRevoked, e.status(t, id))
		assert.Equal(t, http.StatusUnauthorized, e.do(t, http.MethodGet, "/", before[id]).StatusCode)
	}
	assert.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", before[mei.ID]).StatusCode)

	e.clerk.Advance(time.Second)
	again := e.clerk.SignIn("jane@example.com")
	assert.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", e.clerk.Cookies(again.ID, flowOrigin)).StatusCode, "who signs in again is in")
}

func TestRevokedUserWhileClerkIsDown(t *testing.T) {
	t.Parallel()
	e := newExit(t, true, nil)
	session := e.clerk.SignIn("jane@example.com")
	cookies := e.clerk.Cookies(session.ID, flowOrigin)
	require.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", cookies).StatusCode)
	e.clerk.Fail(clerktest.Fault{Path: "/v1/*", Status: http.StatusServiceUnavailable})
	require.Error(t, e.auth.Revoke(t.Context(), middleware.Revocation{UserID: session.UserID}))
	res := e.do(t, http.MethodGet, "/", cookies)
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
	assert.Equal(t, "session-revoked", res.Header.Get("X-Clerk-Auth-Reason"))
}

// Tokens that must be renewed count as expired: where an expired one is renewed, nobody
// notices.
func TestStaleTokenIsRenewed(t *testing.T) {
	t.Parallel()
	e := newExit(t, true, func(o *middleware.Options) { o.RefreshEveryMethod = true })
	session := e.clerk.SignIn("jane@example.com")
	cookies := e.clerk.Cookies(session.ID, flowOrigin)
	require.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", cookies).StatusCode)
	require.NoError(t, e.auth.Revoke(t.Context(), middleware.Revocation{Everyone: true}))
	e.clerk.Advance(time.Second)

	res := e.do(t, http.MethodPost, "/", cookies)
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, 1, e.clerk.CallCount(http.MethodPost, "/v1/sessions/"))
	require.NotEmpty(t, res.Cookies())
	fresh := replaced(cookies, res.Cookies())
	for range 3 {
		res = e.do(t, http.MethodGet, "/", fresh, document...)
		assert.Equal(t, http.StatusOK, res.StatusCode)
	}
	assert.Equal(t, 1, e.clerk.CallCount(http.MethodPost, "/v1/sessions/"), "the new token is not stale")

	e.clerk.InvalidateRefreshTokens(session.ID)
	mei := e.clerk.SignIn("mei@example.com")
	require.NoError(t, e.auth.Revoke(t.Context(), middleware.Revocation{Everyone: true}))
	e.clerk.Advance(time.Second)
	res = e.do(t, http.MethodGet, "/", fresh, "Sec-Fetch-Dest", "document")
	assert.Equal(t, http.StatusTemporaryRedirect, res.StatusCode)
	assert.Contains(t, res.Header.Get("Location"), "/v1/client/handshake?")
	res = e.do(t, http.MethodGet, "/", nil, "Authorization", "Bearer "+e.clerk.Token(mei.ID, flowOrigin))
	assert.Equal(t, http.StatusOK, res.StatusCode, "issued afterwards")
}

// replaced returns a browser's cookies after it has been sent some more.
func replaced(cookies, more []*http.Cookie) []*http.Cookie {
	names := map[string]*http.Cookie{}
	for _, c := range slices.Concat(cookies, more) {
		names[c.Name] = c
	}
	return slices.Collect(maps.Values(names))
}

// A stale session that has ended at Clerk is not renewed.
func TestStaleTokenOfAnEndedSession(t *testing.T) {
	t.Parallel()
	e := newExit(t, true, nil)
	session := e.clerk.SignIn("jane@example.com")
	cookies := e.clerk.Cookies(session.ID, flowOrigin)
	require.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", cookies).StatusCode)
	e.clerk.EndSession(session.ID)
	require.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", cookies).StatusCode, "as with Clerk's SDK, until the token expires")
	require.NoError(t, e.auth.Revoke(t.Context(), middleware.Revocation{Everyone: true}))
	res := e.do(t, http.MethodGet, "/", cookies)
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
	assert.Equal(t, "session-token-expired-refresh-session_refresh_inactive_session", res.Header.Get("X-Clerk-Auth-Reason"))
}

func TestRevocationNeedsASubject(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	a := newFlow(t, clerk, nil)
	for _, r := range []middleware.Revocation{
		{}, {SessionID: "user_1"}, {UserID: "sess_1"}, {SessionID: "sess_"}, {UserID: "user_\n"},
		{SessionID: "sess_1", UserID: "user_1"}, {UserID: "user_1", Everyone: true},
	} {
		require.ErrorIs(t, a.Revoke(t.Context(), r), middleware.ErrRevocation, "%+v", r)
	}
	assert.Empty(t, clerk.Calls())
}

func TestRevocationsAreTakenOver(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	former, next := newFlow(t, clerk, nil), newFlow(t, clerk, nil)
	session := clerk.SignIn("jane@example.com")
	cookies := clerk.Cookies(session.ID, flowOrigin)
	require.NoError(t, former.Revoke(t.Context(), middleware.Revocation{SessionID: session.ID}))
	next.TakeOver(former)
	assert.Equal(t, middleware.ReasonSessionRevoked, next.Authenticate(pageRequest(cookies)).Reason)

	other := clerk.SignIn("mei@example.com")
	require.NoError(t, next.Revoke(t.Context(), middleware.Revocation{SessionID: other.ID}))
	assert.Equal(t, middleware.ReasonSessionRevoked, former.Authenticate(pageRequest(clerk.Cookies(other.ID, flowOrigin))).Reason)
}
