package gateway

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/identity"
	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// asked is an endpoint before a chain of the test's making.
type asked struct {
	*Endpoint
	judge func(*Answer, *http.Request)
	log   *kit.Buffer
	seen  *http.Request // by judge
}

// askedBefore makes an endpoint that trusts 10.0.0.0/8. A nil judge grants.
func askedBefore(judge http.HandlerFunc) *asked {
	if judge == nil {
		return askedOf(granting)
	}
	return askedOf(func(a *Answer, r *http.Request) { judge(a, r) })
}

// askedOf is askedBefore for judges that grant.
func askedOf(judge func(*Answer, *http.Request)) *asked {
	a := &asked{judge: judge, log: &kit.Buffer{}}
	a.Endpoint = New(Options{
		Path: "/.clerkgate/auth", Trusted: origin.New([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}),
		Setting: "CLERKGATE_TRUSTED_PROXIES", Logger: slog.New(slog.NewTextHandler(a.log, nil)),
	})
	return a
}

func granting(a *Answer, r *http.Request) { a.Grant(a, r.Header, r.Header) }

// ask sends a question from a trusted gateway. lines are name, value, …
func (a *asked) ask(t testing.TB, path string, lines ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.RemoteAddr = "10.0.0.7:40000"
	for i := 0; i < len(lines); i += 2 {
		r.Header.Add(lines[i], lines[i+1])
	}
	return a.respond(r)
}

func (a *asked) respond(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	a.Answer(w, r, func(answer *Answer, original *http.Request) {
		a.seen = original
		a.judge(answer, original)
	})
	return w.Result()
}

// forwarded are the headers of a question about a page.
func forwarded(change ...string) []string {
	return append([]string{
		"X-Forwarded-Method", "GET", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "app.example.com", "X-Forwarded-Uri", "/page?a=1",
	}, change...)
}

func nginx(change ...string) []string {
	return append([]string{"X-Original-Method", "GET", "X-Original-URL", "https://app.example.com/page?a=1"}, change...)
}

func TestForwardAuthServesItsPathAlone(t *testing.T) {
	t.Parallel()
	f := New(Options{Path: "/.clerkgate/auth/"})
	for path, want := range map[string]bool{
		"/.clerkgate/auth": true, "/.clerkgate/auth/": true, "/.clerkgate/auth/nginx": true, "/.clerkgate/auth/envoy/x": true,
		"/.clerkgate/authx": false, "/.clerkgate": false, "/": false, "": false, "/x/.clerkgate/auth": false,
	} {
		assert.Equal(t, want, f.Serves(path), path)
	}
}

func TestForwardAuthRebuildsTheRequest(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		path  string
		lines []string
	}{
		"generic": {"/.clerkgate/auth", forwarded()},
		"traefik": {"/.clerkgate/auth/traefik", forwarded()},
		"caddy":   {"/.clerkgate/auth/caddy", forwarded()},
		"haproxy": {"/.clerkgate/auth/haproxy", forwarded()},
		"nginx":   {"/.clerkgate/auth/nginx", nginx()},
		"envoy":   {"/.clerkgate/auth/envoy/page?a=1", []string{"X-Forwarded-Proto", "https"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := askedBefore(nil)
			lines := append([]string{
				"Cookie", "a=b", "Origin", "https://app.example.com", "Sec-Fetch-Site", "same-origin", "X-Forwarded-For", "192.0.2.1",
				"X-Clerk-User-Id", "user_evil", "X_Clerk_User_Id", "user_evil", "X-Forwarded-Prefix", "/evil", "Connection", "close",
				"Content-Length", "5", "Forwarded", "host=evil.example", "X-Original-Uri", "/evil", "Expect", "100-continue",
			}, test.lines...)
			r := httptest.NewRequest(http.MethodGet, test.path, strings.NewReader("hello"))
			r.RemoteAddr, r.Host = "10.0.0.7:40000", "app.example.com"
			for i := 0; i < len(lines); i += 2 {
				r.Header.Add(lines[i], lines[i+1])
			}
			require.Equal(t, http.StatusOK, a.respond(r).StatusCode)

			assert.Equal(t, http.MethodGet, a.seen.Method)
			assert.Equal(t, "/page?a=1", a.seen.RequestURI)
			assert.Equal(t, "/page", a.seen.URL.Path)
			assert.Equal(t, "a=1", a.seen.URL.RawQuery)
			assert.Equal(t, "app.example.com", a.seen.Host)
			assert.Equal(t, "https://app.example.com/page?a=1", a.opts.Trusted.Public(a.seen).Href())
			client, ok := a.opts.Trusted.ClientIP(a.seen)
			assert.True(t, ok)
			assert.Equal(t, "192.0.2.1", client.String())
			assert.Zero(t, a.seen.ContentLength)
			body, err := io.ReadAll(a.seen.Body)
			require.NoError(t, err)
			assert.Empty(t, body, "the gateway keeps the body")
			assert.Equal(t, http.Header{
				"Cookie": {"a=b"}, "Origin": {"https://app.example.com"}, "Sec-Fetch-Site": {"same-origin"},
				"X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"app.example.com"},
			}, a.seen.Header)
			assert.Equal(t, "user_evil", r.Header.Get("X-Clerk-User-Id"), "the question itself is left alone")
		})
	}
}

