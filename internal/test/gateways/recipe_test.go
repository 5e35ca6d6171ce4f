package gateways

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// gateway starts a gateway at s.address, before s.gate and s.app.
type gateway func(t *testing.T, s *stack)

// install copies a recipe's folder and puts this test's addresses in place of those
// that the recipe names. Nothing else is changed.
func install(t testing.TB, s *stack, name string, addresses ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "..", "examples", "forwardauth", name))))
	addresses = append(addresses, "127.0.0.1:8080", s.gate.address, "127.0.0.1:3000", s.app.address)
	replacer := strings.NewReplacer(addresses...)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, file := range files {
		path := filepath.Join(dir, file.Name())
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, []byte(replacer.Replace(string(text))), 0o600))
	}
	return dir
}

// testRecipe is what each recipe must do.
func testRecipe(t *testing.T, start gateway) {
	s := newStack(t, map[string]string{"CLERKGATE_PUBLIC_PATHS": "/public,/assets/*"})
	start(t, s)
	for name, test := range map[string]func(*testing.T, *stack){
		"allowed":            testAllowed,
		"signed out":         testSignedOut,
		"refreshed":          testRefreshed,
		"handshake":          testHandshake,
		"signed out by uat":  testSignedOutElsewhere,
		"spoofed identity":   testSpoofedIdentity,
		"spoofed original":   testSpoofedOriginal,
		"ambiguous path":     testAmbiguousPath,
		"request line":       testRequestLine,
		"body":               testBody,
		"uploads":            testUploads,
		"websocket":          testWebSocket,
		"endpoint is hidden": testEndpointIsHidden,
		"methods":            testMethods,
	} {
		t.Run(name, func(t *testing.T) { test(t, s) })
	}
	t.Run("frontend API", func(t *testing.T) { testFrontendAPI(t, start, clerktest.Options{}) })
	t.Run("frontend API in production", func(t *testing.T) { testFrontendAPI(t, start, clerktest.Options{Production: true}) })
	t.Run("OAuth resource", func(t *testing.T) { testOAuthResource(t, start) })
	t.Run("Clerk is down", func(t *testing.T) { testClerkIsDown(t, s) })
	t.Run("peer not trusted", func(t *testing.T) { testPeerNotTrusted(t, start) })
	t.Run("clerkgate is down", func(t *testing.T) { testGateIsDown(t, s) }) // the last one: it stops it
}

func testAllowed(t *testing.T, s *stack) {
	b := s.signIn(t, jane, 0)
	got := echoed(t, b.Open(s.origin+"/page%20one/x?a=1&a=2&__clerk=3"))
	assert.Equal(t, "/page%20one/x?a=1&a=2&__clerk=3", got.URI)
	assert.Equal(t, strings.TrimPrefix(s.origin, "http://"), got.Host)
	assert.Equal(t, []string{"signed-in"}, got.Header["X-Clerk-Auth-Status"])
	assert.Equal(t, []string{s.clerk.Users()[0].ID}, got.Header["X-Clerk-User-Id"])
	assert.NotEmpty(t, got.Header.Get("X-Clerk-Session-Id"))
	assert.Equal(t, "session_token", got.Header.Get("X-Clerk-Token-Type"))
	assert.Empty(t, got.Header.Get("X-Clerk-Org-Id"))
	assert.Contains(t, got.Header.Get("Cookie"), "__session=")
	assert.NotContains(t, got.Header.Get("Cookie"), "__refresh", "the application has no business with it")
	assert.NotContains(t, got.Header.Get("Cookie"), "__clerk_db_jwt")

	mei := echoed(t, s.signIn(t, "mei@example.com", 0).Fetch(http.MethodGet, s.origin+"/", ""))
	assert.Equal(t, "acme", mei.Header.Get("X-Clerk-Org-Slug"))
	assert.Equal(t, "org:approver", mei.Header.Get("X-Clerk-Org-Role"))

	public := echoed(t, kit.NewBrowser(t).Fetch(http.MethodGet, s.origin+"/public", ""))
	assert.Equal(t, "signed-out", public.Header.Get("X-Clerk-Auth-Status"))
	assert.Empty(t, public.Header.Get("X-Clerk-User-Id"))
	assert.Empty(t, public.Header.Get("Cookie"))
	assert.Empty(t, public.Header.Get("Authorization"))
}

