package proxy

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

func TestPolicyRequired(t *testing.T) {
	t.Parallel()
	app := &received{}
	s := start(t, app, func(c *settings.Config) { c.PublicPaths = []string{"/health", "/assets/*"} })
	bearer := "Bearer " + sessionToken(t, nil)

	t.Run("signed in", func(t *testing.T) {
		res, body := s.get(t, "/private?q=1", "Authorization", bearer)
		assert.Equal(t, http.StatusOK, res.StatusCode)
		assert.Equal(t, "hello from the app", body)
		assert.Equal(t, "user_jane", app.last(t).Header.Get("X-Clerk-User-Id"))
		assert.Equal(t, "/private?q=1", app.last(t).RequestURI)
		assert.Regexp(t, "msg=request status=200 method=GET .*path=/private .*outcome=forwarded decision=signed-in user_id=user_jane .*upstream_status=200", s.log.String())
	})
	t.Run("a program signed out", func(t *testing.T) {
		before := app.count()
		res, body := s.get(t, "/private")
		assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
		assert.True(t, json.Valid([]byte(body)), body)
		assert.Equal(t, before, app.count(), "nothing reached the upstream")
		assert.Regexp(t, "status=401 .*outcome=refused decision=signed-out reason=session-token-and-uat-missing", s.log.String())
	})
	t.Run("a browser signed out", func(t *testing.T) {
		res, _ := s.get(t, "/private", "Sec-Fetch-Dest", "document")
		assert.Equal(t, http.StatusTemporaryRedirect, res.StatusCode)
		assert.Contains(t, res.Header.Get("Location"), "accounts.example.com/sign-in")
	})
	t.Run("public", func(t *testing.T) {
		for _, path := range []string{"/health", "/assets/", "/assets/app.js", "/%68ealth"} {
			res, _ := s.get(t, path)
			assert.Equal(t, http.StatusOK, res.StatusCode, path)
			assert.Equal(t, "signed-out", app.last(t).Header.Get("X-Clerk-Auth-Status"))
		}
		assert.Equal(t, "/health", app.last(t).RequestURI, "the upstream gets what was judged")
	})
}

// TestPathMatrix: no spelling of a path makes it public (CVE-2025-54576,
// CVE-2026-41059, CVE-2026-33494, CVE-2025-66490, CVE-2026-41248 and kin). Either
// it is refused, or the upstream gets exactly what was judged.
func TestPathMatrix(t *testing.T) {
	t.Parallel()
	app := &received{}
	s := start(t, app, func(c *settings.Config) { c.PublicPaths = []string{"/public/*", "/health"} })
	tests := map[string]int{
		"/private?x=/public/":                 401,
		"/private#/public/":                   401,
		"/private%23/public/":                 401,
		"/private%3f/public/":                 401,
		"/public":                             401,
		"/publicx":                            401,
		"/health/../private":                  401, // by every reading
		"/public/../private":                  400,
		"/public/..;/private":                 400,
		"/public/%2e%2e/private":              400,
		"/public/%2E%2e%2fprivate":            400,
		"/public/.%2e/private":                400,
		"/public/%252e%252e/private":          400,
		"/public/..%2fprivate":                400,
		"/public/..%5cprivate":                400,
		`/public/..\private`:                  400,
		"/public//private":                    400,
		"//public/x":                          400,
		"/public/%00":                         400,
		"/public/%c0%ae%c0%ae/private":        400,
		"/public/%zz":                         400,
		"http://evil.example/private":         401,
		"http://evil.example/public/../x":     400,
		"*":                                   400,
		"/public/x;y":                         200,
		"/public/x":                           200,
		"http://app.example.com/public/%78?q": 200,
	}
	for target, want := range tests {
		t.Run(target, func(t *testing.T) {
			before := app.count()
			res := s.raw(t, "GET "+target+" HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n")
			assert.Equal(t, want, res.StatusCode)
			if want == 200 {
				require.Equal(t, before+1, app.count())
				assert.True(t, strings.HasPrefix(app.last(t).RequestURI, "/public/x"), app.last(t).RequestURI)
			} else {
				assert.Equal(t, before, app.count(), "nothing reached the upstream")
			}
		})
	}
}

// CVE-2026-71324: CONNECT is refused and its connection closed.
func TestConnectIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, &received{}, optional)
	for _, target := range []string{"app.example.com:443", "/"} {
		res := s.raw(t, "CONNECT "+target+" HTTP/1.1\r\nHost: app.example.com\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
		assert.Equal(t, http.StatusMethodNotAllowed, res.StatusCode)
		assert.True(t, res.Close)
	}
}

