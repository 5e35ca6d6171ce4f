package proxy

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

const formRoutes = `
upstreams: { app: APP }
routes:
  - { match: "/documents/*", refresh: documents, upstream: app }
  - { match: "/off/*", csrf: off, upstream: app }
  - { match: "/off-auto/*", csrf: off, refresh: auto, upstream: app }
  - { match: "/off-all/*", csrf: off, refresh: all, upstream: app }
  - { match: "/public/*", auth: public, upstream: app }
  - { match: "/trusting/*", csrf: { trusted_origins: ["https://partner.example"] }, upstream: app }
  - { match: "/*", upstream: app }
`

const refreshCalls = "/v1/sessions/*/refresh"

func (r *routed) refreshes() int { return r.clerk.CallCount(http.MethodPost, refreshCalls) }

// browser is one that has been signed in for a while.
func (r *routed) browser(t testing.TB) *kit.Browser {
	t.Helper()
	b := kit.NewBrowser(t).Stay()
	b.SetCookies(r.URL, r.clerk.Cookies(r.clerk.SignIn("jane@example.com").ID, r.URL)...)
	return b
}

// body is what the application got last.
func (u *received) body(t testing.TB) string {
	t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	require.NotEmpty(t, u.bodies, "nothing reached the upstream")
	return u.bodies[len(u.bodies)-1]
}

// A form that is sent ten minutes after its page was loaded arrives, whole.
func TestFormArrivesAfterTheSessionTokenHasExpired(t *testing.T) {
	t.Parallel()
	r := startRoutes(t, formRoutes)
	for name, size := range map[string]int{"a form": 20, "1 MiB": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			b := r.browser(t)
			require.Equal(t, http.StatusOK, b.Open(r.URL+"/page").StatusCode)
			r.clerk.Advance(10 * time.Minute)
			before, form := r.refreshes(), url.Values{"note": {strings.Repeat("x", size)}}

			reply := b.Submit(r.URL+"/page", form)
			require.Equal(t, http.StatusOK, reply.StatusCode, reply.Text)
			assert.Equal(t, sha256.Sum256([]byte(form.Encode())), sha256.Sum256([]byte(r.app.body(t))), "the body arrived as it was sent")
			got := r.app.last(t)
			assert.Equal(t, "signed-in", got.Header.Get("X-Clerk-Auth-Status"))
			assert.Equal(t, int64(len(form.Encode())), got.ContentLength)
			assert.Equal(t, "no-store", reply.Header.Get("Cache-Control"))
			fresh := reply.Cookies()
			require.NotEmpty(t, fresh, "the browser gets the new session")
			assert.Equal(t, before+1, r.refreshes())

			assert.Equal(t, http.StatusOK, b.Submit(r.URL+"/page", form).StatusCode)
			assert.Equal(t, before+1, r.refreshes(), "and has kept it")
		})
	}
}