func testSignedOut(t *testing.T, s *stack) {
	before := s.app.count()
	page := kit.NewBrowser(t)
	first := page.Stay().Open(s.origin + "/page?a=1")
	assert.Equal(t, http.StatusTemporaryRedirect, first.StatusCode, first.Text)
	assert.Contains(t, first.Header.Get("Cache-Control"), "no-store")

	visitor := kit.NewBrowser(t)
	last := visitor.Open(s.origin + "/page?a=1")
	assert.Equal(t, http.StatusOK, last.StatusCode)
	assert.Equal(t, "/sign-in", last.Request.URL.Path, "trail: %v", visitor.Trail)
	assert.Equal(t, s.origin+"/page?a=1", last.Request.URL.Query().Get("redirect_url"))

	call := kit.NewBrowser(t).Fetch(http.MethodGet, s.origin+"/api", "")
	assert.Equal(t, http.StatusUnauthorized, call.StatusCode)
	assert.Equal(t, "application/json", call.Header.Get("Content-Type"))
	assert.Equal(t, "Bearer", call.Header.Get("WWW-Authenticate"))
	assert.Contains(t, call.Header.Get("Cache-Control"), "no-store")
	assert.Contains(t, call.Text, "authentication_invalid")

	form := kit.NewBrowser(t).Fetch(http.MethodPost, s.origin+"/form", "a=1")
	assert.Equal(t, http.StatusUnauthorized, form.StatusCode, "a form is never redirected: its content would be lost")
	assert.Equal(t, before, s.app.count(), "the application heard of none of it")
}

func testRefreshed(t *testing.T, s *stack) {
	const refreshes = "/v1/sessions/*/refresh"
	b := s.signIn(t, jane, 2*time.Minute)
	old, before := b.Cookies(s.origin), s.clerk.CallCount(http.MethodPost, refreshes)

	first := b.Open(s.origin + "/page")
	got := echoed(t, first)
	assert.Equal(t, []string{"200 /page"}, b.Trail, "no redirect")
	assert.Equal(t, s.clerk.Users()[0].ID, got.Header.Get("X-Clerk-User-Id"))
	assert.Equal(t, before+1, s.clerk.CallCount(http.MethodPost, refreshes))
	assert.Equal(t, []string{"no-store"}, first.Header["Cache-Control"], "a cache would hand out the session")

	held := b.Cookies(s.origin)
	for _, name := range []string{"__session", "__session_" + s.clerk.CookieSuffix()} {
		assert.NotEqual(t, old[name], held[name], name)
		assert.NotEmpty(t, held[name], name)
		assert.Contains(t, got.Header.Get("Cookie"), name+"="+held[name], "the application sees the fresh session")
		assert.NotContains(t, got.Header.Get("Cookie"), old[name])
	}
	assert.Contains(t, held, "__refresh_"+s.clerk.CookieSuffix())
	assert.Contains(t, held, "__client_uat")

	second := b.Open(s.origin + "/page")
	echoed(t, second)
	assert.Equal(t, before+1, s.clerk.CallCount(http.MethodPost, refreshes), "the new cookies arrived, all of them")
	assert.Equal(t, []string{"public, max-age=60"}, second.Header["Cache-Control"], "the application's own")
	assert.Empty(t, second.Header["Set-Cookie"])
}

func testHandshake(t *testing.T, s *stack) {
	b := s.signIn(t, jane, 0)
	b.Forget(s.origin, "__session", "__refresh")
	got := echoed(t, b.Open(s.origin+"/page?a=1"))
	require.GreaterOrEqual(t, len(b.Trail), 3)
	assert.Equal(t, []string{"307 /page", "307 /v1/client/handshake"}, b.Trail[:2])
	assert.Equal(t, "/page?a=1", got.URI, "the handshake leaves nothing in the address")
	assert.Equal(t, s.clerk.Users()[0].ID, got.Header.Get("X-Clerk-User-Id"))
	held := b.Cookies(s.origin)
	for _, name := range []string{"__session", "__session_" + s.clerk.CookieSuffix(), "__refresh_" + s.clerk.CookieSuffix(), "__client_uat"} {
		assert.Contains(t, held, name)
	}
	echoed(t, b.Open(s.origin+"/page?a=1"))
	assert.Equal(t, []string{"200 /page"}, b.Trail)
}