// TRACE sends a request back as it arrived, with the identity headers and the cookies
// that no script may see.
func TestTraceIsRefused(t *testing.T) {
	t.Parallel()
	app := &received{}
	s := start(t, app, optional)
	res := s.raw(t, "TRACE / HTTP/1.1\r\nHost: app.example.com\r\nAuthorization: Bearer "+sessionToken(t, nil)+"\r\n\r\n")
	assert.Equal(t, http.StatusMethodNotAllowed, res.StatusCode)
	assert.Equal(t, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS", res.Header.Get("Allow"))
	assert.Zero(t, app.count())
}

// backend answers the refresh of an expired session.
func backend(t testing.TB, fresh string) kit.RoundTripFunc {
	return func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodPost || r.URL.Path != "/v1/sessions/sess_jane/refresh" {
			t.Errorf("unexpected call %s %s", r.Method, r.URL.Path)
		}
		rec := httptest.NewRecorder()
		rec.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(rec).Encode(map[string]any{"object": "cookies", "cookies": []string{
			"__session=" + fresh + "; Path=/; SameSite=Lax", "__client_uat=5; Path=/",
		}})
		res := rec.Result()
		res.Request = r
		return res, nil
	}
}

func TestRefreshedSession(t *testing.T) {
	t.Parallel()
	fresh := sessionToken(t, nil)
	old := time.Now().Add(-time.Hour)
	expired := sessionToken(t, map[string]any{"iat": old.Unix(), "nbf": old.Unix(), "exp": old.Add(time.Minute).Unix()})
	var app received
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=600")
		w.Header().Set("Expires", "Thu, 01 Jan 2099 00:00:00 GMT")
		w.Header().Set("CDN-Cache-Control", "max-age=600")
		w.Header().Add("Set-Cookie", "app=1")
		if r.URL.Path == "/hints" {
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
		}
		app.ServeHTTP(w, r)
	})
	for _, path := range []string{"/page", "/hints"} {
		t.Run(path, func(t *testing.T) {
			s := start(t, handler, func(c *settings.Config) { c.Auth.Transport = backend(t, fresh) })
			suffix := s.proxy.site.Load().instance.Auth.CookieSuffix()
			res, _ := s.get(t, path, "Cookie", fmt.Sprintf("a=1; __session=%s; __session_%s=%s; __client_uat=5; __client_uat_%s=5; __refresh_%s=rt_planted0secret; __clerk_db_jwt=d",
				expired, suffix, expired, suffix, suffix))
			require.Equal(t, http.StatusOK, res.StatusCode)
			assert.Equal(t, []string{"no-store"}, res.Header["Cache-Control"], "CVE class: one person's cookies from a shared cache")
			assert.Empty(t, res.Header["Expires"])
			assert.Empty(t, res.Header["Cdn-Cache-Control"])
			var names []string
			for _, c := range res.Cookies() {
				names = append(names, c.Name)
			}
			assert.ElementsMatch(t, []string{"__session", "__client_uat", "app"}, names)

			got := app.last(t)
			assert.Equal(t, fmt.Sprintf("a=1; __session=%s; __session_%s=%s; __client_uat=5; __client_uat_%s=5", fresh, suffix, fresh, suffix), got.Header.Get("Cookie"))
			assert.Equal(t, "user_jane", got.Header.Get("X-Clerk-User-Id"))
			assert.Contains(t, s.log.String(), "refreshed=true")
			for _, secret := range []string{fresh, expired, "planted0secret"} {
				assert.NotContains(t, s.log.String(), secret)
			}
		})
	}
}

func TestUpstreamFailures(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	defer close(hang)
	slow := start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }), func(c *settings.Config) {
		optional(c)
		c.UpstreamTimeout = 20 * time.Millisecond
	})
	down := start(t, &received{}, func(c *settings.Config) {
		optional(c)
		c.Upstream = nowhere(t)
	})
	for _, test := range []struct {
		s    *system
		want int
		code string
	}{{slow, 504, "upstream_timeout"}, {down, 502, "upstream_unavailable"}} {
		res, body := test.s.get(t, "/", "Authorization", "Bearer "+sessionToken(t, nil))
		assert.Equal(t, test.want, res.StatusCode)
		assert.Equal(t, "application/json", res.Header.Get("Content-Type"))
		assert.Contains(t, body, test.code)

		res, body = test.s.get(t, "/", "Authorization", "Bearer "+sessionToken(t, nil), "Accept", "text/html,*/*")
		assert.Equal(t, test.want, res.StatusCode)
		assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
		assert.Contains(t, body, "<h1>The application ")
		assert.NotContains(t, body, "127.0.0.1", "the page tells strangers nothing of the inside")
		assert.Contains(t, test.s.log.String(), "level=WARN")
	}
}

func TestEventStreamIsNotHeldBack(t *testing.T) {
	t.Parallel()
	next := make(chan string)
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for event := range next {
			_, _ = io.WriteString(w, event)
			_ = http.NewResponseController(w).Flush()
		}
	}), optional)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	require.NoError(t, err)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	go func() { next <- "data: one\n" }()
	res, err := transport.RoundTrip(r)
	require.NoError(t, err)
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	for _, want := range []string{"data: one\n", "data: two\n", "data: three\n"} {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, want, line)
		if want != "data: three\n" {
			next <- map[string]string{"data: one\n": "data: two\n", "data: two\n": "data: three\n"}[want]
		}
	}
	close(next)
	_, err = io.Copy(io.Discard, lines)
	require.NoError(t, err)
}

