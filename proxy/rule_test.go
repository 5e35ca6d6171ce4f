package proxy

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// routed is a proxy that works by a routes file, in front of an application that
// remembers, for a development instance of a local Clerk.
type routed struct {
	*system
	app   *received
	clerk *clerktest.Server
	file  string
}

// startRoutes writes text as a routes file, with APP in the place of the
// application's address, and starts a proxy by it.
func startRoutes(t testing.TB, text string) *routed {
	t.Helper()
	r := &routed{app: &received{}, file: filepath.Join(t.TempDir(), "clerkgate.yaml")}
	r.clerk = clerktest.NewServer(t, clerktest.Options{JWTTemplates: []clerktest.JWTTemplate{{Name: "db", Claims: map[string]any{"role": "reader"}}}})
	upstream := httptest.NewServer(r.app)
	t.Cleanup(upstream.Close)
	r.write(t, strings.ReplaceAll(text, "APP", upstream.URL))

	cfg := r.load(t)
	cfg.Auth.Now = r.clerk.Now
	s := &system{log: &kit.Buffer{}}
	p, err := New(cfg, Deps{Logger: testLogger(s.log), Now: r.clerk.Now})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	s.proxy = p
	s.Server = httptest.NewServer(p)
	t.Cleanup(s.Close)
	r.system = s
	return r
}

func (r *routed) write(t testing.TB, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(r.file, []byte(text), 0o600))
}

func (r *routed) load(t testing.TB) settings.Config {
	t.Helper()
	cfg, _, err := load(map[string]string{
		"CLERK_PUBLISHABLE_KEY": r.clerk.PublishableKey(), "CLERK_SECRET_KEY": r.clerk.SecretKey(), "CLERK_API_URL": r.clerk.URL,
		"CLERKGATE_CONFIG": r.file,
	})
	require.NoError(t, err)
	return cfg
}

// bearer signs in and returns a header.
func (r *routed) bearer(email string) (name, value string) {
	return "Authorization", "Bearer " + r.clerk.Token(r.clerk.SignIn(email).ID, r.URL)
}

// cookie signs in and returns a header, with everything a browser holds.
func (r *routed) cookie(email string) (name, value string) {
	var pairs []string
	for _, c := range r.clerk.Cookies(r.clerk.SignIn(email).ID, r.URL) {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return "Cookie", strings.Join(pairs, "; ")
}

func (r *routed) do(t testing.TB, method, path string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.URL+path, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Add(headers[i], headers[i+1])
	}
	return send(t, req)
}