// The session ended where the gateway cannot see it: the browser comes back signed
// out, and is told so.
func testSignedOutElsewhere(t *testing.T, s *stack) {
	b := s.signIn(t, jane, 2*time.Minute)
	session := echoed(t, b.Open(s.origin+"/page")).Header.Get("X-Clerk-Session-Id")
	s.clerk.EndSession(session)
	b.Forget(s.origin, "__session", "__refresh")
	last := b.Open(s.origin + "/page")
	assert.Equal(t, "/sign-in", last.Request.URL.Path, "trail: %v", b.Trail)
}

// TestCVE202530851 and its kin: every way to send an identity header.
func testSpoofedIdentity(t *testing.T, s *stack) {
	headers := map[string][]string{
		"plain":             {"X-Clerk-User-Id: user_evil", "X-Clerk-Org-Role: org:admin", "X-Clerk-Auth-Status: signed-in"},
		"lower case":        {"x-clerk-user-id: user_evil", "x-clerk-org-id: org_evil"},
		"mixed case":        {"x-cLERK-uSER-iD: user_evil", "X-CLERK-ORG-ID: org_evil"},
		"underscores":       {"X_Clerk_User_Id: user_evil", "X_CLERK_ORG_ID: org_evil", "X-Clerk_Org-Slug: evil"},
		"other bytes":       {"X.Clerk.User.Id: user_evil", "X!Clerk-User-Id: user_evil", "X-Clerk+User*Id: user_evil"},
		"repeated":          {"X-Clerk-User-Id: user_evil", "X-Clerk-User-Id: user_evil"},
		"listed":            {"Connection: X-Clerk-User-Id, x-clerk-auth-status", "X-Clerk-User-Id: user_evil"},
		"listed with close": {"Connection: close, X-Clerk-Org-Id", "X-Clerk-Org-Id: org_evil"},
		"unknown name":      {"X-Clerk-Assertion: evil", "X-Clerk-Machine-Id: mch_evil", "X-Clerk-Scopes: evil"},
		"empty":             {"X-Clerk-User-Id:", "X-Clerk-User-Id: user_evil"},
	}
	cookies := s.signIn(t, jane, 0).CookieLine(s.origin)
	for name, lines := range headers {
		for _, signedIn := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", name, signedIn), func(t *testing.T) {
				request := "GET /assets/x HTTP/1.1\r\nHost: " + strings.TrimPrefix(s.origin, "http://") + "\r\n"
				if signedIn {
					request += cookies
				}
				before := s.app.count()
				answer := kit.Raw(t, s.address, request+strings.Join(lines, "\r\n")+"\r\n\r\n")
				if answer.StatusCode != http.StatusOK {
					assert.Equal(t, before, s.app.count(), "refused, and not passed on")
					return
				}
				got := echoed(t, answer)
				for name, values := range got.Header {
					for _, value := range values {
						assert.NotContains(t, value, "evil", name)
					}
				}
				assert.NotContains(t, answer.Text, "evil")
				status, user := "signed-out", ""
				if signedIn {
					status, user = "signed-in", s.clerk.Users()[0].ID
				}
				assert.Equal(t, status, got.Header.Get("X-Clerk-Auth-Status"), "what a client lists in Connection stays")
				assert.Equal(t, user, got.Header.Get("X-Clerk-User-Id"))
				assert.LessOrEqual(t, len(got.Header["X-Clerk-User-Id"]), 1)
			})
		}
	}
}

// testSpoofedTrailer sends an identity behind the body.
func testSpoofedTrailer(t *testing.T, start gateway) {
	s := newStack(t, map[string]string{"CLERKGATE_PUBLIC_PATHS": "/assets/*"})
	start(t, s)
	answer := kit.Raw(t, s.address, "POST /assets/x HTTP/1.1\r\nHost: "+strings.TrimPrefix(s.origin, "http://")+
		"\r\nTransfer-Encoding: chunked\r\nTrailer: X-Clerk-User-Id\r\n\r\n5\r\nhello\r\n0\r\nX-Clerk-User-Id: user_evil\r\n\r\n")
	got := echoed(t, answer)
	assert.Empty(t, got.Trailer.Get("X-Clerk-User-Id"))
	assert.Empty(t, got.Header.Get("X-Clerk-User-Id"))
}

