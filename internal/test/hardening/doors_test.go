package hardening

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

// CVE-2026-34457 (a health check's User-Agent), CVE-2022-24797 (public pprof and metrics),
// CVE-2025-29927 and similar ones (a header that says "already checked"): only what routes
// configure gives access.
func TestCVE_2026_34457_CVE_2022_24797_CVE_2025_29927_NothingElseOpensADoor(t *testing.T) {
	t.Parallel()
	g := start(t, setup{env: map[string]string{"CLERKGATE_PUBLIC_PATHS": "/public/*"}})
	for _, header := range []string{
		"User-Agent: GoogleHC/1.0", "User-Agent: kube-probe/1.30", "User-Agent: ELB-HealthChecker/2.0", "User-Agent: Envoy/HC", "User-Agent: clerkgate",
		"X-Middleware-Subrequest: middleware:middleware:middleware:middleware:middleware", "X-Middleware-Next: 1", "X-Nextjs-Data: 1", "Next-Router-Prefetch: 1", "RSC: 1",
		"X-Original-URL: /public/x", "X-Original-Uri: /public/x", "X-Rewrite-URL: /public/x", "X-Forwarded-Uri: /public/x", "X-Forwarded-Prefix: /public", "X-Envoy-Original-Path: /public/x",
		"X-Forwarded-Method: OPTIONS", "X-HTTP-Method-Override: OPTIONS", "X-Original-Method: OPTIONS", "X-Forwarded-For: 127.0.0.1", "X-Real-Ip: 127.0.0.1", "Forwarded: for=127.0.0.1",
		"X-Clerk-Auth-Status: signed-in", "X-Clerk-User-Id: user_planted", "X-Clerk-Auth-Token: planted", "Authorization: Basic cGxhbnRlZDpwbGFudGVk", "Authorization: Bearer null",
		"Purpose: prefetch", "X-Internal: 1", "Upgrade-Insecure-Requests: 1", "Max-Forwards: 0", "Range: bytes=0-0", "Expect: 100-continue",
	} {
		for method, want := range map[string]int{"GET": 401, "HEAD": 401, "POST": 401, "OPTIONS": 401, "TRACE": 405, "FOO": 401} {
			res := g.raw(t, method+" /private HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\nContent-Length: 0\r\n"+header+"\r\n\r\n")
			require.NotEmpty(t, res)
			assert.Equal(t, want, res[0].StatusCode, "%s, %s", method, header)
		}
	}
	for _, path := range []string{
		"/healthz", "/readyz", "/ping", "/health", "/metrics", "/debug/pprof/", "/debug/pprof/cmdline", "/debug/vars", "/debug/requests", "/oauth2/auth", "/.clerkgate", "/.clerkgate/auth/", "/.clerkgate/auth/nginx",
		"/.well-known/clerkgate/jwks.json", "/.well-known/jwks.json", "/robots.txt", "/favicon.ico", "/__clerk/v1/client", "/v1/client", "/config", "/reload",
	} {
		res := g.get(t, path)
		assert.Contains(t, []int{401, 403, 404}, res.StatusCode, path)
		assert.NotContains(t, res.Text, "goroutine")
	}
	assert.Empty(t, g.app.take())
}

// CVE-2026-40575 and CVE-2026-35051: only trusted peers get an answer of forward auth.
func TestCVE_2026_40575_StrangersAskInVain(t *testing.T) {
	t.Parallel()
	g := start(t, setup{
		env: map[string]string{"CLERKGATE_FORWARD_AUTH_PATH": "/.clerkgate/auth", "CLERKGATE_PUBLIC_PATHS": "/public", "CLERKGATE_TRUSTED_PROXIES": "10.0.0.0/8"},
	})
	session := g.clerk.SignIn(jane)
	for _, gateway := range []string{"", "/nginx", "/traefik", "/caddy", "/haproxy", "/envoy/public"} {
		res := g.get(t, "/.clerkgate/auth"+gateway, g.bearer(session.ID),
			"X-Forwarded-Method: GET", "X-Forwarded-Proto: http", "X-Forwarded-Host: app.example.com", "X-Forwarded-Uri: /public",
			"X-Original-Method: GET", "X-Original-URL: http://app.example.com/public", "X-Forwarded-For: 10.0.0.1")
		assert.Equal(t, 403, res.StatusCode, gateway)
		assert.Empty(t, res.Header["X-Clerk-User-Id"])
	}
	assert.Empty(t, g.app.take())
}