func TestRoutesChooseByHostMethodAndPath(t *testing.T) {
	t.Parallel()
	r := startRoutes(t, `
upstreams: { app: APP }
routes:
  - { match: "/health", auth: none, upstream: app }
  - { match: "/open/*", auth: public, upstream: app }
  - { match: "/files/*", auth: public, ambiguous_paths: true, upstream: app }
  - { match: "/api/*", hosts: [api.example.com], methods: [GET], auth: public, upstream: app }
  - { match: "/private/*", unauthenticated: "404", upstream: app }
`)
	for _, c := range []struct {
		method, path, host string
		want               int
	}{
		{"GET", "/health", "", 200},
		{"GET", "/health/", "", 404},
		{"GET", "/open/x", "", 200},
		{"GET", "/open", "", 404},
		{"GET", "/open/../private/x", "", 400},
		{"GET", "/open/%2e%2e/private/x", "", 400},
		{"GET", "/open//x", "", 400},
		{"GET", "/files/a%2fb", "", 200},
		{"GET", "/files/..%2fprivate/x", "", 400},
		{"GET", "/api/x", "api.example.com", 200},
		{"GET", "/api/x", "API.example.com.:8080", 200},
		{"POST", "/api/x", "api.example.com", 404},
		{"GET", "/api/x", "www.example.com", 404},
		{"GET", "/private/x", "", 404},
		{"GET", "/", "", 404},
	} {
		t.Run(c.method+" "+c.host+c.path, func(t *testing.T) {
			host := c.host
			if host == "" {
				host = "app.example.com"
			}
			res := r.raw(t, c.method+" "+c.path+" HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			assert.Equal(t, c.want, res.StatusCode)
		})
	}
	name, value := r.bearer("jane@example.com")
	res, _ := r.do(t, "GET", "/private/x", name, value)
	assert.Equal(t, 200, res.StatusCode)
}

func TestRoutesShapeTheRequest(t *testing.T) {
	t.Parallel()
	r := startRoutes(t, `
upstreams: { app: APP }
routes:
  - { match: "/health", auth: none, upstream: app, request_headers: { X-Environment: production } }
  - { match: "/shop/*", upstream: app, strip_prefix: /shop, identity: [user_id], authorization: session }
  - { match: "/quiet/*", upstream: app, identity: none, authorization: remove }
  - { match: "/public/*", auth: public, upstream: app, authorization: session }
  - { match: "/*", upstream: app }
`)
	session := r.clerk.SignIn("mei@example.com")
	token := r.clerk.Token(session.ID, r.URL)
	bearer := []string{"Authorization", "Bearer " + token}

	t.Run("none is not judged and names nobody", func(t *testing.T) {
		_, _ = r.do(t, "GET", "/health", append(bearer, "X-Clerk-User-Id", "user_evil")...)
		got := r.app.last(t).Header
		assert.Equal(t, "production", got.Get("X-Environment"))
		for name := range got {
			assert.False(t, wire.ClaimsIdentity(name), name)
		}
	})
	t.Run("strip_prefix, identity, session", func(t *testing.T) {
		_, value := r.cookie("mei@example.com")
		_, _ = r.do(t, "GET", "/shop/cart?x=/shop/y", "Cookie", value)
		got := r.app.last(t)
		assert.Equal(t, "/cart?x=/shop/y", got.RequestURI)
		assert.Equal(t, "/shop", got.Header.Get("X-Forwarded-Prefix"))
		assert.NotEmpty(t, got.Header.Get("X-Clerk-User-Id"))
		assert.Empty(t, got.Header.Get("X-Clerk-Org-Id"), "not asked for")
		assert.Equal(t, "signed-in", got.Header.Get("X-Clerk-Auth-Status"))
		assert.True(t, strings.HasPrefix(got.Header.Get("Authorization"), "Bearer ey"))
		_, _ = r.do(t, "GET", "/shop/", bearer...)
		assert.Equal(t, "/", r.app.last(t).RequestURI)
	})
	t.Run("identity none, authorization remove", func(t *testing.T) {
		_, _ = r.do(t, "GET", "/quiet/x", bearer...)
		got := r.app.last(t).Header
		assert.Empty(t, got.Get("X-Clerk-User-Id"))
		assert.Empty(t, got.Get("Authorization"))
		assert.Equal(t, "signed-in", got.Get("X-Clerk-Auth-Status"))
	})
	t.Run("a signed-out client cannot bring its own Authorization", func(t *testing.T) {
		_, _ = r.do(t, "GET", "/public/x", "Authorization", "Basic ZXZpbDo=")
		assert.Empty(t, r.app.last(t).Header.Get("Authorization"))
	})
	t.Run("as it came", func(t *testing.T) {
		_, _ = r.do(t, "GET", "/x", bearer...)
		got := r.app.last(t).Header
		assert.Equal(t, "Bearer "+token, got.Get("Authorization"))
		assert.NotEmpty(t, got.Get("X-Clerk-Org-Id"))
	})
}

func TestRoutesAskForMore(t *testing.T) {
	t.Parallel()
	r := startRoutes(t, `
upstreams: { app: APP }
routes:
  - { match: "/admin/*", require: { role: "org:nobody" }, upstream: app }
  - { match: "/fresh/*", require: { reverification: strict }, upstream: app }
  - { match: "/machines/*", accepts: [api_key], upstream: app }
  - { match: "/both/*", accepts: [session_token, api_key], upstream: app }
  - { match: "/*", unauthenticated: "401", upstream: app }
`)
	name, jane := r.bearer("jane@example.com")
	key := "Bearer " + r.clerk.AddMachineToken(clerktest.MachineToken{Kind: clerktest.KindAPIKey, Subject: "user_2fJaneSampleUser0000000000A"}).Token
	for path, want := range map[string][2]int{ // with a session, with an API key
		"/admin/x": {403, 401}, "/fresh/x": {200, 401}, "/machines/x": {401, 200}, "/both/x": {200, 200}, "/x": {200, 401},
	} {
		for i, value := range []string{jane, key} {
			res, body := r.do(t, "GET", path, name, value)
			assert.Equal(t, want[i], res.StatusCode, "%s %d %s", path, i, body)
		}
	}
	res, _ := r.do(t, "GET", "/x", "Sec-Fetch-Dest", "document")
	assert.Equal(t, 307, res.StatusCode, "Clerk comes first: in development a page without anything goes there")

	session := r.clerk.SignIn("jane@example.com")
	r.clerk.Advance(11 * time.Minute)
	res, body := r.do(t, "GET", "/fresh/x", name, "Bearer "+r.clerk.Token(session.ID, r.URL))
	assert.Equal(t, 403, res.StatusCode)
	assert.Contains(t, body, "reverification-error")
}

func TestRouteAcceptsPendingSessions(t *testing.T) {
	t.Parallel()
	app := &received{}
	s := start(t, app, byRoutes(t, `
routes:
  - { match: "/tasks/*", accept_pending: true }
  - { match: "/*" }
`))
	pending := "Bearer " + sessionToken(t, map[string]any{"sts": "pending"})
	res, _ := s.get(t, "/x", "Authorization", pending)
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
	assert.Zero(t, app.count())
	res, _ = s.get(t, "/tasks/x", "Authorization", pending)
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, "user_jane", app.last(t).Header.Get("X-Clerk-User-Id"))
}

