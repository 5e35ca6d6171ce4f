package demo

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

const (
	refreshCalls = "/v1/sessions/*/refresh"
	jane         = "jane@example.com"
)

// started runs a demo on free ports until the test ends. Its clock is the
// local Clerk's; everything it prints is in the buffer.
func started(t testing.TB, opts Options) (*Demo, *kit.Buffer) {
	t.Helper()
	opts.Listen, opts.ClerkListen = "127.0.0.1:0", "127.0.0.1:0"
	if opts.TokenLifetime == 0 {
		opts.TokenLifetime = time.Minute
	}
	began := time.Now().Truncate(time.Second)
	opts.Now = func() time.Time { return began } // it stands still, but for Advance
	out := &kit.Buffer{}
	ctx, cancel := context.WithCancel(context.Background())
	d, err := New(ctx, opts, out)
	require.NoError(t, err)
	started, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- d.Run(ctx, func() { close(started) }) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
	})
	select {
	case <-started:
	case err := <-done:
		done <- err
		t.Fatalf("the demo did not start: %v", err)
	}
	return d, out
}

// startedSignedIn has a browser that has just signed in as Jane.
func startedSignedIn(t testing.TB, opts Options) (*Demo, *browser, *kit.Buffer) {
	t.Helper()
	d, out := started(t, opts)
	browser := newBrowser(t)
	landing := browser.open(d.origin + "/")
	require.Equal(t, http.StatusOK, landing.status)
	require.Contains(t, landing.text, "Please sign in")
	signIn := browser.click(landing, "Sign in")
	require.Equal(t, http.StatusOK, signIn.status, signIn.text)
	page := browser.click(signIn, jane)
	require.Equal(t, d.origin+"/", page.url.String(), "trail: %v", browser.Trail)
	require.Equal(t, jane, page.identity(), "trail: %v\n%s", browser.Trail, page.text)
	return d, browser, out
}

func forBothInstances(t *testing.T, test func(*testing.T, Options)) {
	t.Helper()
	for name, opts := range map[string]Options{"development": {}, "production": {Production: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, opts)
		})
	}
}

func TestRefreshesAnExpiredToken(t *testing.T) {
	t.Parallel()
	forBothInstances(t, func(t *testing.T, opts Options) {
		d, browser, out := startedSignedIn(t, opts)
		before := d.clerk.CallCount(http.MethodPost, refreshCalls)
		d.clerk.Advance(opts.lifetime() + 10*time.Second)

		page := browser.open(d.origin + "/")
		assert.Equal(t, []string{"200 /"}, browser.Trail, "no redirect")
		assert.Equal(t, jane, page.identity())
		assert.Contains(t, page.cookieNames(), "__session")
		assert.Contains(t, page.cookieNames(), "__session_"+d.clerk.CookieSuffix())
		assert.Equal(t, "no-store", page.header.Get("Cache-Control"))
		assert.Equal(t, before+1, d.clerk.CallCount(http.MethodPost, refreshCalls))
		assert.Equal(t, "60", page.byID("left"), "the app sees the fresh token")
		assert.Contains(t, page.byID("what"), "exchanged it at Clerk for a fresh one")
		assert.Equal(t, 1, strings.Count(out.String(), "token refreshed"), out)

		browser.open(d.origin + "/")
		assert.Equal(t, before+1, d.clerk.CallCount(http.MethodPost, refreshCalls), "the new cookies are used")
	})
}

// lifetime is what started makes of the zero.
func (o Options) lifetime() time.Duration { return max(o.TokenLifetime, time.Minute) }

func TestFallsBackOnTheHandshake(t *testing.T) {
	t.Parallel()
	forBothInstances(t, func(t *testing.T, opts Options) {
		d, browser, out := startedSignedIn(t, opts)
		note := browser.click(browser.open(d.origin+"/"), "Make the refresh token invalid")
		assert.Contains(t, note.text, "The refresh token is invalid now")
		before := d.clerk.CallCount(http.MethodPost, refreshCalls)
		d.clerk.Advance(opts.lifetime() + 10*time.Second)

		page := browser.open(d.origin + "/")
		assert.Equal(t, before+1, d.clerk.CallCount(http.MethodPost, refreshCalls), "it was tried once")
		require.GreaterOrEqual(t, len(browser.Trail), 3)
		assert.Equal(t, []string{"307 /", "307 " + proxyPath + "/v1/client/handshake"}, browser.Trail[:2])
		assert.Equal(t, "200 /", browser.Trail[len(browser.Trail)-1])
		assert.Equal(t, jane, page.identity())
		assert.Empty(t, page.url.RawQuery, "the handshake leaves nothing in the address")
		assert.Contains(t, out.String(), "session-token-expired-refresh-")
		assert.Contains(t, page.byID("what"), "could not be refreshed")
		assert.Empty(t, page.byID("note"), "what was said of the old token is no longer true")
	})
}