// Which expired sessions are renewed depends on the guard, which comes first.
func TestRefreshSettings(t *testing.T) {
	t.Parallel()
	const own, foreign, partner = "same-origin", "cross-site", "partner"
	type question struct{ method, path, from string }
	auto := map[question]int{
		{"POST", "/x", own}:                   200,
		{"PUT", "/x", own}:                    200,
		{"DELETE", "/x", own}:                 200,
		{"HEAD", "/x", own}:                   200,
		{"POST", "/x", foreign}:               403,
		{"POST", "/x", partner}:               403,
		{"POST", "/trusting/x", own}:          200,
		{"POST", "/trusting/x", partner}:      200,
		{"POST", "/trusting/x", foreign}:      403,
		{"POST", "/documents/x", own}:         401,
		{"GET", "/documents/x", own}:          200,
		{"POST", "/documents/x", foreign}:     403,
		{"POST", "/off/x", own}:               401,
		{"POST", "/off/x", foreign}:           401,
		{"GET", "/off/x", own}:                200,
		{"POST", "/off-auto/x", own}:          401,
		{"POST", "/off-all/x", own}:           200,
		{"POST", "/off-all/x", foreign}:       200,
		{"POST", "/public/x", own}:            200,
		{"POST", "/public/x", foreign}:        -200, // signed out
		{"PROPFIND", "/public/x", foreign}:    -200,
		{"PROPFIND", "/documents/x", foreign}: 403,
	}
	for _, c := range []struct {
		standard routes.Refresh
		change   map[question]int
	}{
		{"", nil},
		{routes.RefreshAuto, nil},
		{routes.RefreshDocuments, map[question]int{
			{"POST", "/x", own}: 401, {"PUT", "/x", own}: 401, {"DELETE", "/x", own}: 401, {"HEAD", "/x", own}: 401,
			{"POST", "/trusting/x", own}: 401, {"POST", "/trusting/x", partner}: 401, {"POST", "/public/x", own}: -200,
		}},
		{routes.RefreshAll, map[question]int{{"POST", "/off/x", own}: 200, {"POST", "/off/x", foreign}: 200}},
	} {
		t.Run("CLERKGATE_REFRESH="+string(c.standard), func(t *testing.T) {
			t.Parallel()
			r := startRoutes(t, formRoutes)
			cfg := r.load(t)
			cfg.Auth.Now, cfg.Refresh = r.clerk.Now, c.standard
			require.NoError(t, r.proxy.Reload(cfg))
			for q, want := range auto {
				if changed, ok := c.change[q]; ok {
					want = changed
				}
				name, cookie := r.cookie("jane@example.com")
				r.clerk.Advance(10 * time.Minute)
				headers := []string{name, cookie, "Sec-Fetch-Site", "same-origin", "Origin", r.URL}
				switch q.from {
				case foreign:
					headers = []string{name, cookie, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}
				case partner:
					headers = []string{name, cookie, "Sec-Fetch-Site", "cross-site", "Origin", "https://partner.example"}
				}
				before := r.refreshes()
				res, body := r.do(t, q.method, q.path, headers...)
				assert.Equal(t, max(want, -want), res.StatusCode, "%v: %s", q, body)
				if want == 200 {
					assert.NotEmpty(t, res.Cookies(), "%v", q)
					assert.Equal(t, "signed-in", r.app.last(t).Header.Get("X-Clerk-Auth-Status"), "%v", q)
					continue
				}
				assert.Empty(t, res.Cookies(), "%v", q)
				assert.Equal(t, before, r.refreshes(), "%v", q)
			}
		})
	}
}

// Without a routes file it is the same.
func TestRefreshWithoutRoutesFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		variables map[string]string
		want      int
	}{
		"the default":       {nil, 200},
		"as Clerk's SDK":    {map[string]string{"CLERKGATE_REFRESH": "documents"}, 401},
		"no guard":          {map[string]string{"CLERKGATE_CSRF": "off"}, 401},
		"all, and no guard": {map[string]string{"CLERKGATE_CSRF": "off", "CLERKGATE_REFRESH": "all"}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clerk := clerktest.NewServer(t, clerktest.Options{})
			app := &received{}
			upstream := httptest.NewServer(app)
			t.Cleanup(upstream.Close)
			variables := map[string]string{
				"CLERK_PUBLISHABLE_KEY": clerk.PublishableKey(), "CLERK_SECRET_KEY": clerk.SecretKey(), "CLERK_API_URL": clerk.URL,
				"CLERKGATE_UPSTREAM": upstream.URL,
			}
			for name, value := range c.variables {
				variables[name] = value
			}
			cfg, _, err := load(variables)
			require.NoError(t, err)
			p, err := New(cfg, Deps{Now: clerk.Now})
			require.NoError(t, err)
			t.Cleanup(p.Close)
			server := httptest.NewServer(p)
			t.Cleanup(server.Close)
			b := kit.NewBrowser(t).Stay()
			b.SetCookies(server.URL, clerk.Cookies(clerk.SignIn("jane@example.com").ID, server.URL)...)
			clerk.Advance(10 * time.Minute)
			assert.Equal(t, c.want, b.Submit(server.URL+"/page", url.Values{"a": {"1"}}).StatusCode)
		})
	}
}