func TestForwardAuthRefusesWhatIsNoRequest(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", maxOriginalURL)
	for name, test := range map[string]struct {
		path  string
		lines []string
	}{
		"nothing":               {"/.clerkgate/auth", nil},
		"no path":               {"/.clerkgate/auth", forwarded()[:6]},
		"no method":             {"/.clerkgate/auth", forwarded()[2:]},
		"two paths":             {"/.clerkgate/auth", forwarded("X-Forwarded-Uri", "/public")},
		"two hosts":             {"/.clerkgate/auth", forwarded("X-Forwarded-Host", "app.example.com")},
		"two methods":           {"/.clerkgate/auth", forwarded("X-Forwarded-Method", "GET")},
		"two schemes":           {"/.clerkgate/auth", forwarded("X-Forwarded-Proto", "https")},
		"nginx, two URLs":       {"/.clerkgate/auth/nginx", nginx("X-Original-URL", "https://app.example.com/public")},
		"nginx, other headers":  {"/.clerkgate/auth/nginx", forwarded()},
		"caddy, other headers":  {"/.clerkgate/auth/caddy", nginx()},
		"nginx, relative":       {"/.clerkgate/auth/nginx", []string{"X-Original-Method", "GET", "X-Original-URL", "/page"}},
		"nginx, no path":        {"/.clerkgate/auth/nginx", []string{"X-Original-Method", "GET", "X-Original-URL", "https://app.example.com"}},
		"nginx, query in place": {"/.clerkgate/auth/nginx", []string{"X-Original-Method", "GET", "X-Original-URL", "https://app.example.com?/public"}},
		"nginx, user":           {"/.clerkgate/auth/nginx", []string{"X-Original-Method", "GET", "X-Original-URL", "https://x@app.example.com/public"}},
		"nginx, another scheme": {"/.clerkgate/auth/nginx", []string{"X-Original-Method", "GET", "X-Original-URL", "ftp://app.example.com/public"}},
		"envoy without scheme":  {"/.clerkgate/auth/envoy/page", nil},
		"envoy, dot segments":   {"/.clerkgate/auth/envoy/../../../__clerk/x", []string{"X-Forwarded-Proto", "https"}},
		"envoy, in disguise":    {"/.clerkgate/auth/envoy/%2E./x", []string{"X-Forwarded-Proto", "https"}},
		"envoy without path":    {"/.clerkgate/auth/envoy", []string{"X-Forwarded-Proto", "https"}},
		"list of hosts":         {"/.clerkgate/auth", replaced("X-Forwarded-Host", "app.example.com, evil.example")},
		"host with a path":      {"/.clerkgate/auth", replaced("X-Forwarded-Host", "app.example.com/x")},
		"host with a space":     {"/.clerkgate/auth", replaced("X-Forwarded-Host", "app.example.com ")},
		"no host in brackets":   {"/.clerkgate/auth", replaced("X-Forwarded-Host", "[app.example.com]")},
		"open bracket":          {"/.clerkgate/auth", replaced("X-Forwarded-Host", "[::1")},
		"no port":               {"/.clerkgate/auth", replaced("X-Forwarded-Host", "app.example.com:")},
		"malformed port":        {"/.clerkgate/auth", replaced("X-Forwarded-Host", "app.example.com:8x")},
		"port too large":        {"/.clerkgate/auth", replaced("X-Forwarded-Host", "app.example.com:99999")},
		"port zero":             {"/.clerkgate/auth", replaced("X-Forwarded-Host", "app.example.com:0")},
		"empty label":           {"/.clerkgate/auth", replaced("X-Forwarded-Host", "app..example.com")},
		"port too long":         {"/.clerkgate/auth", replaced("X-Forwarded-Host", "app.example.com:123456")},
		"host of bytes":         {"/.clerkgate/auth", replaced("X-Forwarded-Host", "app\x80.example.com")},
		"long host":             {"/.clerkgate/auth", replaced("X-Forwarded-Host", long[:300])},
		"list of schemes":       {"/.clerkgate/auth", replaced("X-Forwarded-Proto", "https,http")},
		"unknown scheme":        {"/.clerkgate/auth", replaced("X-Forwarded-Proto", "javascript")},
		"method of two words":   {"/.clerkgate/auth", replaced("X-Forwarded-Method", "GET /public")},
		"long method":           {"/.clerkgate/auth", replaced("X-Forwarded-Method", long[:33])},
		"CONNECT":               {"/.clerkgate/auth", replaced("X-Forwarded-Method", "CONNECT")},
		"TRACE":                 {"/.clerkgate/auth", replaced("X-Forwarded-Method", "TRACE")},
		"absolute path":         {"/.clerkgate/auth", replaced("X-Forwarded-Uri", "https://evil.example/")},
		"asterisk":              {"/.clerkgate/auth", replaced("X-Forwarded-Uri", "*")},
		"number sign":           {"/.clerkgate/auth", replaced("X-Forwarded-Uri", "/page#/../public")},
		"space":                 {"/.clerkgate/auth", replaced("X-Forwarded-Uri", "/page /public")},
		"control character":     {"/.clerkgate/auth", replaced("X-Forwarded-Uri", "/page\x7f")},
		"bad escape":            {"/.clerkgate/auth", replaced("X-Forwarded-Uri", "/page%zz")},
		"long path":             {"/.clerkgate/auth", replaced("X-Forwarded-Uri", "/"+long)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := askedBefore(nil)
			res := a.ask(t, test.path, test.lines...)
			want := http.StatusBadRequest
			if strings.HasSuffix(test.path, "nginx") {
				want = http.StatusForbidden // which nginx can hear
				assert.Equal(t, "400", res.Header.Get("X-Clerk-Answer"))
			}
			assert.Equal(t, want, res.StatusCode)
			assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
			assert.Nil(t, a.seen, "nothing was judged")
			assert.Contains(t, a.log.String(), "without a usable original request")
			assert.NotContains(t, a.log.String(), "public", "what a stranger chose is not logged")
		})
	}
}

