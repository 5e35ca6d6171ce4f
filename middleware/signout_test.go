package middleware_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
)

// exit is a on a socket, with its page for signing out beside one for signed-in users.
// Nothing is followed.
type exit struct {
	*httptest.Server
	clerk *clerktest.Server
	auth  *middleware.Authenticator
	mux   *http.ServeMux
	host  string
}

func newExit(t *testing.T, production bool, change func(*middleware.Options)) *exit {
	t.Helper()
	e := &exit{clerk: clerktest.NewServer(t, clerktest.Options{Production: production}), host: "example.com"}
	a := newFlow(t, e.clerk, change)
	e.auth = a
	mux := http.NewServeMux()
	e.mux = mux
	mux.HandleFunc("/sign-out", a.SignOut)
	mux.Handle("/", a.Handler(middleware.Require(middleware.Requirement{})(http.HandlerFunc(ok))))
	e.Server = httptest.NewServer(mux)
	t.Cleanup(e.Close)
	return e
}

func (e *exit) do(t *testing.T, method, path string, cookies []*http.Cookie, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, e.URL+path, nil)
	require.NoError(t, err)
	r.Host = e.host
	for _, c := range cookies {
		r.AddCookie(c)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := e.Client().Transport.RoundTrip(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func (e *exit) status(t *testing.T, sessionID string) string {
	t.Helper()
	api, err := clerkapi.New(clerkapi.Options{SecretKey: e.clerk.SecretKey(), BaseURL: e.clerk.URL})
	require.NoError(t, err)
	defer api.CloseIdleConnections()
	session, _, err := api.GetSession(t.Context(), sessionID)
	require.NoError(t, err)
	return session.Status
}

// document are the headers of a form that a page of the origin posts.
var document = []string{"Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "same-origin", "Origin", flowOrigin}

func TestSignOut(t *testing.T) {
	t.Parallel()
	for name, production := range map[string]bool{"production": true, "development": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newExit(t, production, func(o *middleware.Options) { o.AfterSignOutURL = "/bye" })
			session := e.clerk.SignIn("jane@example.com")
			cookies := e.clerk.Cookies(session.ID, flowOrigin)
			require.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", cookies).StatusCode)

			page := e.do(t, http.MethodGet, "/sign-out", cookies)
			assert.Equal(t, http.StatusOK, page.StatusCode)
			assert.Contains(t, body(t, page), `<form method="post">`)
			assert.Contains(t, page.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
			assert.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", cookies).StatusCode, "a look at the page changes nothing")

			res := e.do(t, http.MethodPost, "/sign-out", cookies, document...)
			assert.Equal(t, http.StatusSeeOther, res.StatusCode)
			assert.Equal(t, "/bye", res.Header.Get("Location"))
			assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
			assert.Equal(t, clerkapi.SessionRevoked, e.status(t, session.ID))

			removed := map[string]bool{}
			for _, c := range res.Cookies() {
				assert.Negative(t, c.MaxAge, c.Name)
				assert.Empty(t, c.Value)
				assert.Equal(t, "/", c.Path)
				assert.False(t, c.Secure, "over plain HTTP")
				removed[c.Name+" "+c.Domain] = true
			}
			suffix := "_" + e.clerk.CookieSuffix()
			for _, name := range []string{"__session", "__session" + suffix, "__client_uat", "__client_uat" + suffix, "__refresh" + suffix} {
				assert.True(t, removed[name+" "], name)
				assert.True(t, removed[name+" example.com"], name)
			}
			assert.Len(t, removed, 10, "the dev browser stays")

			// A copy of the token is refused, although it has not expired.
			res = e.do(t, http.MethodGet, "/", cookies)
			assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
			assert.Equal(t, "session-revoked", res.Header.Get("X-Clerk-Auth-Reason"))
			other := e.clerk.SignIn("mei@example.com")
			assert.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", e.clerk.Cookies(other.ID, flowOrigin)).StatusCode)
		})
	}
}

// A page may have been open for longer than its token lives.
func TestSignOutWithAnExpiredToken(t *testing.T) {
	t.Parallel()
	e := newExit(t, true, nil)
	session := e.clerk.SignIn("jane@example.com")
	cookies := e.clerk.Cookies(session.ID, flowOrigin)
	e.clerk.Advance(26 * time.Hour)
	res := e.do(t, http.MethodPost, "/sign-out", cookies, document...)
	assert.Equal(t, http.StatusSeeOther, res.StatusCode)
	assert.Equal(t, "/", res.Header.Get("Location"))
	assert.Equal(t, clerkapi.SessionRevoked, e.status(t, session.ID))
}

func TestSignOutIsForPagesOfThisSite(t *testing.T) {
	t.Parallel()
	e := newExit(t, true, nil)
	session := e.clerk.SignIn("jane@example.com")
	cookies := e.clerk.Cookies(session.ID, flowOrigin)
	for name, headers := range map[string][]string{
		"cross-site":           {"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"},
		"same-site":            {"Sec-Fetch-Site", "same-site", "Origin", "http://other.example.com"},
		"by Origin alone":      {"Origin", "https://evil.example"},
		"sandboxed, by Origin": {"Origin", "null"},
	} {
		res := e.do(t, http.MethodPost, "/sign-out", cookies, headers...)
		assert.Equal(t, http.StatusForbidden, res.StatusCode, name)
		assert.Empty(t, res.Cookies(), name)
	}
	assert.Equal(t, http.StatusMethodNotAllowed, e.do(t, http.MethodDelete, "/sign-out", cookies).StatusCode)
	assert.Equal(t, clerkapi.SessionActive, e.status(t, session.ID))
	assert.Equal(t, http.StatusSeeOther, e.do(t, http.MethodPost, "/sign-out", cookies).StatusCode, "a program")
}

// A session id is not a secret: only a token signed by Clerk may end the session.
func TestSignOutEndsNobodyElsesSession(t *testing.T) {
	t.Parallel()
	e := newExit(t, true, nil)
	session := e.clerk.SignIn("jane@example.com")
	cookies := e.clerk.Cookies(session.ID, flowOrigin)
	for _, c := range cookies {
		if strings.HasPrefix(c.Name, "__session") {
			at := strings.LastIndex(c.Value, ".") + 1
			c.Value = c.Value[:at] + strings.Repeat("A", len(c.Value)-at)
		}
	}
	res := e.do(t, http.MethodPost, "/sign-out", cookies, document...)
	assert.Equal(t, http.StatusSeeOther, res.StatusCode, "there is nothing to end, and the cookies go")
	assert.Len(t, res.Cookies(), 10)
	assert.Equal(t, clerkapi.SessionActive, e.status(t, session.ID))

	res = e.do(t, http.MethodPost, "/sign-out", nil, document...)
	assert.Equal(t, http.StatusSeeOther, res.StatusCode, "signed out already")
}

func TestSignOutWhileClerkIsDown(t *testing.T) {
	t.Parallel()
	e := newExit(t, true, func(o *middleware.Options) { o.AfterSignOutURL = `https://www.example.com/?a="b"&c` })
	session := e.clerk.SignIn("jane@example.com")
	cookies := e.clerk.Cookies(session.ID, flowOrigin)
	require.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", cookies).StatusCode)
	mend := e.clerk.Fail(clerktest.Fault{Method: http.MethodPost, Path: "/v1/sessions/*/revoke", Status: http.StatusServiceUnavailable})

	res := e.do(t, http.MethodPost, "/sign-out", cookies, document...)
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Len(t, res.Cookies(), 10)
	text := body(t, res)
	assert.Contains(t, text, "may still be open elsewhere")
	assert.Contains(t, text, `<a href="https://www.example.com/?a=&#34;b&#34;&amp;c">`)
	assert.Equal(t, http.StatusBadGateway, e.do(t, http.MethodPost, "/sign-out", cookies).StatusCode, "a program")
	assert.Equal(t, http.StatusUnauthorized, e.do(t, http.MethodGet, "/", cookies).StatusCode, "ended here at once")
	assert.Equal(t, clerkapi.SessionActive, e.status(t, session.ID))

	mend()
	require.Eventually(t, func() bool { return e.status(t, session.ID) == clerkapi.SessionRevoked }, time.Minute, 50*time.Millisecond)
}

func TestSignOutRemovesCookiesOfTheRegistrableDomain(t *testing.T) {
	t.Parallel()
	e := newExit(t, true, func(o *middleware.Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	for host, domain := range map[string]string{
		"app.example.co.uk": "example.co.uk", "a.b.example.com:8443": "example.com", "team.vercel.app": "team.vercel.app",
		"localhost:3000": "", "127.0.0.1:3000": "", "[::1]:3000": "", "co.uk": "",
	} {
		e.host = host
		res := e.do(t, http.MethodPost, "/sign-out", nil, "X-Forwarded-Proto", "https")
		domains := map[string]bool{}
		for _, c := range res.Cookies() {
			domains[c.Domain] = true
			assert.True(t, c.Secure, host)
		}
		want := map[string]bool{"": true}
		if domain != "" {
			want[domain] = true
		}
		assert.Equal(t, want, domains, host)
	}
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(text)
}