// CVE-2026-30851 and CVE-2026-52845: an answer to a gateway has every identity header,
// empty if there is no value, so that the client's own do not survive; and it never has
// the client's own, in any spelling.
func TestCVE_2026_30851_CVE_2026_52845_AnswersToGatewaysAreComplete(t *testing.T) {
	t.Parallel()
	g := start(t, setup{
		env: map[string]string{
			"CLERKGATE_FORWARD_AUTH_PATH": "/.clerkgate/auth", "CLERKGATE_PUBLIC_PATHS": "/public", "CLERKGATE_TRUSTED_PROXIES": "127.0.0.1",
		},
	})
	session := g.clerk.SignIn(jane)
	for _, gateway := range []string{"", "/nginx", "/traefik", "/caddy", "/haproxy", "/envoy"} {
		for _, signedIn := range []bool{false, true} {
			for name, spell := range spellings() {
				headers := []string{
					"X-Forwarded-Method: GET", "X-Forwarded-Proto: http", "X-Forwarded-Host: app.example.com", "X-Forwarded-Uri: /public",
					"X-Original-Method: GET", "X-Original-URL: http://app.example.com/public",
				}
				if signedIn {
					headers = append(headers, g.bearer(session.ID))
				}
				for _, claim := range claims() {
					if strings.HasPrefix(claim, "X-Clerk-") {
						headers = append(headers, spell(claim)+": "+planted)
					}
				}
				target := "/.clerkgate/auth" + gateway
				if gateway == "/envoy" {
					target += "/public"
				}
				res := g.get(t, target, headers...)
				require.Equal(t, 200, res.StatusCode, "%s: %s", gateway, res.Text)
				assert.NotContains(t, fmt.Sprint(res.Header), planted, "%s, %s", gateway, name)
				for _, claim := range claims()[:12] {
					assert.Len(t, res.Header[claim], 1, "%s, %s: %s", gateway, name, claim)
				}
				assert.Equal(t, signedIn, res.Header.Get("X-Clerk-User-Id") == session.UserID)
			}
		}
	}
}

// CVE-2026-33495 (a stranger's X-Forwarded-Proto), CVE-2022-32148 (X-Forwarded-For passed
// on unchanged) and CVE-2024-24790 (IPv4-mapped IPv6 addresses).
func TestCVE_2026_33495_CVE_2022_32148_CVE_2024_24790_WhoIsBelieved(t *testing.T) {
	t.Parallel()
	for trusted, believed := range map[string]bool{
		"": false, "10.0.0.0/8": false, "::ffff:10.0.0.0/104": false,
		"127.0.0.1": true, "127.0.0.0/8": true, "::ffff:127.0.0.1": true, "::ffff:127.0.0.0/104": true,
	} {
		g := start(t, setup{env: map[string]string{"CLERKGATE_POLICY": "optional", "CLERKGATE_TRUSTED_PROXIES": trusted}})
		ask := func(headers ...string) request {
			require.Equal(t, 200, g.get(t, "/", headers...).StatusCode)
			return g.app.only(t)
		}
		got := ask("X-Forwarded-Proto: https", "X-Forwarded-Host: public.example.com", "X-Forwarded-For: 192.0.2.7")
		want := []string{"http", appHost, "127.0.0.1"}
		if believed {
			want = []string{"https", "public.example.com", "192.0.2.7, 127.0.0.1"}
		}
		assert.Equal(t, want, []string{got.one(t, "X-Forwarded-Proto"), got.one(t, "X-Forwarded-Host"), got.one(t, "X-Forwarded-For")}, trusted)
		if believed {
			continue
		}
		for _, chain := range [][]string{{"X-Forwarded-For:"}, {"X-Forwarded-For: a", "X-Forwarded-For: b"}, {"x-forwarded-for: ::1"}, {"Connection: X-Forwarded-For"}} {
			assert.Equal(t, "127.0.0.1", ask(chain...).one(t, "X-Forwarded-For"), trusted)
		}
		assert.Contains(t, g.get(t, "/x", document("X-Forwarded-Proto: https")...).Header.Get("Location"), "redirect_url=http%3A%2F%2Fapp.example.com")
	}
}

// CVE-2021-21411: each requirement of a route refuses users who do not meet it.
func TestCVE_2021_21411_EveryRequirementRefuses(t *testing.T) {
	t.Parallel()
	const routes = `
routes:
  - { match: "/role", require: { role: "org:admin" } }
  - { match: "/permission", require: { permission: "org:invoices:view" } }
  - { match: "/feature", require: { feature: "org:invoices" } }
  - { match: "/plan", require: { plan: "org:gold" } }
  - { match: "/reverification", require: { reverification: strict } }
  - { match: "/machines", accepts: [m2m_token] }
  - { match: "/post", methods: [POST] }
  - { match: "/host", hosts: [other.example.com] }
  - { match: "/signed-in" }
`
	g := start(t, setup{routes: routes, clerk: clerktest.Options{Users: []clerktest.User{
		{Email: jane, ID: "user_jane"},
		{Email: "boss@example.com", ID: "user_boss", Organization: &clerktest.Organization{
			ID: "org_1", Slug: "acme", Role: "org:admin", Permissions: []string{"org:invoices:view"},
		}},
	}}})
	nobody, member := g.clerk.SignIn(jane), g.clerk.SignIn("boss@example.com")
	g.clerk.Advance(15 * time.Minute) // neither has proved who they are lately
	for path, want := range map[string]struct{ jane, boss int }{
		"/role": {403, 200}, "/permission": {403, 200}, "/feature": {403, 200}, "/plan": {403, 403}, "/reverification": {403, 403},
		"/machines": {401, 401}, "/post": {404, 404}, "/host": {404, 404}, "/signed-in": {200, 200}, "/nowhere": {404, 404},
	} {
		assert.Equal(t, want.jane, g.get(t, path, g.bearer(nobody.ID)).StatusCode, path)
		assert.Equal(t, want.boss, g.get(t, path, g.bearer(member.ID)).StatusCode, path)
		assert.NotEqual(t, 200, g.get(t, path).StatusCode, path)
	}
}