// replaced is forwarded with another value for one header.
func replaced(name, value string) []string {
	lines := forwarded()
	for i := 0; i < len(lines); i += 2 {
		if lines[i] == name {
			lines[i+1] = value
		}
	}
	return lines
}

func TestForwardAuthAcceptsHostsAsBrowsersWriteThem(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"localhost", "localhost:8080", "192.0.2.1:1", "[2001:db8::1]", "[2001:db8::1]:8443", "App.Example.COM", "a_b.example."} {
		a := askedBefore(nil)
		assert.Equal(t, http.StatusOK, a.ask(t, "/.clerkgate/auth", replaced("X-Forwarded-Host", host)...).StatusCode, host)
		assert.Equal(t, host, a.seen.Host)
	}
}

func TestForwardAuthKnowsAWebSocket(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string][]string{
		"HTTP/1.1": {"Sec-WebSocket-Key", "x"},
		"HTTP/2":   {"Upgrade", "websocket"},
	} {
		a := askedBefore(nil)
		res := a.ask(t, "/.clerkgate/auth/traefik", append(replaced("X-Forwarded-Proto", "wss"), lines...)...)
		require.Equal(t, http.StatusOK, res.StatusCode, name)
		assert.Equal(t, []string{"websocket"}, a.seen.Header["Upgrade"], "the guard against other sites must see it")
		assert.Equal(t, "https://app.example.com", a.opts.Trusted.Public(a.seen).Origin())
		assert.Empty(t, res.Header["Upgrade"])
	}
}