// CVE-2026-40575: a client says which request is judged.
func testSpoofedOriginal(t *testing.T, s *stack) {
	host := strings.TrimPrefix(s.origin, "http://")
	for name, lines := range map[string][]string{
		"forwarded":   {"X-Forwarded-Uri: /public", "X-Forwarded-Method: GET", "X-Forwarded-Host: " + host, "X-Forwarded-Proto: http"},
		"lower case":  {"x-forwarded-uri: /public"},
		"underscores": {"X_Forwarded_Uri: /public", "X_Original_URL: " + s.origin + "/public"},
		"repeated":    {"X-Forwarded-Uri: /public", "X-Forwarded-Uri: /public"},
		"original":    {"X-Original-URL: " + s.origin + "/public", "X-Original-Method: GET", "X-Original-URI: /public"},
		"rewrite":     {"X-Rewrite-Url: /public", "Forwarded: for=127.0.0.1;host=" + host + ";proto=http"},
		"listed":      {"Connection: X-Forwarded-Uri, X-Forwarded-Method, X-Original-URL, X-Forwarded-For", "X-Forwarded-Uri: /public"},
		"trusted":     {"X-Forwarded-For: 127.0.0.1", "X-Real-Ip: 127.0.0.1"},
		"an answer":   {"X-Clerk-Answer: 200", "X-Clerk-Redirect: https://evil.example/", "X-Clerk-Set-Cookie-1: a=b"},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.app.count()
			answer := kit.Raw(t, s.address, "GET /private HTTP/1.1\r\nHost: "+host+"\r\n"+strings.Join(lines, "\r\n")+"\r\n\r\n")
			assert.GreaterOrEqual(t, answer.StatusCode, 400)
			assert.Less(t, answer.StatusCode, 500)
			assert.Equal(t, before, s.app.count())

			public := kit.Raw(t, s.address, "GET /public HTTP/1.1\r\nHost: "+host+"\r\n"+strings.Join(lines, "\r\n")+"\r\n\r\n")
			assert.Equal(t, http.StatusOK, public.StatusCode)
			assert.Empty(t, public.Header["Set-Cookie"])
		})
	}
	b := s.signIn(t, jane, 0)
	b.Header.Set("X-Forwarded-Host", "evil.example")
	b.Header.Set("X-Forwarded-Proto", "https")
	b.Forget(s.origin, "__session", "__refresh")
	first := b.Stay().Open(s.origin + "/page")
	location, err := url.Parse(first.Header.Get("Location"))
	require.NoError(t, err)
	assert.Equal(t, s.origin+"/page", location.Query().Get("redirect_url"), "nobody is sent to another host with a session")
}

func testAmbiguousPath(t *testing.T, s *stack) {
	host := strings.TrimPrefix(s.origin, "http://")
	for _, path := range []string{
		"/assets/../private", "/assets/%2e%2e/private", "/assets/..%2fprivate", "/assets/..%5cprivate", `/assets/..\private`,
		"/assets/..;/private", "//private", "/assets//../../private", "/assets/%252e%252e/private", "/./private",
		"/private#/../assets/x", "/private%00/assets", "/private?/assets/x", "/private;/assets/x", "/%70rivate", "/PUBLIC/",
		"/private%23/assets/x", "/private%3f/assets/x", "/assets/%zz",
	} {
		t.Run(path, func(t *testing.T) {
			before := s.app.count()
			answer := kit.Raw(t, s.address, "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
			assert.GreaterOrEqual(t, answer.StatusCode, 400, answer.Text)
			assert.Less(t, answer.StatusCode, 500, answer.Text)
			assert.Equal(t, before, s.app.count())
		})
	}
}

// A request line may name the host as well, or no host at all.
func testRequestLine(t *testing.T, s *stack) {
	host := strings.TrimPrefix(s.origin, "http://")
	for name, request := range map[string]string{
		"absolute form":            "GET http://" + host + "/private HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
		"another host":             "GET http://" + host + "/private HTTP/1.1\r\nHost: evil.example\r\n\r\n",
		"host with a path":         "GET /private HTTP/1.1\r\nHost: " + host + "/public?\r\n\r\n",
		"host with user":           "GET /private HTTP/1.1\r\nHost: x@" + host + "\r\n\r\n",
		"host with a number sign":  "GET /private HTTP/1.1\r\nHost: " + host + "#\r\n\r\n",
		"host with a query":        "GET /private HTTP/1.1\r\nHost: " + host + "?/public\r\n\r\n",
		"no host":                  "GET /private HTTP/1.0\r\n\r\n",
		"asterisk":                 "OPTIONS * HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
		"connect":                  "CONNECT " + host + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
		"unknown method":           "PUBLIC /private HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
		"preflight from elsewhere": "OPTIONS /private HTTP/1.1\r\nHost: " + host + "\r\nOrigin: https://evil.example\r\nAccess-Control-Request-Method: GET\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			before := s.app.count()
			answer := kit.Raw(t, s.address, request)
			// Some are answered by the gateway itself, with a page of its own.
			assert.NotContains(t, answer.Text, "X-Clerk-Auth-Status")
			assert.Equal(t, before, s.app.count())
			assert.NotContains(t, answer.Header.Get("Location"), "evil.example")
		})
	}
}

