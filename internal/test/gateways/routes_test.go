package gateways

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// routesFile has no upstreams: the gateway has the application.
const routesFile = `
routes:
  - match: "/api/*"
    unauthenticated: "401"
    accepts: [session_token, api_key]
    cors: { origins: ["https://front.example"], methods: [GET, PUT], headers: [Content-Type], credentials: true }
  - match: "/admin/*"
    require: { permission: "org:invoices:delete" }
    request_headers: { X-Environment: production }
  - match: "/sensitive/*"
    require: { reverification: strict }
  - match: "/secret/*"
    unauthenticated: "404"
  - match: "/bearer/*"
    authorization: session
  - match: "/anonymous/*"
    identity: none
    authorization: remove
  - match: "/every/*"
    refresh: all
  - match: "/sdk/*"
    refresh: documents
  - match: "/open/*"
    auth: public
  - match: "/join/*"
    unauthenticated: sign-up
  - match: "/staff/*"
    require: { permission: "org:invoices:delete" }
    unauthenticated_url: /open/welcome?from=staff
    forbidden_url: https://help.example.com/access
  - match: "/assets/*"
    auth: none
  - match: "/*"
    hosts: [open.example]
    auth: public
  - match: "/*"
    methods: [GET, POST]
`

// testRoutes is what each recipe makes of a routes file. passesPreflights says
// that the gateway can hand on clerkgate's answer to a CORS preflight.
func testRoutes(t *testing.T, passesPreflights bool, start gateway) {
	path := filepath.Join(t.TempDir(), "clerkgate.yaml")
	require.NoError(t, os.WriteFile(path, []byte(routesFile), 0o600))
	s := newStack(t, map[string]string{"CLERKGATE_CONFIG": path})
	start(t, s)

	t.Run("403", func(t *testing.T) {
		before := s.app.count()
		signedIn := s.signIn(t, jane, 0)
		refused := signedIn.Open(s.origin + "/admin/x") // nginx has a page of its own for people
		assert.Equal(t, http.StatusForbidden, refused.StatusCode)
		assert.Contains(t, refused.Header.Get("Content-Type"), "text/html")
		refused = signedIn.Fetch(http.MethodGet, s.origin+"/admin/x", "")
		assert.Equal(t, http.StatusForbidden, refused.StatusCode)
		assert.Equal(t, "application/json", refused.Header.Get("Content-Type"))
		assert.Contains(t, refused.Text, "authorization_invalid")
		assert.Equal(t, before, s.app.count())

		mei := s.signIn(t, "mei@example.com", 0)
		mei.Header.Set("X-Environment", "evil")
		got := echoed(t, mei.Open(s.origin+"/admin/x"))
		assert.Equal(t, "acme", got.Header.Get("X-Clerk-Org-Slug"))
	})

	t.Run("pages for people", func(t *testing.T) {
		before := s.app.count()
		back := "redirect_url=" + url.QueryEscape(s.origin+"/staff/x?a=b")
		signedOut := kit.NewBrowser(t)
		signedOut.SetCookies(s.origin, &http.Cookie{Name: "__clerk_db_jwt", Value: "dvb_1"}, &http.Cookie{Name: "__client_uat", Value: "0"})
		up := signedOut.Stay().Open(s.origin + "/join/x")
		assert.Equal(t, http.StatusTemporaryRedirect, up.StatusCode)
		assert.Contains(t, up.Header.Get("Location"), s.clerk.URL+"/sign-in/create?redirect_url="+url.QueryEscape(s.origin+"/join/x"))
		assert.Equal(t, s.origin+"/open/welcome?from=staff&"+back, signedOut.Stay().Open(s.origin+"/staff/x?a=b").Header.Get("Location"))
		assert.Equal(t, http.StatusUnauthorized, signedOut.Fetch(http.MethodGet, s.origin+"/staff/x", "").StatusCode)
		signedIn := s.signIn(t, jane, 0)
		assert.Equal(t, "https://help.example.com/access?"+back, signedIn.Stay().Open(s.origin+"/staff/x?a=b").Header.Get("Location"))
		assert.Equal(t, http.StatusForbidden, signedIn.Fetch(http.MethodGet, s.origin+"/staff/x", "").StatusCode)
		assert.Equal(t, before, s.app.count())
	})

	t.Run("reverification", func(t *testing.T) {
		fresh := s.signIn(t, jane, 0).Open(s.origin + "/sensitive/x")
		echoed(t, fresh)
		stale := s.signIn(t, jane, 20*time.Minute).Fetch(http.MethodGet, s.origin+"/sensitive/x", "")
		assert.Equal(t, http.StatusForbidden, stale.StatusCode)
		assert.JSONEq(t, `{"clerk_error":{"type":"forbidden","reason":"reverification-error","metadata":{"reverification":"strict"}}}`,
			stale.Text, "Clerk's front-end libraries read it")
		assert.NotEmpty(t, stale.Header["Set-Cookie"], "the refresh on the way is not lost")
	})

	t.Run("404", func(t *testing.T) {
		assert.Equal(t, http.StatusNotFound, kit.NewBrowser(t).Open(s.origin+"/secret/x").StatusCode)
		assert.Equal(t, http.StatusNotFound, kit.NewBrowser(t).Fetch(http.MethodGet, s.origin+"/secret/x", "").StatusCode)
		echoed(t, s.signIn(t, jane, 0).Open(s.origin+"/secret/x"))
		// No route at all.
		assert.Equal(t, http.StatusNotFound, s.signIn(t, jane, 0).Fetch(http.MethodDelete, s.origin+"/page", "").StatusCode)
	})

	t.Run("401 in place of the redirect", func(t *testing.T) {
		b := s.signIn(t, jane, 0)
		b.Forget(s.origin, "__session", "__refresh", "__client_uat")
		assert.Equal(t, http.StatusUnauthorized, b.Open(s.origin+"/api/x").StatusCode)
		assert.Equal(t, http.StatusTemporaryRedirect, b.Stay().Open(s.origin+"/page").StatusCode)
	})

	t.Run("authorization", func(t *testing.T) {
		b := s.signIn(t, jane, 0)
		got := echoed(t, b.Open(s.origin+"/bearer/x"))
		assert.Equal(t, "Bearer "+b.Cookies(s.origin)["__session"], got.Header.Get("Authorization"))

		b.Header.Set("Authorization", "Basic c2VjcmV0")
		got = echoed(t, b.Open(s.origin+"/anonymous/x"))
		assert.Empty(t, got.Header.Get("Authorization"))
		assert.Empty(t, got.Header.Get("X-Clerk-User-Id"))
	})

	t.Run("no judgement", func(t *testing.T) {
		b := kit.NewBrowser(t)
		b.Header.Set("X-Clerk-User-Id", "user_evil")
		for _, path := range []string{"/assets/x", "/open/x"} {
			got := echoed(t, b.Fetch(http.MethodGet, s.origin+path, ""))
			assert.Empty(t, got.Header.Get("X-Clerk-User-Id"), path)
		}
	})

	t.Run("refresh of a form", func(t *testing.T) {
		echoed(t, s.signIn(t, jane, 2*time.Minute).Fetch(http.MethodPost, s.origin+"/every/x", "a=1"))
		lost := s.signIn(t, jane, 2*time.Minute).Fetch(http.MethodPost, s.origin+"/sdk/x", "a=1")
		assert.Equal(t, http.StatusUnauthorized, lost.StatusCode, "as Clerk's SDK does, where the route says so")

		b := s.signIn(t, jane, 10*time.Minute)
		body := strings.Repeat("note=0123456789&", 1<<16) // 1 MiB
		sum := sha256.Sum256([]byte(body))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.origin+"/page", strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Dest", "document")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Origin", s.origin)
		old, sent := b.Cookies(s.origin), b.Do(r)
		assert.Equal(t, hex.EncodeToString(sum[:]), echoed(t, sent).Body)
		assert.NotEqual(t, old["__session"], b.Cookies(s.origin)["__session"], "the browser has the new session")

		stale := s.signIn(t, jane, 10*time.Minute)
		stale.Header.Set("Sec-Fetch-Site", "cross-site")
		stale.Header.Set("Origin", "https://evil.example")
		before := s.clerk.CallCount(http.MethodPost, "/v1/sessions/*/refresh")
		assert.Equal(t, http.StatusForbidden, stale.Fetch(http.MethodPost, s.origin+"/page", "a=1").StatusCode)
		assert.Equal(t, before, s.clerk.CallCount(http.MethodPost, "/v1/sessions/*/refresh"), "nothing is renewed for another site")
	})

	t.Run("two hosts in one request", func(t *testing.T) {
		host := s.origin[len("http://"):]
		for _, line := range [][2]string{{"http://" + host + "/x", "open.example"}, {"http://open.example/x", host}, {"/x", "open.example"}} {
			before := s.app.count()
			answer := kit.Raw(t, s.address, "GET "+line[0]+" HTTP/1.1\r\nHost: "+line[1]+"\r\n\r\n")
			if s.app.count() != before {
				name, _, _ := strings.Cut(echoed(t, answer).Host, ":")
				assert.Equal(t, "open.example", name, "the host that was judged is the host that the application gets")
			}
			if line[0] == "http://"+host+"/x" {
				assert.Equal(t, before, s.app.count(), "the request line chooses the server, so that it must choose the policy")
			}
		}
	})

	t.Run("another site", func(t *testing.T) {
		before := s.app.count()
		b := s.signIn(t, jane, 0)
		b.Header.Set("Sec-Fetch-Site", "cross-site")
		b.Header.Set("Origin", "https://evil.example")
		assert.Equal(t, http.StatusForbidden, b.Fetch(http.MethodPost, s.origin+"/page", "a=1").StatusCode)
		// A WebSocket begins with GET, and is no less dangerous.
		ws := kit.Raw(t, s.address, "GET /ws HTTP/1.1\r\nHost: "+s.origin[len("http://"):]+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://evil.example\r\n"+
			s.signIn(t, jane, 0).CookieLine(s.origin)+"\r\n")
		assert.Equal(t, http.StatusForbidden, ws.StatusCode)
		assert.Equal(t, before, s.app.count())
	})

	t.Run("CORS", func(t *testing.T) {
		before := s.app.count()
		b := s.signIn(t, jane, 0)
		b.Header.Set("Origin", "https://front.example")
		read := b.Fetch(http.MethodGet, s.origin+"/api/x", "")
		echoed(t, read)
		assert.Equal(t, []string{"https://front.example"}, read.Header["Access-Control-Allow-Origin"])
		assert.Equal(t, []string{"true"}, read.Header["Access-Control-Allow-Credentials"])
		assert.Contains(t, strings.Join(read.Header["Vary"], ", "), "Origin")

		stranger := kit.NewBrowser(t)
		stranger.Header.Set("Origin", "https://front.example")
		refused := stranger.Fetch(http.MethodGet, s.origin+"/api/x", "")
		assert.Equal(t, http.StatusUnauthorized, refused.StatusCode)
		assert.Equal(t, []string{"https://front.example"}, refused.Header["Access-Control-Allow-Origin"], "the page may read why")

		preflight := kit.Raw(t, s.address, "OPTIONS /api/x HTTP/1.1\r\nHost: "+s.origin[len("http://"):]+
			"\r\nOrigin: https://front.example\r\nAccess-Control-Request-Method: PUT\r\n\r\n")
		if passesPreflights {
			assert.Equal(t, http.StatusNoContent, preflight.StatusCode)
			assert.Equal(t, []string{"https://front.example"}, preflight.Header["Access-Control-Allow-Origin"])
			assert.Equal(t, []string{"PUT"}, preflight.Header["Access-Control-Allow-Methods"])
		} else {
			assert.Equal(t, http.StatusForbidden, preflight.StatusCode)
		}
		assert.Equal(t, before+1, s.app.count(), "only what was allowed came")
	})
}
