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

const crossRoutes = `
upstreams: { app: $APP, down: "http://127.0.0.1:1" }
routes:
  - { match: "/cors/*", upstream: app, cors: { origins: ["https://spa.example.com"], methods: [GET, PUT], headers: [Authorization], credentials: true } }
  - { match: "/admin/*", upstream: app, require: { role: "org:owner" }, cors: { origins: ["https://spa.example.com"], credentials: true } }
  - { match: "/down/*", upstream: down, cors: { origins: ["https://spa.example.com"], credentials: true } }
  - { match: "/all/*", upstream: app, refresh: all }
  - { match: "/trusting/*", upstream: app, csrf: { trusted_origins: ["https://spa.example.com"] } }
  - { match: "/public/*", upstream: app, auth: public }
  - { match: "/off/*", upstream: app, csrf: off }
  - { match: "/*", upstream: app }
`

func crossGate(t testing.TB) (*gate, *clerktest.Session) {
	g := start(t, setup{routes: crossRoutes})
	return g, g.clerk.SignIn(jane)
}

// crossSite are headers of requests that other sites cause.
func crossSite() map[string][]string {
	return map[string][]string{
		"form":                 {"Origin: https://evil.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"},
		"old browser's form":   {"Origin: https://evil.example"},
		"sibling":              {"Origin: http://evil.example.com", "Sec-Fetch-Site: same-site"},
		"sandboxed frame":      {"Origin: null", "Sec-Fetch-Site: cross-site"},
		"old sandboxed frame":  {"Origin: null"},
		"another scheme":       {"Origin: https://" + appHost},
		"another port":         {"Origin: http://" + appHost + ":8080"},
		"suffix":               {"Origin: http://" + appHost + ".evil.example"},
		"prefix":               {"Origin: http://evil" + appHost},
		"two origins":          {"Origin: " + appOrigin, "Origin: https://evil.example"},
		"unknown relation":     {"Sec-Fetch-Site: planted"},
		"two relations":        {"Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"},
		"forwarded by nobody":  {"Origin: https://evil.example", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https"},
		"claims to be checked": {"Origin: https://evil.example", "X-Clerk-Auth-Status: signed-in", "X-Middleware-Subrequest: 1"},
	}
}

// CVE-2025-24358 and CVE-2025-47910: no page of another site can use the user's cookies
// for an unsafe method or a WebSocket, or cause a refresh.
func TestCVE_2025_24358_CVE_2025_47910_OtherSitesCannotAct(t *testing.T) {
	t.Parallel()
	g, session := crossGate(t)
	live := "Cookie: " + g.cookies(session.ID)
	websocket := []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}
	for name, headers := range crossSite() {
		for _, path := range []string{"/x", "/all/x", "/trusting/x", "/cors/x"} {
			for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "PROPFIND", "post", "QUERY"} {
				res := g.ask(t, method, path, append([]string{live, "Content-Length: 0"}, headers...)...)
				assert.Equal(t, 403, res.StatusCode, "%s: %s %s: %s", name, method, path, res.Text)
			}
			head := "GET " + path + " HTTP/1.1\r\nHost: " + appHost + "\r\n" + lines(append(append([]string{live}, websocket...), headers...))
			answers := g.raw(t, head+"\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			assert.Equal(t, 403, answers[0].StatusCode, "%s: WebSocket %s", name, path)
		}
		g.app.take() // of /
		// Where nobody has to be signed in it passes, but not as the user.
		assert.Equal(t, 200, g.ask(t, "POST", "/public/x", append([]string{live, "Content-Length: 0"}, headers...)...).StatusCode, name)
		if got := g.app.take(); assert.Len(t, got, 1) {
			assert.Contains(t, got[0].Header, field{"X-Clerk-Auth-Status", "signed-out"}, name)
			for _, f := range got[0].Header {
				assert.NotContains(t, f.Value, "__session", "%s: %s", name, f.Name)
			}
		}
		assert.Equal(t, 200, g.ask(t, "POST", "/off/x", append([]string{live, "Content-Length: 0"}, headers...)...).StatusCode)
		g.app.take()
	}
	own := []string{live, "Content-Length: 0", "Origin: " + appOrigin, "Sec-Fetch-Site: same-origin"}
	for _, path := range []string{"/x", "/all/x", "/trusting/x", "/public/x"} {
		assert.Equal(t, 200, g.ask(t, "POST", path, own...).StatusCode, path)
	}
	trusted := []string{live, "Content-Length: 0", "Origin: https://spa.example.com", "Sec-Fetch-Site: cross-site"}
	assert.Equal(t, 200, g.ask(t, "POST", "/trusting/x", trusted...).StatusCode)
	assert.Equal(t, 403, g.ask(t, "POST", "/x", trusted...).StatusCode)
	// Pages of other sites cannot send this header.
	assert.Equal(t, 200, g.ask(t, "POST", "/x", g.bearer(session.ID), "Content-Length: 0", "Origin: https://evil.example").StatusCode)

	// Expired: a refresh is a call to Clerk with the user's refresh token.
	g.clerk.Advance(2 * time.Minute)
	g.clerk.ResetCalls()
	for name, headers := range crossSite() {
		for path, want := range map[string]int{"/x": 403, "/all/x": 403, "/trusting/x": 403, "/cors/x": 403, "/off/x": 401, "/public/x": 200} {
			res := g.ask(t, "POST", path, append([]string{live, "Content-Length: 0"}, headers...)...)
			assert.Equal(t, want, res.StatusCode, "%s: %s", name, path)
			assert.Empty(t, res.Header["Set-Cookie"], "%s: %s", name, path)
		}
	}
	assert.Zero(t, g.clerk.CallCount("POST", "/v1/sessions"), "nothing was refreshed")
	res := g.ask(t, "POST", "/all/x", own...)
	assert.Equal(t, 200, res.StatusCode, res.Text)
	assert.NotEmpty(t, res.Header["Set-Cookie"])
}

