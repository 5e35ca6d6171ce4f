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

func TestSessionEnded(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	a := newFlow(t, clerk, nil)
	calls := func(id string) int { return clerk.CallCount(http.MethodGet, "/v1/sessions/"+id) }
	jane, mei := clerk.SignIn("jane@example.com"), clerk.SignIn("mei@example.com")
	for range 3 {
		ended, err := a.SessionEnded(t.Context(), jane.ID)
		require.NoError(t, err)
		assert.False(t, ended)
	}
	assert.Equal(t, 1, calls(jane.ID), "it was looked up a moment ago")
	clerk.EndSession(jane.ID)
	clerk.Advance(middleware.DefaultSessionLookupTTL)
	ended, err := a.SessionEnded(t.Context(), jane.ID)
	require.NoError(t, err)
	assert.True(t, ended)
	ended, err = a.SessionEnded(t.Context(), "sess_unknown")
	require.NoError(t, err)
	assert.True(t, ended, "Clerk does not know it")

	// A look-up that fails says nothing, is not remembered, and does not stop the others.
	clerk.Fail(clerktest.Fault{Method: http.MethodGet, Path: "/v1/sessions/" + mei.ID, Status: http.StatusServiceUnavailable})
	for range 3 {
		ended, err = a.SessionEnded(t.Context(), mei.ID)
		require.Error(t, err)
		assert.False(t, ended)
		other := clerk.SignIn("jane@example.com")
		ended, err = a.SessionEnded(t.Context(), other.ID)
		require.NoError(t, err)
		assert.False(t, ended)
	}
	assert.Equal(t, 3, calls(mei.ID))
}

// What Clerk asks for by a 429 is obeyed by these look-ups.
func TestSessionEndedRests(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	a := newFlow(t, clerk, nil)
	session := clerk.SignIn("jane@example.com")
	clerk.SetOutage(clerktest.Outage{Kind: clerktest.OutageRateLimit, RetryAfter: 30 * time.Second, Lasts: time.Second})
	for range 3 {
		_, err := a.SessionEnded(t.Context(), session.ID)
		require.Error(t, err)
	}
	assert.Equal(t, 1, clerk.CallCount(http.MethodGet, "/v1/sessions/"))
	clerk.Advance(20 * time.Second)
	_, err := a.SessionEnded(t.Context(), session.ID)
	require.Error(t, err)
	clerk.Advance(11 * time.Second)
	_, err = a.SessionEnded(t.Context(), session.ID)
	require.NoError(t, err)
}

func TestRecheck(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	a := newFlow(t, clerk, nil)
	told := make(chan struct{}, 10)
	stop := a.WatchRevocations(func() { told <- struct{}{} })
	judged := func() (*clerktest.Session, *middleware.State) {
		session := clerk.SignIn("jane@example.com")
		s := a.Authenticate(pageRequest(clerk.Cookies(session.ID, flowOrigin)))
		require.Equal(t, middleware.SignedIn, s.Status)
		return session, s
	}
	session, s := judged()
	_, other := judged()
	assert.Empty(t, a.Recheck(s))
	clerk.Advance(time.Hour)
	assert.Empty(t, a.Recheck(s), "the clock does not matter")
	require.NoError(t, a.Revoke(t.Context(), middleware.Revocation{SessionID: session.ID}))
	<-told
	assert.Equal(t, middleware.ReasonSessionRevoked, a.Recheck(s))
	assert.Empty(t, a.Recheck(other))
	require.NoError(t, a.Revoke(t.Context(), middleware.Revocation{Everyone: true}))
	<-told
	assert.Equal(t, middleware.ReasonSessionTokenExpired, a.Recheck(other))
	clerk.Advance(time.Second)
	_, later := judged()
	assert.Empty(t, a.Recheck(later))
	assert.Empty(t, a.Recheck(a.Authenticate(pageRequest(nil))), "nobody is signed in")
	stop()
	require.NoError(t, a.Revoke(t.Context(), middleware.Revocation{Everyone: true}))
	assert.Empty(t, told)
}