func TestRouteGuardsAgainstOtherSites(t *testing.T) {
	t.Parallel()
	r := startRoutes(t, `
upstreams: { app: APP }
routes:
  - { match: "/off/*", csrf: off, upstream: app }
  - { match: "/trusting/*", csrf: { trusted_origins: ["https://partner.example"] }, upstream: app }
  - { match: "/*", upstream: app }
`)
	name, fresh := r.cookie("jane@example.com")
	for _, c := range []struct {
		method, path, site, origin string
		want                       int
	}{
		{"POST", "/x", "same-origin", r.URL, 200},
		{"POST", "/x", "", "", 200}, // no browser
		{"POST", "/x", "cross-site", "https://evil.example", 403},
		{"POST", "/x", "same-site", "https://sub.example", 403},
		{"POST", "/x", "", "https://evil.example", 403},
		{"POST", "/x", "", "null", 403},
		{"GET", "/x", "cross-site", "", 200},
		{"POST", "/off/x", "cross-site", "https://evil.example", 200},
		{"POST", "/trusting/x", "cross-site", "https://partner.example", 200},
		{"POST", "/trusting/x", "cross-site", "https://evil.example", 403},
	} {
		t.Run(fmt.Sprintf("%s %s %s %s", c.method, c.path, c.site, c.origin), func(t *testing.T) {
			headers := []string{name, fresh}
			if c.site != "" {
				headers = append(headers, "Sec-Fetch-Site", c.site)
			}
			if c.origin != "" {
				headers = append(headers, "Origin", c.origin)
			}
			before := r.app.count()
			res, body := r.do(t, c.method, c.path, headers...)
			assert.Equal(t, c.want, res.StatusCode, body)
			assert.Equal(t, c.want == 200, r.app.count() > before)
		})
	}
	_, bearer := r.bearer("jane@example.com")
	res, _ := r.do(t, "POST", "/x", "Authorization", bearer, name, fresh, "Sec-Fetch-Site", "cross-site")
	assert.Equal(t, 200, res.StatusCode, "no page can make a browser send Authorization")
}

// Traefik writes ws and wss into X-Forwarded-Proto of upgrades.
func TestWebSocketBehindAProxyThatSaysWSS(t *testing.T) {
	t.Parallel()
	app := &received{}
	s := start(t, app, func(c *settings.Config) {
		c.Auth.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	})
	live := "__session=" + sessionToken(t, nil) + "; __client_uat=1"
	for proto, want := range map[string]int{"wss": 200, "https": 200, "ws": 403, "http": 403} {
		res, body := s.get(t, "/socket", "Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13",
			"X-Forwarded-Proto", proto, "X-Forwarded-Host", "app.example.com", "Origin", "https://app.example.com", "Cookie", live)
		assert.Equal(t, want, res.StatusCode, "%s: %s", proto, body)
	}
}

// Identity and payment providers post forms to the application from their own pages:
// on a public path they pass, without the session.
func TestFormsOfOtherSitesReachPublicPathsSignedOut(t *testing.T) {
	t.Parallel()
	r := startRoutes(t, `
upstreams: { app: APP }
routes:
  - { match: "/saml/acs", auth: public, upstream: app }
  - { match: "/*", upstream: app }
`)
	name, live := r.cookie("jane@example.com")
	for _, from := range []string{"https://idp.example", "null"} {
		res, body := r.do(t, "POST", "/saml/acs", name, "theme=dark; "+live+"; lang=en", "Origin", from, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "document")
		require.Equal(t, 200, res.StatusCode, body)
		got := r.app.last(t)
		assert.Equal(t, "signed-out", got.Header.Get("X-Clerk-Auth-Status"))
		assert.Equal(t, "cross-site-request", got.Header.Get("X-Clerk-Auth-Reason"))
		assert.Empty(t, got.Header.Get("X-Clerk-User-Id"))
		assert.Equal(t, "theme=dark; lang=en", got.Header.Get("Cookie"))

		res, _ = r.do(t, "POST", "/x", name, live, "Origin", from, "Sec-Fetch-Site", "cross-site")
		assert.Equal(t, 403, res.StatusCode)
	}
	res, _ := r.do(t, "POST", "/saml/acs", name, live, "Origin", r.URL, "Sec-Fetch-Site", "same-origin")
	require.Equal(t, 200, res.StatusCode)
	assert.Equal(t, "signed-in", r.app.last(t).Header.Get("X-Clerk-Auth-Status"))
}