func testBody(t *testing.T, s *stack) {
	b := s.signIn(t, jane, 0)
	body := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	sum := sha256.Sum256([]byte(body))
	want := hex.EncodeToString(sum[:])
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		got := echoed(t, b.Fetch(method, s.origin+"/upload?a=1", body))
		assert.Equal(t, method, got.Method)
		assert.Equal(t, want, got.Body)
		assert.Equal(t, "text/plain", got.Header.Get("Content-Type"))
		assert.Equal(t, s.clerk.Users()[0].ID, got.Header.Get("X-Clerk-User-Id"))
	}
}

func testMethods(t *testing.T, s *stack) {
	b := s.signIn(t, jane, 0)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodHead, s.origin+"/page", nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, b.Do(r).StatusCode)

	r, err = http.NewRequestWithContext(t.Context(), http.MethodHead, s.origin+"/page", nil)
	require.NoError(t, err)
	assert.Equal(t, http.StatusUnauthorized, kit.NewBrowser(t).Do(r).StatusCode)

	// A program with a token of its own keeps its Authorization header.
	token := b.Cookies(s.origin)["__session"]
	r, err = http.NewRequestWithContext(t.Context(), http.MethodGet, s.origin+"/api", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	got := echoed(t, kit.NewBrowser(t).Do(r))
	assert.Equal(t, s.clerk.Users()[0].ID, got.Header.Get("X-Clerk-User-Id"))
	assert.Equal(t, "Bearer "+token, got.Header.Get("Authorization"))
}