// CVE-2026-40575: whoever may say which request is judged gets a yes for anything.
func TestCVE202640575ForwardAuthTrustsNamedPeersAlone(t *testing.T) {
	t.Parallel()
	for peer, want := range map[string]int{
		"10.0.0.7:40000": http.StatusOK, "[::ffff:10.0.0.7]:40000": http.StatusOK,
		"192.0.2.1:40000": http.StatusForbidden, "[::1]:40000": http.StatusForbidden, "[::ffff:192.0.2.1]:1": http.StatusForbidden,
		"@": http.StatusForbidden, "": http.StatusForbidden,
	} {
		for _, path := range []string{"", "/nginx", "/traefik", "/caddy", "/haproxy", "/envoy/page", "/unknown"} {
			a := askedBefore(nil)
			r := httptest.NewRequest(http.MethodGet, "/.clerkgate/auth"+path, nil)
			r.RemoteAddr = peer
			r.Header.Set("X-Forwarded-For", "10.0.0.7")
			for lines := append(forwarded(), nginx()...); len(lines) > 0; lines = lines[2:] {
				r.Header.Set(lines[0], lines[1])
			}
			res := a.respond(r)
			if want == http.StatusOK && path == "/unknown" {
				assert.Equal(t, http.StatusNotFound, res.StatusCode)
				continue
			}
			assert.Equal(t, want, res.StatusCode, "%s %s", peer, path)
			if want != http.StatusOK {
				assert.Nil(t, a.seen, "nothing was judged")
				assert.Contains(t, a.log.String(), "CLERKGATE_TRUSTED_PROXIES", "the log says what to do")
			}
		}
	}
}

// CVE-2026-30851: a header that the answer lacks is one that a client may send.
func TestCVE202630851GrantHasEveryIdentityHeader(t *testing.T) {
	t.Parallel()
	a := askedOf(func(a *Answer, r *http.Request) {
		a.Grant(a, r.Header, http.Header{"X-Clerk-User-Id": {"user_jane"}, "Cookie": {"a=b", "c=d"}, "X-Environment": {"production"},
			"Accept": {"text/html"}, "X-Forwarded-Prefix": {"/admin"}, "User-Agent": nil})
	})
	for _, path := range []string{"", "/nginx", "/traefik", "/caddy", "/haproxy"} {
		lines := append(forwarded(), "Accept", "text/html", "X-Environment", "evil", "Authorization", "Basic eDp5")
		res := a.ask(t, "/.clerkgate/auth"+path, append(lines, nginx()...)...)
		require.Equal(t, http.StatusOK, res.StatusCode, path)
		for _, name := range identity.Headers() {
			require.Len(t, res.Header[name], 1, name)
			if name != "X-Clerk-User-Id" {
				assert.Equal(t, []string{""}, res.Header[name], name)
			}
		}
		assert.Equal(t, "user_jane", res.Header.Get("X-Clerk-User-Id"))
		assert.Equal(t, []string{"a=b; c=d"}, res.Header["Cookie"])
		assert.Equal(t, []string{""}, res.Header["Authorization"], "the route takes it away")
		assert.Equal(t, []string{"production"}, res.Header["X-Environment"], "what the route adds is told too")
		assert.NotContains(t, res.Header, "Accept", "nothing to change")
		assert.NotContains(t, res.Header, "X-Forwarded-Prefix")
		assert.Equal(t, []string{"no-store"}, res.Header["Cache-Control"])
	}
}

