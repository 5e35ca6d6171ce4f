package middleware_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/middleware/store"
)

// A refresh is remembered for requests that a browser sends before it has the new cookies.
// Its token may have become stale in the meantime.
func TestRememberedRefreshIsNotHandedOutOnceItIsStale(t *testing.T) {
	t.Parallel()
	e := newExit(t, true, nil)
	session := e.clerk.SignIn("jane@example.com")
	cookies := e.clerk.Cookies(session.ID, flowOrigin)
	e.clerk.Advance(2 * time.Minute)
	refreshes := func() int { return e.clerk.CallCount(http.MethodPost, "/v1/sessions/"+session.ID+"/refresh") }
	first := e.do(t, http.MethodGet, "/", cookies)
	require.Equal(t, http.StatusOK, first.StatusCode)
	require.Equal(t, 1, refreshes())
	again := e.do(t, http.MethodGet, "/", cookies)
	require.Equal(t, first.Header.Values("Set-Cookie"), again.Header.Values("Set-Cookie"), "it is remembered")

	e.clerk.Advance(2 * time.Second)
	require.NoError(t, e.auth.Revoke(t.Context(), middleware.Revocation{Everyone: true}))
	e.clerk.Advance(2 * time.Second)
	var renewed *http.Response
	for range 3 {
		renewed = e.do(t, http.MethodGet, "/", cookies)
		require.Equal(t, http.StatusOK, renewed.StatusCode, "%v", renewed.Header)
		assert.NotEqual(t, first.Header.Values("Set-Cookie"), renewed.Header.Values("Set-Cookie"))
	}
	assert.Equal(t, 2, refreshes(), "once for all of them")
	assert.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", replaced(cookies, renewed.Cookies())).StatusCode)

	require.NoError(t, e.auth.Revoke(t.Context(), middleware.Revocation{Everyone: true}))
	e.clerk.Advance(time.Second)
	e.clerk.EndSession(session.ID)
	ended := e.do(t, http.MethodGet, "/", cookies)
	assert.Equal(t, http.StatusUnauthorized, ended.StatusCode)
	assert.Empty(t, ended.Header.Values("Set-Cookie"))
}

// The refresh that a revocation of everyone causes may bring a token of the same second.
func TestTokenOfTheSameSecondIsNotRenewedTwice(t *testing.T) {
	t.Parallel()
	e := newExit(t, true, nil)
	session := e.clerk.SignIn("jane@example.com")
	cookies := e.clerk.Cookies(session.ID, flowOrigin)
	require.NoError(t, e.auth.Revoke(t.Context(), middleware.Revocation{Everyone: true}))
	e.clerk.Advance(time.Millisecond)
	require.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", cookies).StatusCode)
	assert.Equal(t, 1, e.clerk.CallCount(http.MethodPost, "/v1/sessions/"+session.ID+"/refresh"))
}

func TestRememberedRefreshOfARevokedSession(t *testing.T) {
	t.Parallel()
	e := newExit(t, true, nil)
	session := e.clerk.SignIn("jane@example.com")
	cookies := e.clerk.Cookies(session.ID, flowOrigin)
	e.clerk.Advance(2 * time.Minute)
	require.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", cookies).StatusCode)
	require.NoError(t, e.auth.Revoke(t.Context(), middleware.Revocation{SessionID: session.ID}))
	res := e.do(t, http.MethodGet, "/", cookies)
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
	assert.Empty(t, res.Header.Values("Set-Cookie"))
	assert.Equal(t, "session-revoked", res.Header.Get("X-Clerk-Auth-Reason"))
}