// The page tells people to wait for the token's end: its buttons must work then too.
func TestButtonsWorkAfterTheTokenExpired(t *testing.T) {
	t.Parallel()
	forBothInstances(t, func(t *testing.T, opts Options) {
		d, browser, _ := startedSignedIn(t, opts)
		page := browser.open(d.origin + "/")
		d.clerk.Advance(opts.lifetime() + 10*time.Second)
		page = browser.click(page, "Make the refresh token invalid")
		assert.Contains(t, page.byID("note"), "The refresh token is invalid now")

		d.clerk.Advance(opts.lifetime() + 10*time.Second)
		page = browser.click(page, "End my session")
		assert.Contains(t, page.byID("note"), "The button did nothing", "nothing is left to refresh the token with")
		page = browser.click(page, "End my session")
		assert.Empty(t, page.identity(), "trail: %v", browser.Trail)
	})
}

func TestNoticesARevokedSession(t *testing.T) {
	t.Parallel()
	forBothInstances(t, func(t *testing.T, opts Options) {
		d, browser, _ := startedSignedIn(t, opts)
		for _, session := range d.sessionsOf(browser) {
			d.clerk.RevokeSession(session)
		}
		d.clerk.Advance(11 * time.Second) // the token lives on for 49 s

		page := browser.open(d.origin + "/")
		assert.Empty(t, page.identity(), "trail: %v", browser.Trail)
		assert.Contains(t, page.text, "Please sign in")
	})
}

// sessionsOf are the sessions that the app sees for a browser.
func (de *Demo) sessionsOf(b *browser) []string {
	b.tb.Helper()
	me := map[string]string{}
	require.NoError(b.tb, json.Unmarshal([]byte(b.open(de.origin+"/api/me").text), &me))
	require.NotEmpty(b.tb, me["session_id"])
	return []string{me["session_id"]}
}

func TestEndsASession(t *testing.T) {
	t.Parallel()
	forBothInstances(t, func(t *testing.T, opts Options) {
		d, browser, out := startedSignedIn(t, opts)
		page := browser.click(browser.open(d.origin+"/"), "End my session")
		assert.Empty(t, page.identity(), "trail: %v", browser.Trail)
		assert.Contains(t, page.text, "Please sign in")
		assert.Contains(t, browser.Trail, "307 "+proxyPath+"/v1/client/handshake")
		assert.Contains(t, out.String(), "client-uat-but-no-session-token")
		assert.Contains(t, page.byID("what"), "The session ended at Clerk,")

		again := browser.click(browser.click(page, "Sign in"), "mei@example.com")
		assert.Equal(t, "mei@example.com", again.identity())
		assert.Contains(t, again.text, "org:", "Mei is in an organization")
	})
}

// The story of the button: nobody notices while tokens are good, then nobody is signed out, and all is well afterwards.
func TestClerkIsDown(t *testing.T) {
	t.Parallel()
	forBothInstances(t, func(t *testing.T, opts Options) {
		d, browser, _ := startedSignedIn(t, opts)
		page := browser.click(browser.open(d.origin+"/"), "Clerk is down")
		assert.Equal(t, jane, page.identity())
		assert.Contains(t, page.byID("down"), "You did not notice")
		page = browser.click(page, "Bring Clerk back")
		assert.Empty(t, page.byID("down"))

		browser.click(page, "Clerk is down")
		d.clerk.Advance(opts.lifetime() + 10*time.Second)
		page = browser.open(d.origin + "/")
		assert.Equal(t, http.StatusServiceUnavailable, page.status, page.text)
		d.clerk.Advance(opts.lifetime())
		page = browser.open(d.origin + "/")
		assert.Equal(t, jane, page.identity(), "trail: %v\n%s", browser.Trail, page.text)
	})
}

func TestSignsOut(t *testing.T) {
	t.Parallel()
	forBothInstances(t, func(t *testing.T, opts Options) {
		d, browser, _ := startedSignedIn(t, opts)
		page := browser.click(browser.open(d.origin+"/"), "Sign out")
		assert.Empty(t, page.identity(), "trail: %v", browser.Trail)
		assert.Contains(t, page.text, "Please sign in")
	})
}

func TestAnswersPrograms(t *testing.T) {
	t.Parallel()
	d, _ := started(t, Options{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.origin+"/api/me", nil)
	require.NoError(t, err)
	r.Header.Set("X-Clerk-Auth-Status", "signed-in") // nobody believes it
	r.Header.Set("X_Clerk_User_Id", "user_1")
	res := kit.Send(t, r)

	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
	assert.Equal(t, "Bearer", res.Header.Get("WWW-Authenticate"))
	assert.Equal(t, "signed-out", res.Header.Get("X-Clerk-Auth-Status"))
	var refused apiErrors
	require.NoError(t, json.Unmarshal([]byte(res.Text), &refused), res.Text)
	require.Len(t, refused.Errors, 1)
	assert.NotEmpty(t, refused.Errors[0].Code)
	assert.NotEmpty(t, refused.Errors[0].Message)
	assert.Contains(t, refused.Errors[0].LongMessage, res.Header.Get("X-Clerk-Auth-Reason"))
}

// Not parallel: what other tests run would count as left behind.
func TestLeavesNothingBehind(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, ignore) })
	_, _, out := startedSignedIn(t, Options{})
	for _, secret := range []string{"sk_test_", "eyJ"} {
		assert.NotContains(t, out.String(), secret, "no key and no token in the log")
	}
}