// echo speaks just enough of an upgrade to show that bytes pass both ways.
func echo(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "websocket" {
		http.Error(w, "upgrade", http.StatusUpgradeRequired)
		return
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-User: "+r.Header.Get("X-Clerk-User-Id")+"\r\n\r\n")
	_, _ = io.Copy(conn, rw)
}

// upgrade opens a connection through s and shows that it echoes.
func upgrade(t testing.TB, address, token string) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(conn, "GET /ws HTTP/1.1\r\nHost: app.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAuthorization: Bearer "+token+"\r\n\r\n")
	require.NoError(t, err)
	reader := bufio.NewReader(conn)
	res, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
	require.Equal(t, "user_jane", res.Header.Get("X-User"))
	for _, message := range []string{"ping", "pong"} {
		_, err = io.WriteString(conn, message)
		require.NoError(t, err)
		got := make([]byte, len(message))
		_, err = io.ReadFull(reader, got)
		require.NoError(t, err)
		require.Equal(t, message, string(got))
	}
	return conn
}

func TestUpgradePasses(t *testing.T) {
	t.Parallel()
	s := start(t, http.HandlerFunc(echo), nil)
	require.NoError(t, upgrade(t, s.Listener.Addr().String(), sessionToken(t, nil)).Close())
	res, _ := s.get(t, "/ws", "Connection", "Upgrade", "Upgrade", "websocket")
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
}

// An upgrade to h2c would open a tunnel in which nothing is judged.
func TestUpgradeToH2CIsDropped(t *testing.T) {
	t.Parallel()
	app := &received{}
	s := start(t, app, optional)
	for _, protocol := range []string{"h2c", "H2C", "h2c, websocket", "TLS/1.0", "websocket, h2c"} {
		res := s.raw(t, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: "+protocol+"\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nProxy: evil.example\r\n\r\n")
		assert.Equal(t, http.StatusOK, res.StatusCode, protocol)
		for _, name := range []string{"Upgrade", "Connection", "Http2-Settings", "Proxy"} {
			assert.Empty(t, app.last(t).Header[name], "%s: %s", protocol, name)
		}
	}
}

func TestUnixSocketUpstream(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.sock")
	l, err := net.Listen("unix", path) //nolint:noctx // in a test
	require.NoError(t, err)
	app := &received{}
	server := httptest.NewUnstartedServer(app)
	require.NoError(t, server.Listener.Close())
	server.Listener = l
	server.Start()
	defer server.Close()

	s := start(t, app, func(c *settings.Config) { optional(c); c.Upstream = &url.URL{Scheme: "unix", Path: path} })
	res := s.raw(t, "GET /x HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, "app.example.com", app.last(t).Host)
}

func TestNewRefusesWhatConfigLacks(t *testing.T) {
	t.Parallel()
	_, err := New(settings.Config{}, Deps{})
	var invalid *settings.Error
	require.True(t, errors.As(err, &invalid))
	assert.Equal(t, "CLERK_PUBLISHABLE_KEY", invalid.Problems[0].Where)
}

// Registries and forges write encoded slashes: a public path beside must not keep their
// signed-in users out, nor let anybody in.
func TestEncodedSlashesBesidePublicPaths(t *testing.T) {
	t.Parallel()
	app := &received{}
	s := start(t, app, func(c *settings.Config) { c.PublicPaths = []string{"/health", "/assets/*"} })
	token := "Bearer " + sessionToken(t, nil)
	for _, target := range []string{"/api/v4/projects/group%2Fproject?a=1", "/npm/@scope%2fname", "/a//b", "/health/../private", "/x/%2e%2e/y", `/a\b`, "/a;b/..;/c"} {
		request := func(authorization string) *http.Response {
			return s.raw(t, "GET "+target+" HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n"+authorization+"\r\n")
		}
		before := app.count()
		assert.Equal(t, http.StatusUnauthorized, request("").StatusCode, target)
		assert.Equal(t, before, app.count(), target)
		assert.Equal(t, http.StatusOK, request("Authorization: "+token+"\r\n").StatusCode, target)
		assert.Equal(t, strings.ReplaceAll(target, `\`, "%5C"), app.last(t).RequestURI, "as it came")
	}
	for _, target := range []string{"/private/..;/health", "/private/../health", "//health", "/%2e/health", "/assets/..%2fprivate", "/assets/..;/private", `/assets\..\private`, "/assets/%5c%2e%2e%5cprivate", "/assets/a//b", "/x%2f..%2fassets/y"} {
		for _, authorization := range []string{"", "Authorization: " + token + "\r\n"} {
			before := app.count()
			res := s.raw(t, "GET "+target+" HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n"+authorization+"\r\n")
			assert.Contains(t, []int{http.StatusBadRequest, http.StatusUnauthorized}, res.StatusCode, target)
			if authorization == "" || res.StatusCode == http.StatusBadRequest {
				assert.Equal(t, before, app.count(), target)
			}
		}
	}
}