func TestRouteCORS(t *testing.T) {
	t.Parallel()
	r := startRoutes(t, `
upstreams: { app: APP, down: "http://127.0.0.1:1" }
routes:
  - { match: "/down/*", auth: public, upstream: down, cors: { origins: ["https://shop.example"], credentials: true } }
  - { match: "/admin/*", require: { role: "org:nobody" }, upstream: app, cors: { origins: ["https://shop.example"], credentials: true } }
  - { match: "/put/*", methods: [PUT], upstream: app, cors: { origins: ["https://shop.example"], methods: [PUT] } }
  - { match: "/put/*", methods: [GET], auth: public, upstream: app }
  - { match: "/*", upstream: app, cors: { origins: ["https://shop.example"], methods: [GET, PUT], headers: [Authorization], credentials: true } }
`)
	_, bearer := r.bearer("jane@example.com")
	origin := []string{"Origin", "https://shop.example"}
	res, _ := r.do(t, "OPTIONS", "/x", append(origin, "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "authorization")...)
	assert.Equal(t, 204, res.StatusCode)
	res, _ = r.do(t, "OPTIONS", "/put/x", append(origin, "Access-Control-Request-Method", "PUT")...)
	assert.Equal(t, "PUT", res.Header.Get("Access-Control-Allow-Methods"), "the route of the method that is asked about")
	res, _ = r.do(t, "OPTIONS", "/put/x", append(origin, "Access-Control-Request-Method", "GET")...)
	assert.Equal(t, 404, res.StatusCode, "GET has no CORS here, and another route's policy does not stand for it")
	assert.Zero(t, r.app.count(), "a preflight is answered here")
	for path, c := range map[string]struct {
		headers []string
		want    int
	}{
		"/x":       {origin, 401},
		"/admin/x": {append(origin, "Authorization", bearer), 403},
		"/down/x":  {origin, 502},
		"/y":       {append(origin, "Authorization", bearer), 200},
	} {
		res, _ := r.do(t, "GET", path, c.headers...)
		assert.Equal(t, c.want, res.StatusCode, path)
		assert.Equal(t, []string{"https://shop.example"}, res.Header["Access-Control-Allow-Origin"], path)
	}
	res, _ = r.do(t, "GET", "/y", "Origin", "https://evil.example", "Authorization", bearer)
	assert.Empty(t, res.Header["Access-Control-Allow-Origin"])
}

func TestRouteExchangesAndVouches(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "assertion.pem")
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(key, []byte(kit.PrivatePEM(t, private)), 0o600))
	r := startRoutes(t, `
upstreams: { app: APP }
assertion: { key_files: ["`+key+`"], issuer: "https://gate.example.com" }
routes:
  - { match: "/db/*", upstream: app, authorization: template, token_template: db }
  - { match: "/typo/*", upstream: app, authorization: template, token_template: no-such }
  - { match: "/internal/*", upstream: app, audience: "https://internal.example" }
  - { match: "/*", upstream: app }
`)
	name, jane := r.bearer("jane@example.com")
	t.Run("template", func(t *testing.T) {
		for range 3 {
			res, body := r.do(t, "GET", "/db/x", name, jane)
			require.Equal(t, 200, res.StatusCode, body)
			got := r.app.last(t).Header.Get("Authorization")
			assert.NotEqual(t, jane, got)
			claims := jwt.MapClaims{}
			_, _, err := jwt.NewParser().ParseUnverified(strings.TrimPrefix(got, "Bearer "), claims)
			require.NoError(t, err)
			assert.Equal(t, "reader", claims["role"])
		}
		assert.Equal(t, 1, r.clerk.CallCount(http.MethodPost, "/v1/sessions/"), "made once")
	})
	t.Run("no such template", func(t *testing.T) {
		before := r.app.count()
		res, body := r.do(t, "GET", "/typo/x", name, jane)
		assert.Equal(t, 502, res.StatusCode)
		assert.Contains(t, body, "token_exchange_failed")
		assert.Equal(t, before, r.app.count())
	})
	t.Run("assertion", func(t *testing.T) {
		_, _ = r.do(t, "GET", "/internal/x", name, jane, "X-Clerk-Assertion", "forged")
		got := r.app.last(t).Header["X-Clerk-Assertion"]
		require.Len(t, got, 1)
		res, body := r.do(t, "GET", "/.well-known/clerkgate/jwks.json")
		require.Equal(t, 200, res.StatusCode, "open to all")
		var set struct{ Keys []map[string]any }
		require.NoError(t, json.Unmarshal([]byte(body), &set))
		require.Len(t, set.Keys, 1)
		assert.NotContains(t, set.Keys[0], "d", "no private part")
		token, err := jwt.Parse(got[0], func(*jwt.Token) (any, error) { return private.Public(), nil },
			jwt.WithAudience("https://internal.example"), jwt.WithIssuer("https://gate.example.com"), jwt.WithTimeFunc(r.clerk.Now), jwt.WithExpirationRequired())
		require.NoError(t, err)
		assert.Equal(t, set.Keys[0]["kid"], token.Header["kid"])
		_, _ = r.do(t, "GET", "/x", name, jane, "X-Clerk-Assertion", "forged")
		assert.Empty(t, r.app.last(t).Header["X-Clerk-Assertion"], "a route without an audience has none")
	})
}