func TestOnlyAGrantIsAYes(t *testing.T) {
	t.Parallel()
	write := func(status int, body string) func(*Answer, *http.Request) {
		return func(w *Answer, _ *http.Request) {
			w.Header().Set("X-Clerk-User-Id", "user_jane")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, test := range map[string]struct {
		judge func(*Answer, *http.Request)
		want  map[string]int // by gateway
	}{
		"200 of somebody else": {write(200, "hello"), map[string]int{"nginx": 403, "traefik": 403, "": 403, "caddy": 500, "haproxy": 500}},
		"204 to a preflight":   {write(204, ""), map[string]int{"nginx": 403, "traefik": 403, "": 403, "caddy": 204, "haproxy": 204}},
		"nothing":              {func(*Answer, *http.Request) {}, map[string]int{"nginx": 500, "traefik": 500, "": 500, "caddy": 500, "haproxy": 500}},
		"too much":             {write(200, strings.Repeat("a", maxBody+1)), map[string]int{"nginx": 500, "traefik": 500, "": 500, "caddy": 500, "haproxy": 500}},
		"500":                  {write(500, ""), map[string]int{"nginx": 500, "traefik": 500, "": 500, "caddy": 500, "haproxy": 500}},
		"404":                  {write(404, ""), map[string]int{"nginx": 403, "traefik": 404, "": 404, "caddy": 404, "haproxy": 404}},
		"early hints, then no": {func(w *Answer, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(403) },
			map[string]int{"nginx": 403, "traefik": 403, "": 403, "caddy": 403, "haproxy": 403}},
		"a yes that changed its mind": {func(w *Answer, r *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			granting(w, r)
		}, map[string]int{"nginx": 500, "traefik": 500, "": 500, "caddy": 500, "haproxy": 500}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for gateway, want := range test.want {
				res := askedOf(test.judge).ask(t, strings.TrimSuffix("/.clerkgate/auth/"+gateway, "/"), append(forwarded(), nginx()...)...)
				assert.Equal(t, want, res.StatusCode, gateway)
			}
			res := askedOf(test.judge).ask(t, "/.clerkgate/auth/envoy/page", "X-Forwarded-Proto", "https")
			assert.NotEqual(t, http.StatusOK, res.StatusCode)
		})
	}
}

func TestNginxIsToldInItsLanguage(t *testing.T) {
	t.Parallel()
	redirect := askedBefore(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Set-Cookie"] = []string{"a=1; Expires=Mon, 23 Nov 2026 13:00:00 GMT", "b=2"}
		http.Redirect(w, r, "https://clerk.example.com/handshake?x=1", http.StatusTemporaryRedirect)
	}).ask(t, "/.clerkgate/auth/nginx", nginx()...)
	assert.Equal(t, http.StatusUnauthorized, redirect.StatusCode)
	assert.Equal(t, "https://clerk.example.com/handshake?x=1", redirect.Header.Get("X-Clerk-Redirect"))
	assert.Equal(t, "307", redirect.Header.Get("X-Clerk-Answer"))
	assert.Equal(t, "a=1; Expires=Mon, 23 Nov 2026 13:00:00 GMT", redirect.Header.Get("X-Clerk-Set-Cookie-1"))
	assert.Equal(t, "b=2", redirect.Header.Get("X-Clerk-Set-Cookie-2"))
	assert.NotContains(t, redirect.Header, "Set-Cookie")
	assert.NotContains(t, redirect.Header, "Location")
	assert.NotContains(t, redirect.Header, "X-Clerk-Body", "a page cannot travel in a header")

	refused := askedBefore(func(w http.ResponseWriter, _ *http.Request) {
		answer.RefuseJSON(w, http.StatusUnauthorized, "authentication_invalid", "Unauthenticated")
	}).ask(t, "/.clerkgate/auth/nginx", nginx()...)
	assert.Equal(t, http.StatusUnauthorized, refused.StatusCode)
	assert.JSONEq(t, `{"errors":[{"code":"authentication_invalid","message":"Unauthenticated"}]}`, refused.Header.Get("X-Clerk-Body"))

	for name, message := range map[string]string{"too long": strings.Repeat("a", maxNginxBody), "not ASCII": "Größe"} {
		res := askedBefore(func(w http.ResponseWriter, _ *http.Request) {
			answer.RefuseJSON(w, http.StatusForbidden, "x", message)
		}).ask(t, "/.clerkgate/auth/nginx", nginx()...)
		assert.Equal(t, http.StatusForbidden, res.StatusCode)
		assert.NotContains(t, res.Header, "X-Clerk-Body", name)
	}

	many := askedOf(func(a *Answer, r *http.Request) {
		for range maxNginxCookies + 1 {
			a.Header().Add("Set-Cookie", "a=1")
		}
		granting(a, r)
	}).ask(t, "/.clerkgate/auth/nginx", nginx()...)
	assert.Equal(t, http.StatusInternalServerError, many.StatusCode)
	assert.NotContains(t, many.Header, "X-Clerk-Set-Cookie-1", "all of them or none")
}