// Every response of clerkgate itself can be read by the listed origin and by no other; the
// response to a preflight is sent before anything is judged, and reveals nothing.
func TestCORSIsOnEveryAnswer(t *testing.T) {
	t.Parallel()
	g, session := crossGate(t)
	bearer := g.bearer(session.ID)
	for name, c := range map[string]struct {
		method, path string
		headers      []string
		want         int
	}{
		"200":           {"GET", "/cors/x", []string{bearer}, 200},
		"401":           {"GET", "/cors/x", nil, 401},
		"403, role":     {"GET", "/admin/x", []string{bearer}, 403},
		"403, guard":    {"PUT", "/cors/x", []string{"Cookie: " + g.cookies(session.ID), "Content-Length: 0", "Sec-Fetch-Site: cross-site"}, 403},
		"307":           {"GET", "/cors/x", document(), 307},
		"502":           {"GET", "/down/x", []string{bearer}, 502},
		"preflight":     {"OPTIONS", "/cors/x", []string{"Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: authorization"}, 204},
		"no preflight":  {"OPTIONS", "/cors/x", nil, 401},
		"not preflight": {"OPTIONS", "/cors/x", []string{"Access-Control-Request-Method: PUT", "Access-Control-Request-Method: GET"}, 401},
	} {
		for _, origin := range []string{"https://spa.example.com", "https://evil.example", "https://spa.example.com.evil.example", "http://spa.example.com", "null"} {
			res := g.ask(t, c.method, c.path, append([]string{"Origin: " + origin}, c.headers...)...)
			assert.Equal(t, c.want, res.StatusCode, "%s, %s: %s", name, origin, res.Text)
			allowed := res.Header.Get("Access-Control-Allow-Origin")
			if origin == "https://spa.example.com" {
				assert.Equal(t, origin, allowed, name)
				assert.Equal(t, "true", res.Header.Get("Access-Control-Allow-Credentials"), name)
			} else {
				assert.Empty(t, allowed, "%s, %s", name, origin)
				assert.Empty(t, res.Header.Get("Access-Control-Allow-Credentials"), "%s, %s", name, origin)
			}
			assert.Contains(t, strings.Join(res.Header["Vary"], ","), "Origin", name)
		}
	}
	for _, got := range g.app.take() {
		assert.NotEqual(t, "OPTIONS", got.Method)
	}
	// Without a CORS policy nothing can be read.
	res := g.ask(t, "OPTIONS", "/x", "Origin: https://evil.example", "Access-Control-Request-Method: PUT")
	assert.Equal(t, 401, res.StatusCode)
	require.Empty(t, res.Header["Access-Control-Allow-Origin"], fmt.Sprint(res.Header))
}