func TestReloadReplacesTheRoutes(t *testing.T) {
	t.Parallel()
	r := startRoutes(t, "upstreams: { app: APP }\nroutes: [{ match: /old, auth: public, upstream: app }]\n")
	res, _ := r.do(t, "GET", "/old")
	require.Equal(t, 200, res.StatusCode)
	text, err := os.ReadFile(r.file)
	require.NoError(t, err)
	kept := r.proxy.site.Load().upstreams.Get("app")

	r.write(t, strings.Replace(string(text), "/old", "/new", 1))
	require.NoError(t, r.proxy.Reload(r.load(t)))
	assert.Same(t, kept, r.proxy.site.Load().upstreams.Get("app"), "an upstream that did not change keeps its connections")
	for path, want := range map[string]int{"/old": 404, "/new": 200} {
		res, _ := r.do(t, "GET", path)
		assert.Equal(t, want, res.StatusCode, path)
	}

	cfg := r.load(t)
	cfg.Routes.Routes[0].Match = "no path"
	require.Error(t, r.proxy.Reload(cfg))
	res, _ = r.do(t, "GET", "/new")
	assert.Equal(t, 200, res.StatusCode, "a bad configuration changes nothing")
}

func TestGatewayOnly(t *testing.T) {
	t.Parallel()
	r := startRoutes(t, "upstreams: { app: APP }\nroutes: [{ match: /*, upstream: app }]\n")
	cfg, _, err := load(map[string]string{
		"CLERK_PUBLISHABLE_KEY": r.clerk.PublishableKey(), "CLERK_SECRET_KEY": r.clerk.SecretKey(), "CLERK_API_URL": r.clerk.URL,
		"CLERKGATE_UPSTREAM": "none", "CLERKGATE_TRUSTED_PROXIES": "127.0.0.1",
	})
	require.NoError(t, err)
	p, err := New(cfg, Deps{Now: r.clerk.Now})
	require.NoError(t, err)
	defer p.Close()
	name, value := r.bearer("jane@example.com")
	ask := func(path string, headers ...string) *httptest.ResponseRecorder {
		w, req := httptest.NewRecorder(), httptest.NewRequest("GET", path, nil)
		req.RemoteAddr = "127.0.0.1:1"
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		p.ServeHTTP(w, req)
		return w
	}
	forwarded := []string{"X-Forwarded-Method", "GET", "X-Forwarded-Proto", "http", "X-Forwarded-Host", "app.example.com", "X-Forwarded-Uri", "/x"}
	assert.Equal(t, 404, ask("/x", name, value).Code, "there is no application")
	allowed := ask("/.clerkgate/auth", append(forwarded, name, value)...)
	assert.Equal(t, 200, allowed.Code)
	assert.NotEmpty(t, allowed.Header().Get("X-Clerk-User-Id"))
	assert.Equal(t, 401, ask("/.clerkgate/auth", append(forwarded, "Authorization", "Bearer forged")...).Code)
}
