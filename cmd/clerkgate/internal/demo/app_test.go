package demo

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

// fakeClerk records what the buttons asked for.
type fakeClerk struct {
	ended, invalidated string
	outage             clerktest.Outage
}

func (f *fakeClerk) SetOutage(o clerktest.Outage) { f.outage = o }

func (f *fakeClerk) Outage() clerktest.Outage { return f.outage }

func (f *fakeClerk) EndSession(id string) { f.ended = id }

func (f *fakeClerk) InvalidateRefreshTokens(id string) { f.invalidated = id }

func newAppHandler(t testing.TB, clerk *fakeClerk) http.Handler {
	t.Helper()
	a := &app{
		clerk:          clerk,
		outage:         90 * time.Second,
		email:          func(id string) string { return id + "@example.com" },
		story:          newStory(time.Now, func(id string) string { return id }),
		sessionCookies: []string{"__session_abc", "__session"},
		now:            func() time.Time { return time.Unix(1_800_000_000, 0) },
	}
	handler, err := a.handler()
	require.NoError(t, err)
	return handler
}

// appRequest is a request as clerkgate sends it to the app.
func appRequest(method, target string, signedIn bool) *http.Request {
	r := httptest.NewRequest(method, "http://localhost:8080"+target, nil)
	if signedIn {
		r.Header.Set("X-Clerk-Auth-Status", "signed-in")
		r.Header.Set("X-Clerk-User-Id", "user_1")
		r.Header.Set("X-Clerk-Session-Id", "sess_1")
	} else {
		r.Header.Set("X-Clerk-Auth-Status", "signed-out")
		r.Header.Set("X-Clerk-Auth-Reason", "session-token-and-uat-missing")
	}
	return r
}

func sessionToken(exp int64) string {
	payload := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"jti":"token_1","exp":%d}`, exp))
	return "e30." + payload + ".c2ln"
}

func TestAppPages(t *testing.T) {
	t.Parallel()
	handler := newAppHandler(t, &fakeClerk{})

	t.Run("signed out", func(t *testing.T) {
		t.Parallel()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, appRequest("GET", "/", false))
		body := w.Body.String()
		assert.Equal(t, http.StatusOK, w.Code)
		assert.Contains(t, body, "Please sign in")
		assert.Contains(t, body, `href="http://localhost:8080/__clerk/sign-in?redirect_url=http%3A%2F%2Flocalhost%3A8080%2F"`)
		assert.Contains(t, body, "session-token-and-uat-missing")
		assert.NotContains(t, body, `id="identity"`)
	})
	t.Run("signed in", func(t *testing.T) {
		t.Parallel()
		r := appRequest("GET", "/", true)
		r.Header.Set("X-Clerk-Org-Slug", `<script>alert(1)</script>`)
		r.AddCookie(&http.Cookie{Name: "__session", Value: sessionToken(1_700_000_000)})
		r.AddCookie(&http.Cookie{Name: "__session_abc", Value: sessionToken(1_800_000_042)})
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		body := w.Body.String()
		assert.Less(t, len(body), 100<<10, "all of the first sight: nothing else is loaded")
		assert.Contains(t, body, `<span id="identity">user_1@example.com</span>`)
		assert.Contains(t, body, `data-left="42000" data-skew="5000"`)
		assert.Contains(t, body, "X-Clerk-Session-Id")
		assert.NotContains(t, body, "<script>alert")
		assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
		assert.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
		for _, outside := range []string{`src="`, `@import`, `//cdn`} {
			assert.NotContains(t, body, outside, "no file from elsewhere")
		}
	})
	t.Run("other paths", func(t *testing.T) {
		t.Parallel()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, appRequest("GET", "/nothing-here", true))
		assert.Equal(t, http.StatusNotFound, w.Code)
	})
}

// The page tells people to reload once clerkgate refreshes the token, not a moment before.
func TestLifeOfTheToken(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		left  time.Duration
		life  string
		shown int
	}{
		{2400 * time.Millisecond, "good", 3},
		{time.Millisecond, "good", 1},
		{0, "late", 0},
		{-4600 * time.Millisecond, "late", 0},
		{-5 * time.Second, "over", 0},
	} {
		p := page{Left: tc.left, ClockSkew: clockSkew}
		assert.Equal(t, tc.life, p.Life(), tc.left)
		assert.Equal(t, tc.shown, p.SecondsShown(), tc.left)
	}
}

