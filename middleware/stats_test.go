package middleware_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
)

// TestStatsSayWhatHappened causes each thing that is counted a known number of times.
func TestStatsSayWhatHappened(t *testing.T) {
	t.Parallel()
	e := newHook(t)
	stats := func() *middleware.Stats { return e.auth.Stats() }
	assert.Empty(t, stats().Calls)
	assert.Zero(t, stats().KeysFetched)

	jane, mei := e.clerk.SignIn("jane@example.com"), e.clerk.SignIn("mei@example.com")
	live := e.clerk.Cookies(jane.ID, flowOrigin)
	for range 3 {
		require.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", live).StatusCode)
	}
	s := stats()
	assert.EqualValues(t, 2, s.TokenCacheHits)
	assert.EqualValues(t, 1, s.TokenCacheMisses)
	assert.Equal(t, map[middleware.CallOutcome]uint64{middleware.CallSucceeded: 1}, s.Calls["get JWKS"].Outcomes)
	assert.EqualValues(t, 1, s.Calls["get JWKS"].Duration.Count)
	assert.WithinDuration(t, e.clerk.Now(), s.KeysFetched, time.Minute)
	assert.Empty(t, s.Refreshes)

	// A page leads through Clerk, unless the browser comes back from there for the fourth time.
	page := []string{"Sec-Fetch-Dest", "document", "Accept", "text/html"}
	uat := &http.Cookie{Name: "__client_uat", Value: "1"}
	for _, loops := range []string{"0", "1", "3", "3"} {
		e.do(t, http.MethodGet, "/", []*http.Cookie{uat, {Name: "__clerk_redirect_count", Value: loops}}, page...)
	}
	s = stats()
	assert.Equal(t, map[middleware.Reason]uint64{middleware.ReasonClientUATWithoutSessionToken: 2}, s.Handshakes)
	assert.EqualValues(t, 2, s.RedirectLoops)

	// Two requests with one expired token share a refresh; another fails.
	e.clerk.Advance(2 * time.Minute)
	for range 2 {
		require.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", live).StatusCode)
	}
	other := e.clerk.Cookies(mei.ID, flowOrigin)
	e.clerk.Advance(2 * time.Minute)
	remove := e.clerk.Fail(clerktest.Fault{Status: http.StatusInternalServerError})
	e.do(t, http.MethodGet, "/", other)
	remove()
	s = stats()
	assert.Equal(t, map[middleware.RefreshResult]uint64{
		{Result: middleware.RefreshSucceeded, Shared: middleware.NotShared}:  1,
		{Result: middleware.RefreshSucceeded, Shared: middleware.SharedHere}: 1,
		{Result: middleware.RefreshFailed, Shared: middleware.NotShared}:     1,
	}, s.Refreshes)
	assert.Equal(t, map[middleware.CallOutcome]uint64{middleware.CallSucceeded: 1, middleware.CallFailed: 1}, s.Calls["refresh session"].Outcomes)

	// Webhooks, calls, and a sign-out end sessions.
	e.clerk.EndSession(jane.ID)
	e.delivered(t)
	require.NoError(t, e.auth.Revoke(t.Context(), middleware.Revocation{Everyone: true}))
	require.ErrorIs(t, e.auth.Revoke(t.Context(), middleware.Revocation{}), middleware.ErrRevocation)
	e.do(t, http.MethodPost, "/sign-out", e.clerk.Cookies(mei.ID, flowOrigin), "Origin", "https://"+e.host, "Sec-Fetch-Site", "same-origin", "X-Forwarded-Proto", "https")
	e.delivered(t) // Clerk also tells of the session that was signed out
	s = stats()
	assert.EqualValues(t, 2, s.Revocations[middleware.RevokedByWebhook])
	assert.EqualValues(t, 1, s.Revocations[middleware.RevokedByCall])
	assert.EqualValues(t, 1, s.Revocations[middleware.RevokedBySignOut])
	assert.EqualValues(t, 2, s.WebhookLag.Count)
	assert.Zero(t, s.RevocationLag.Count)
	assert.False(t, s.HasStore)
	assert.Equal(t, map[string]bool{"keys": false, "sessions": false, "machines": false, "lookups": false}, s.OpenBreakers)
}

// TestSuccessorGoesOnCounting replaces an authenticator, as after a change of keys.
func TestSuccessorGoesOnCounting(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	opts := middleware.Options{PublishableKey: clerk.PublishableKey(), SecretKey: clerk.SecretKey(), APIURL: clerk.URL}
	first, err := middleware.New(opts)
	require.NoError(t, err)
	defer first.Close()
	require.NoError(t, first.Ready(t.Context()))
	second, err := first.Successor(opts)
	require.NoError(t, err)
	defer second.Close()
	require.NoError(t, second.Ready(t.Context()))
	assert.EqualValues(t, 2, second.Stats().Calls["get JWKS"].Outcomes[middleware.CallSucceeded])
	variant, err := second.With(middleware.Variant{AcceptsToken: []middleware.TokenType{middleware.AnyToken}})
	require.NoError(t, err)
	assert.Equal(t, second.Stats(), variant.Stats())
}
