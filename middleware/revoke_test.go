package middleware_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/middleware/store"
	"github.com/clerkgate/clerkgate/middleware/store/storetest"
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

// A browser is not redirected to Clerk, which could loop forever: until Clerk knows of the
// revocation, it responds with a live token.
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

// Tokens that must be renewed count as expired: where expired tokens are renewed, users do
// not notice.
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
	opts := middleware.Options{PublishableKey: clerk.PublishableKey(), SecretKey: clerk.SecretKey(), APIURL: clerk.URL, Now: clerk.Now}
	former := newFlow(t, clerk, nil)
	session := clerk.SignIn("jane@example.com")
	cookies := clerk.Cookies(session.ID, flowOrigin)
	require.NoError(t, former.Revoke(t.Context(), middleware.Revocation{SessionID: session.ID}))
	next, err := former.Successor(opts)
	require.NoError(t, err)
	defer next.Close()
	assert.Equal(t, middleware.ReasonSessionRevoked, next.Authenticate(pageRequest(cookies)).Reason)

	other := clerk.SignIn("mei@example.com")
	require.NoError(t, next.Revoke(t.Context(), middleware.Revocation{SessionID: other.ID}))
	assert.Equal(t, middleware.ReasonSessionRevoked, former.Authenticate(pageRequest(clerk.Cookies(other.ID, flowOrigin))).Reason)
}

// flaky is a store that can be down.
type flaky struct {
	store.Store
	down atomic.Bool
}

func (f *flaky) Append(ctx context.Context, log string, entry []byte, keep time.Duration) error {
	if f.down.Load() {
		return errors.New("the store is down")
	}
	return f.Store.Append(ctx, log, entry, keep)
}

func TestReplicasShareRevocations(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	shared := &flaky{Store: storetest.NewMemory(nil)}
	replica := func(skew time.Duration) *middleware.Authenticator {
		return newFlow(t, clerk, func(o *middleware.Options) {
			o.Store, o.Now, o.ClockSkew = shared, func() time.Time { return clerk.Now().Add(skew) }, time.Minute
		})
	}
	one, two, slow := replica(0), replica(0), replica(-30*time.Second)
	session, other := clerk.SignIn("jane@example.com"), clerk.SignIn("mei@example.com")
	cookies := clerk.Cookies(session.ID, flowOrigin)
	assertRevoked := func(a *middleware.Authenticator, cookies []*http.Cookie, why string) {
		t.Helper()
		require.Eventually(t, func() bool { return a.Authenticate(pageRequest(cookies)).Reason == middleware.ReasonSessionRevoked },
			time.Minute, time.Millisecond, why)
	}
	for _, a := range []*middleware.Authenticator{one, two, slow} {
		require.Equal(t, middleware.SignedIn, a.Authenticate(pageRequest(cookies)).Status)
	}
	require.NoError(t, one.Revoke(t.Context(), middleware.Revocation{SessionID: session.ID}))
	assertRevoked(one, cookies, "here")
	assertRevoked(two, cookies, "there")
	assertRevoked(slow, cookies, "whose clock is half a minute behind")
	assertRevoked(replica(0), cookies, "after a restart")
	assert.Equal(t, middleware.SignedIn, two.Authenticate(pageRequest(clerk.Cookies(other.ID, flowOrigin))).Status)

	// The store fails. Known revocations still hold, and new ones are in force here.
	shared.down.Store(true)
	require.Error(t, two.Revoke(t.Context(), middleware.Revocation{UserID: other.UserID}))
	assertRevoked(two, clerk.Cookies(session.ID, flowOrigin), "known before")
	assertRevoked(two, clerk.Cookies(other.ID, flowOrigin), "learned since")
}

// If the store fails, the webhook is refused and so delivered again; then every replica
// knows.
func TestWebhookWhileTheStoreIsDown(t *testing.T) {
	t.Parallel()
	shared := &flaky{Store: storetest.NewMemory(nil)}
	e := newExit(t, true, func(o *middleware.Options) { o.Store = shared })
	hook := e.clerk.AddWebhook(clerktest.Webhook{URL: e.URL + "/hook"})
	handler, err := e.auth.WebhookHandler(hook.Secret)
	require.NoError(t, err)
	e.mux.Handle("/hook", handler)
	session := e.clerk.SignIn("jane@example.com")
	cookies := e.clerk.Cookies(session.ID, flowOrigin)
	require.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", cookies).StatusCode)

	shared.down.Store(true)
	e.clerk.EndSession(session.ID)
	var last clerktest.Delivery
	for _, d := range e.clerk.Deliveries() {
		last = d
	}
	assert.Equal(t, http.StatusServiceUnavailable, last.Status)
	assert.Equal(t, 3, last.Attempts)
	assert.Equal(t, http.StatusUnauthorized, e.do(t, http.MethodGet, "/", cookies).StatusCode, "it is in force here")
}