// A gateway asks with the method of the original request, whose origin clerkgate guards.
func TestGatewaysAskAboutForms(t *testing.T) {
	t.Parallel()
	r := startRoutes(t, formRoutes)
	cfg, _, err := load(map[string]string{
		"CLERK_PUBLISHABLE_KEY": r.clerk.PublishableKey(), "CLERK_SECRET_KEY": r.clerk.SecretKey(), "CLERK_API_URL": r.clerk.URL,
		"CLERKGATE_UPSTREAM": "none", "CLERKGATE_TRUSTED_PROXIES": "127.0.0.1",
	})
	require.NoError(t, err)
	p, err := New(cfg, Deps{Now: r.clerk.Now})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	gate := httptest.NewServer(p)
	t.Cleanup(gate.Close)
	const origin = "https://app.example.com"
	for gateway, question := range map[string][]string{
		"nginx":   {"GET", "/.clerkgate/auth/nginx", "X-Original-Method", "POST", "X-Original-URL", origin + "/form"},
		"traefik": {"GET", "/.clerkgate/auth/traefik", "X-Forwarded-Method", "POST", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "app.example.com", "X-Forwarded-Uri", "/form"},
		"caddy":   {"GET", "/.clerkgate/auth/caddy", "X-Forwarded-Method", "POST", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "app.example.com", "X-Forwarded-Uri", "/form"},
		"envoy":   {"POST", "/.clerkgate/auth/envoy/form", "X-Forwarded-Proto", "https"},
	} {
		t.Run(gateway, func(t *testing.T) {
			session := r.clerk.SignIn("jane@example.com")
			var pairs []string
			for _, c := range r.clerk.Cookies(session.ID, origin) {
				pairs = append(pairs, c.Name+"="+c.Value)
			}
			r.clerk.Advance(10 * time.Minute)
			ask := func(from, site string) *http.Response {
				req, err := http.NewRequestWithContext(t.Context(), question[0], gate.URL+question[1], nil)
				require.NoError(t, err)
				req.Host = "app.example.com"
				for i := 2; i < len(question); i += 2 {
					req.Header.Set(question[i], question[i+1])
				}
				req.Header.Set("Cookie", strings.Join(pairs, "; "))
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				req.Header.Set("Sec-Fetch-Dest", "document")
				req.Header.Set("Sec-Fetch-Site", site)
				req.Header.Set("Origin", from)
				res, _ := send(t, req)
				return res
			}
			before := r.refreshes()
			assert.Equal(t, http.StatusForbidden, ask("https://evil.example", "cross-site").StatusCode)
			assert.Equal(t, before, r.refreshes(), "nothing was renewed for another site")

			granted := ask(origin, "same-origin")
			assert.Equal(t, http.StatusOK, granted.StatusCode)
			assert.Equal(t, session.UserID, granted.Header.Get("X-Clerk-User-Id"))
			assert.Equal(t, before+1, r.refreshes())
			set := granted.Header["Set-Cookie"]
			if gateway == "nginx" {
				set = granted.Header["X-Clerk-Set-Cookie-1"]
			}
			assert.NotEmpty(t, set, "for the browser")
		})
	}
}

// Where a session cannot be renewed, a person is told what to do, and a program whether
// Clerk's front-end library can renew it.
func TestFormThatCannotBeRenewed(t *testing.T) {
	t.Parallel()
	r := startRoutes(t, formRoutes)
	for name, c := range map[string]struct {
		spoil       func(session *clerktest.Session, b *kit.Browser)
		recoverable bool
	}{
		"the session has ended": {func(s *clerktest.Session, _ *kit.Browser) { r.clerk.EndSession(s.ID) }, false},
		"no refresh token":      {func(_ *clerktest.Session, b *kit.Browser) { b.Forget(r.URL, "__refresh") }, true},
		"never signed in":       {func(_ *clerktest.Session, b *kit.Browser) { b.Forget(r.URL, "__") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := kit.NewBrowser(t).Stay()
			session := r.clerk.SignIn("jane@example.com")
			b.SetCookies(r.URL, r.clerk.Cookies(session.ID, r.URL)...)
			r.clerk.Advance(10 * time.Minute)
			c.spoil(session, b)
			before := r.app.count()

			page := b.Submit(r.URL+"/page", url.Values{"note": {"written at length"}})
			assert.Equal(t, http.StatusUnauthorized, page.StatusCode)
			assert.Contains(t, page.Text, "<h1>You are not signed in</h1>")
			assert.Contains(t, page.Text, "Sign in in a new tab")
			assert.Contains(t, page.Text, "go back, where you should find what you typed")
			assert.Contains(t, page.Text, `target="_blank"`)

			call := b.Fetch(http.MethodPost, r.URL+"/page", "note=x")
			assert.Equal(t, http.StatusUnauthorized, call.StatusCode)
			assert.Contains(t, call.Text, fmt.Sprintf(`"recoverable":%v`, c.recoverable), call.Text)
			assert.Contains(t, call.Text, `"code":"authentication_invalid"`)
			assert.Equal(t, before, r.app.count())
		})
	}
}