// CVE-2026-34454: cookies that remain in a browser after the session has ended do not sign
// anybody in, and no response renews them.
func TestCVE_2026_34454_OldCookiesStayDead(t *testing.T) {
	t.Parallel()
	g := start(t, setup{})
	session := g.clerk.SignIn(jane)
	old := "Cookie: " + g.cookies(session.ID)
	require.Equal(t, 200, g.get(t, "/", old).StatusCode)
	g.clerk.EndSession(session.ID)
	g.clerk.Advance(2 * time.Minute)
	for range 3 {
		assert.Equal(t, 401, g.get(t, "/", old).StatusCode)
		res := g.get(t, "/", document(old)...)
		assert.Equal(t, 307, res.StatusCode)
		assert.NotContains(t, strings.Join(res.Header["Set-Cookie"], "\n"), "__session=ey")
	}
}

// CVE-2026-27589: the private listener cannot be used to change anything, and by default
// is not reachable from other machines.
func TestCVE_2026_27589_AdminListenerChangesNothing(t *testing.T) {
	t.Parallel()
	g := start(t, setup{})
	admin := *g
	admin.Public = g.Admin
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
		for _, path := range []string{"/healthz", "/readyz", "/reload", "/config", "/", "/debug/pprof/"} {
			res := admin.ask(t, method, path, "Origin: https://evil.example", "Content-Length: 0")
			assert.Contains(t, []int{404, 405}, res.StatusCode, "%s %s", method, path)
			assert.Empty(t, res.Header["Access-Control-Allow-Origin"])
		}
	}
	admin.json(t, 403, "/-/revoke", "Host: 127.0.0.1", "Origin: https://evil.example")
	admin.json(t, 403, "/-/revoke", "Host: 127.0.0.1", "Sec-Fetch-Site: same-origin")
	admin.json(t, 421, "/-/revoke", "Host: rebound.evil.example")
	assert.Equal(t, 200, admin.get(t, "/healthz").StatusCode)
	assert.Equal(t, 421, admin.get(t, "/metrics").StatusCode, "asked under the name of a site")
	for _, path := range []string{"/debug/pprof/", "/config", "/"} {
		assert.Equal(t, 404, admin.get(t, path).StatusCode)
	}
	delete(g.env, "CLERKGATE_ADMIN_LISTEN")
	cfg, err := g.load()
	require.NoError(t, err)
	require.Len(t, cfg.AdminListen, 1)
	assert.True(t, strings.HasPrefix(cfg.AdminListen[0], "127.0.0.1:"), cfg.AdminListen)
	assert.Empty(t, g.app.take())
}

// json posts what would sign everybody out.
func (g *gate) json(t *testing.T, want int, path string, headers ...string) {
	t.Helper()
	const body = `{"everyone":true}`
	all := g.raw(t, "POST "+path+" HTTP/1.1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 17\r\n"+lines(headers)+"\r\n"+body)
	require.NotEmpty(t, all)
	assert.Equal(t, want, all[0].StatusCode, headers)
}

// CVE-2026-42507: a client cannot forge log lines, or control a terminal that shows them.
func TestCVE_2026_42507_LogLinesCannotBeForged(t *testing.T) {
	t.Parallel()
	g := start(t, setup{routes: hostRoutes})
	for _, target := range []string{"/a%0d%0atime=planted", "/%1b[31mplanted", "/a\x1b[2Jplanted", "/%c2%9bplanted", "/\"planted=\"", "/%e2%80%aeplanted", "/a%0aplanted\xff", "http://a%0aplanted/"} {
		for _, host := range []string{"public.example.com", "private.example.com", "\x1b[31mplanted"} {
			g.raw(t, "PLANTED-"+"METHOD "+target+" HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
		}
	}
	g.stop()
	for line := range strings.Lines(g.log.String()) {
		assert.Regexp(t, `^(time=\d|\{"time":"\d)`, line)
		assert.NotRegexp(t, "[\x00-\x09\x0b-\x1f\x7f]|\u009b|\u202e", line)
	}
}