func testWebSocket(t *testing.T, s *stack) {
	host := strings.TrimPrefix(s.origin, "http://")
	handshake := "GET /ws HTTP/1.1\r\nHost: " + host + "\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: " + s.origin + "\r\n"
	refused := kit.Raw(t, s.address, handshake+"\r\n")
	assert.Equal(t, http.StatusUnauthorized, refused.StatusCode)

	conn := dial(t, s.address, handshake+s.signIn(t, jane, 0).CookieLine(s.origin)+"\r\n")
	res, err := http.ReadResponse(conn.reader, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
	for _, message := range []string{"one", "two"} {
		conn.write(message)
		assert.Equal(t, message, conn.read(len(message)))
	}
}

// What gateways ask is not for clients: through a gateway the path is the
// application's.
func testEndpointIsHidden(t *testing.T, s *stack) {
	for _, path := range []string{"/.clerkgate/auth", "/.clerkgate/auth/nginx", "/.clerkgate/auth/caddy", "/_clerkgate"} {
		out := kit.NewBrowser(t).Fetch(http.MethodGet, s.origin+path, "")
		assert.Contains(t, []int{http.StatusUnauthorized, http.StatusNotFound}, out.StatusCode, path)
		in := s.signIn(t, jane, 0).Fetch(http.MethodGet, s.origin+path, "")
		if in.StatusCode != http.StatusNotFound {
			assert.Equal(t, path, echoed(t, in).URI)
		}
	}
}

// testFrontendAPI has Clerk's Frontend API on the application's own origin.
func testFrontendAPI(t *testing.T, start gateway, instance clerktest.Options) {
	s := newStackOf(t, instance, map[string]string{"CLERK_PROXY_URL": "/__clerk", "CLERK_FAPI_URL": "$CLERK_URL"})
	start(t, s)
	b := s.signIn(t, jane, 0)
	b.Forget(s.origin, "__session", "__refresh")
	page := b.Open(s.origin + "/page?a=1")
	require.GreaterOrEqual(t, len(b.Trail), 3, "trail: %v", b.Trail)
	got := echoed(t, page)
	assert.Equal(t, []string{"307 /page", "307 /__clerk/v1/client/handshake"}, b.Trail[:2])
	assert.Equal(t, s.clerk.Users()[0].ID, got.Header.Get("X-Clerk-User-Id"))

	held := b.Cookies(s.origin)
	for _, name := range []string{"__session", "__session_" + s.clerk.CookieSuffix(), "__refresh_" + s.clerk.CookieSuffix(), "__client_uat"} {
		assert.Contains(t, held, name)
	}
	assert.NotContains(t, held, "__clerk_handshake", "it is used up")

	// A picture for a profile: what Clerk says to it is Clerk's, and no gateway's limit.
	body := make([]byte, uploadSize)
	const picture = "/v1/me/profile_image"
	want := post(t, strings.TrimPrefix(s.clerk.URL, "http://"), s.origin, picture, "", body, false)
	for _, chunked := range []bool{false, true} {
		sent := upload(t, s, "/__clerk"+picture, "", body, chunked)
		assert.Equal(t, want.StatusCode, sent.StatusCode, sent.Text)
	}

	// The way to the Frontend API is no way to anything else.
	host := strings.TrimPrefix(s.origin, "http://")
	cookies := s.signIn(t, jane, 0).CookieLine(s.origin)
	for _, path := range []string{
		"/__clerk/../.clerkgate/auth", "/__clerk/%2e%2e/.clerkgate/auth", "/__clerk/..%2f.clerkgate/auth", "/__clerk//.clerkgate/auth",
		"/.clerkgate/auth/../../__clerk/x", "/.clerkgate/auth/envoy/../../../__clerk/x", "/.clerkgate/auth/envoy/%2e%2e/%2e%2e/%2e%2e/__clerk/x",
		"/.clerkgate/auth/nginx/../../../__clerk/", "/.clerkgate/auth/envoy/..%2f..%2f..%2f__clerk/x",
	} {
		got := kit.Raw(t, s.address, "GET "+path+" HTTP/1.1\r\nHost: "+host+"\r\nX-Forwarded-Uri: /x\r\nX-Forwarded-Method: GET\r\n"+
			"X-Forwarded-Host: "+host+"\r\nX-Original-URL: "+s.origin+"/x\r\nX-Original-Method: GET\r\n"+cookies+"\r\n")
		assert.Empty(t, got.Header["X-Clerk-User-Id"], "%s: no client gets an answer that is for the gateway", path)
		assert.Empty(t, got.Header["Cookie"], path)
	}
}

func testPeerNotTrusted(t *testing.T, start gateway) {
	s := newStack(t, map[string]string{"CLERKGATE_TRUSTED_PROXIES": "192.0.2.1"})
	start(t, s)
	for _, b := range []*kit.Browser{kit.NewBrowser(t), s.signIn(t, jane, 0)} {
		a := b.Stay().Fetch(http.MethodGet, s.origin+"/page", "")
		assert.Equal(t, http.StatusForbidden, a.StatusCode)
	}
	assert.Zero(t, s.app.count())
	said := func() bool { return strings.Contains(s.gate.process.log.String(), "CLERKGATE_TRUSTED_PROXIES") }
	assert.Eventually(t, said, kit.Patience, 10*time.Millisecond, "the log, which is written a moment later, says what to do")
	for _, path := range []string{"", "/nginx", "/traefik", "/caddy", "/haproxy", "/envoy/x"} {
		direct := kit.Raw(t, s.gate.address, "GET /.clerkgate/auth"+path+" HTTP/1.1\r\nHost: x\r\nX-Forwarded-Uri: /public\r\nX-Forwarded-Method: GET\r\n"+
			"X-Forwarded-Host: x\r\nX-Forwarded-Proto: http\r\nX-Original-URL: http://x/public\r\nX-Original-Method: GET\r\n\r\n")
		assert.Equal(t, http.StatusForbidden, direct.StatusCode, path)
	}
}

func testGateIsDown(t *testing.T, s *stack) {
	b := s.signIn(t, jane, 0)
	echoed(t, b.Open(s.origin+"/page"))
	s.gate.process.stop()
	before := s.app.count()
	for _, b := range []*kit.Browser{b, kit.NewBrowser(t)} {
		a := b.Stay().Fetch(http.MethodGet, s.origin+"/public", "")
		assert.GreaterOrEqual(t, a.StatusCode, 500, a.Text)
	}
	assert.Equal(t, before, s.app.count())
}