// Clerk's OAuth access tokens live for a day, and cannot be revoked there.
func TestOAuthTokenOfARevokedUser(t *testing.T) {
	t.Parallel()
	f := newForge(t, 0)
	a := f.authenticator(func(o *middleware.Options) { o.AcceptsToken = []middleware.TokenType{middleware.OAuthToken} })
	issue := func(user string, issued time.Time) string {
		return f.token(with{"typ": "at+jwt"}, with{"sub": user, "client_id": "client_1", "jti": "oat_1", "iat": issued.Unix(), "nbf": issued.Unix(), "exp": issued.Add(24 * time.Hour).Unix()})
	}
	judge := func(token string) *middleware.State { return a.Authenticate(bearer(token)) }
	before := f.now.Add(-time.Hour)
	for _, user := range []string{"user_jane", "user_mei"} {
		require.Equal(t, middleware.SignedIn, judge(issue(user, before)).Status)
	}
	require.Error(t, a.Revoke(t.Context(), middleware.Revocation{UserID: "user_jane"}), "this Clerk has no users")
	s := judge(issue("user_jane", before))
	assert.Equal(t, middleware.SignedOut, s.Status)
	assert.Equal(t, middleware.ReasonSessionRevoked, s.Reason)
	assert.Equal(t, middleware.SignedIn, judge(issue("user_mei", before)).Status)
	_, err := a.VerifyToken(t.Context(), issue("user_jane", before))
	var refused *middleware.TokenError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, middleware.ReasonSessionRevoked, refused.Reason)

	require.NoError(t, a.Revoke(t.Context(), middleware.Revocation{Everyone: true}))
	s = judge(issue("user_mei", before))
	assert.Equal(t, middleware.SignedOut, s.Status)
	assert.Equal(t, middleware.Reason("token-expired"), s.Reason)
	f.now = f.now.Add(2 * time.Second)
	assert.Equal(t, middleware.SignedIn, judge(issue("user_jane", f.now.Add(-time.Second))).Status, "issued afterwards")
}

// gated is a store whose log cannot be read until it is opened.
type gated struct {
	store.Store
	open chan struct{}
}

func (g *gated) Read(ctx context.Context, log, after string, patience time.Duration) ([]store.Entry, error) {
	select {
	case <-g.open:
		return g.Store.Read(ctx, log, after, patience)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A replica that starts waits until it knows what was revoked before, but not for a store
// that does not answer.
func TestStartWaitsForTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newReplicas(t)
		require.NoError(t, f.replica(f.memory).Revoke(t.Context(), middleware.Revocation{Everyone: true}))
		slow := &gated{Store: f.memory, open: make(chan struct{})}
		time.AfterFunc(500*time.Millisecond, func() { close(slow.open) })
		a := f.replica(slow)
		start := time.Now()
		a.AwaitRevocations(t.Context())
		assert.Equal(t, 500*time.Millisecond, time.Since(start))
		live := f.token(nil, with{"iat": f.now.Unix() - 5, "nbf": f.now.Unix() - 5, "exp": f.now.Unix() + 55, "azp": flowOrigin})
		r := f.page(live)
		assert.NotEqual(t, middleware.SignedIn, a.Authenticate(r).Status)

		hung := f.replica(&gated{Store: f.memory, open: make(chan struct{})})
		start = time.Now()
		require.NoError(t, hung.Ready(t.Context()))
		assert.LessOrEqual(t, time.Since(start), 2*time.Second)
	})
}

func TestStrictRevocation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newReplicas(t)
		door := &gated{Store: f.memory, open: make(chan struct{})}
		a := f.replica(door)
		strict, err := a.With(middleware.Variant{StrictRevocation: true})
		require.NoError(t, err)
		live := f.token(nil, with{"iat": f.now.Unix() - 5, "nbf": f.now.Unix() - 5, "exp": f.now.Unix() + 55, "azp": flowOrigin})
		request := func() *http.Request {
			return f.page(live)
		}
		require.Equal(t, middleware.SignedIn, a.Authenticate(request()).Status)
		s := strict.Authenticate(request())
		assert.Equal(t, middleware.Unavailable, s.Status)
		assert.Equal(t, middleware.ReasonRevocationsUnknown, s.Reason)
		assert.Positive(t, s.RetryAfter())
		_, err = strict.VerifyToken(t.Context(), live)
		require.Error(t, err)
		refreshed := strict.Authenticate(f.expired(a))
		assert.Equal(t, middleware.Unavailable, refreshed.Status)
		assert.NotEmpty(t, refreshed.Header.Values("Set-Cookie"), "Clerk takes the expired token only once")

		close(door.open)
		time.Sleep(10 * time.Second)
		assert.Equal(t, middleware.SignedIn, strict.Authenticate(request()).Status)
	})
}