// What is judged is what the gateway said, to the byte, or nothing is.
func FuzzForwardAuthJudgesWhatTheGatewaySaid(f *testing.F) {
	for _, seed := range []string{
		"https://app.example.com/page?a=1", "http://localhost:8080/", "http://[::1]:80/%2e%2e/x;y?z#w", "https://a@b/c", "https://a?/b",
		"http:///x", "://x/", "HTTPS://A/\\", "http://a//b", "https://a/%", "http://a/ü", "ws://a/", "http://a:b:c/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		a := askedBefore(nil)
		r := httptest.NewRequest(http.MethodGet, "/.clerkgate/auth/nginx", nil)
		r.RemoteAddr = "10.0.0.7:40000"
		r.Header["X-Original-Method"], r.Header["X-Original-Url"] = []string{"GET"}, []string{address}
		res := a.respond(r)
		if res.StatusCode != http.StatusOK {
			if a.seen != nil {
				t.Fatalf("%q was judged, and answered %d", address, res.StatusCode)
			}
			return
		}
		said := a.seen.Header.Get("X-Forwarded-Proto") + "://" + a.seen.Host + a.seen.RequestURI
		scheme, rest, _ := strings.Cut(address, "://")
		if want := strings.Replace(strings.ToLower(scheme), "ws", "http", 1) + "://" + rest; said != want {
			t.Fatalf("%q was judged as %q", address, said)
		}
		if path, _, _ := strings.Cut(a.seen.RequestURI, "?"); !strings.EqualFold(path, a.seen.URL.EscapedPath()) && a.seen.URL.Path != mustUnescape(path) {
			t.Fatalf("path %q was judged as %q", path, a.seen.URL.EscapedPath())
		}
	})
}

func mustUnescape(path string) string {
	unescaped, err := url.PathUnescape(path)
	if err != nil {
		panic(err)
	}
	return unescaped
}

// Of several headers of one name nginx hands on the first.
func TestNginxIsToldVaryOnOneLine(t *testing.T) {
	t.Parallel()
	a := askedOf(func(a *Answer, r *http.Request) {
		a.Header()["Vary"] = []string{"Cookie, Authorization", "Origin"}
		granting(a, r)
	})
	res := a.ask(t, "/.clerkgate/auth/nginx", nginx()...)
	assert.Equal(t, []string{"Cookie, Authorization, Origin"}, res.Header["Vary"])
}