func TestAppAPI(t *testing.T) {
	t.Parallel()
	handler := newAppHandler(t, &fakeClerk{})

	w := httptest.NewRecorder()
	handler.ServeHTTP(w, appRequest("GET", "/api/me", false))
	assert.Equal(t, http.StatusUnauthorized, w.Code)
	assert.Equal(t, "Bearer", w.Header().Get("WWW-Authenticate"))
	var refused apiErrors
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &refused))
	require.Len(t, refused.Errors, 1)
	assert.NotEmpty(t, refused.Errors[0].Code)
	assert.Contains(t, refused.Errors[0].LongMessage, "session-token-and-uat-missing")

	w = httptest.NewRecorder()
	handler.ServeHTTP(w, appRequest("GET", "/api/me", true))
	assert.Equal(t, http.StatusOK, w.Code)
	var me map[string]string
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &me))
	assert.Equal(t, "user_1@example.com", me["email"])
}

func TestAppButtons(t *testing.T) {
	t.Parallel()
	const end, revoke = endPath, revokePath
	for _, c := range []struct {
		name, path         string
		signedIn           bool
		header             map[string]string
		status             int
		location           string
		ended, invalidated string
		cookiesDeleted     int
		note               string
	}{
		{name: "end", path: end, signedIn: true, status: 303, location: "/", ended: "sess_1", cookiesDeleted: 2},
		{name: "revoke", path: revoke, signedIn: true, status: 303, location: "/", invalidated: "sess_1", note: "revoked.token_1"},
		{name: "from our own page", path: revoke, signedIn: true, header: map[string]string{"Origin": "http://localhost:8080", "Sec-Fetch-Site": "same-origin"}, status: 303, location: "/", invalidated: "sess_1", note: "revoked.token_1"},
		{name: "old browser, our own page", path: end, signedIn: true, header: map[string]string{"Origin": "http://localhost:8080"}, status: 303, location: "/", ended: "sess_1", cookiesDeleted: 2},
		{name: "another site", path: end, signedIn: true, header: map[string]string{"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}, status: 403},
		{name: "another site, old browser", path: revoke, signedIn: true, header: map[string]string{"Origin": "http://evil.example"}, status: 403},
		{name: "token expired, and nothing to refresh it with", path: end, status: 303, location: "/", note: "nothing-done"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			clerk := &fakeClerk{}
			r := appRequest("POST", c.path, c.signedIn)
			r.AddCookie(&http.Cookie{Name: "__session", Value: sessionToken(1_800_000_042)})
			for name, value := range c.header {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			newAppHandler(t, clerk).ServeHTTP(w, r)
			assert.Equal(t, c.status, w.Code, w.Body)
			assert.Equal(t, c.location, w.Header().Get("Location"))
			assert.Equal(t, c.ended, clerk.ended)
			assert.Equal(t, c.invalidated, clerk.invalidated)
			deleted, note := 0, ""
			for _, cookie := range w.Result().Cookies() {
				if cookie.Name == noteCookie {
					note = cookie.Value
				} else if assert.Negative(t, cookie.MaxAge, cookie.Name) {
					deleted++
				}
			}
			assert.Equal(t, c.cookiesDeleted, deleted)
			assert.Equal(t, c.note, note)
		})
	}
}

// A note is shown for as long as it is true.
func TestNotes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, value string
		signedIn    bool
		shown       string
		kept        bool
	}{
		{"revoked, the same token", "revoked.token_1", true, "The refresh token is invalid now.", true},
		{"revoked, and a fresh token came", "revoked.token_0", true, "", false},
		{"revoked, signed out", "revoked.", false, "", false},
		{"nothing done", "nothing-done", true, "Press it again.", false},
		{"nothing done, and signed out", "nothing-done", false, "", false},
		{"not ours", "<script>", true, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := appRequest("GET", "/", c.signedIn)
			r.AddCookie(&http.Cookie{Name: noteCookie, Value: c.value})
			if c.signedIn {
				r.AddCookie(&http.Cookie{Name: "__session", Value: sessionToken(1_800_000_042)})
			}
			w := httptest.NewRecorder()
			newAppHandler(t, &fakeClerk{}).ServeHTTP(w, r)
			assert.Equal(t, c.shown != "", strings.Contains(w.Body.String(), `id="note"`))
			assert.Contains(t, w.Body.String(), c.shown)
			assert.Equal(t, c.kept, len(w.Result().Cookies()) == 0)
		})
	}
}

func TestReadUnverified(t *testing.T) {
	t.Parallel()
	for _, broken := range []string{"", "a.b", "a.%%.c", "a." + base64.RawURLEncoding.EncodeToString([]byte("[")) + ".c", strings.Repeat(".", 5)} {
		_, ok := readUnverified(broken)
		assert.False(t, ok, broken)
	}
	token, ok := readUnverified(sessionToken(1_800_000_000))
	assert.True(t, ok)
	assert.Equal(t, int64(1_800_000_000), token.ExpiresAt.Unix())
	assert.Equal(t, "token_1", token.ID)
}
