package proxy

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// startFrontend runs a proxy that serves fapi under /__clerk.
func startFrontend(t testing.TB, fapi http.Handler, change func(*settings.Config)) (s *system, app *received, base string) {
	t.Helper()
	server := httptest.NewServer(fapi)
	t.Cleanup(server.Close)
	app = &received{}
	s = start(t, app, func(c *settings.Config) {
		target, err := url.Parse(server.URL)
		require.NoError(t, err)
		c.FrontendAPI, c.Auth.ProxyURL = target, "/__clerk"
		if change != nil {
			change(c)
		}
	})
	return s, app, server.URL
}

func TestFrontendRequest(t *testing.T) {
	t.Parallel()
	fapi := &received{}
	s, app, base := startFrontend(t, fapi, nil)
	res := s.raw(t, "POST /__clerk/v1/client/sign_ins?_method=PATCH&a=1;b=%zz HTTP/1.1\r\nHost: app.example.com\r\n"+
		"Connection: close, Clerk-Secret-Key, Clerk-Proxy-Url, X-Hop\r\nUpgrade: websocket\r\nTE: trailers\r\nX-Hop: 1\r\n"+
		"Clerk-Secret-Key: spoofed\r\nclerk_secret_key: spoofed\r\nCLERK-PROXY-URL: https://evil.example\r\nClerk_Proxy_Url: x\r\n"+
		"X-Forwarded-For: 203.0.113.9\r\nX_Forwarded_For: 203.0.113.9\r\nForwarded: for=x\r\nX-Clerk-User-Id: spoofed\r\n"+
		"Cookie: __client=\"x\"; __refresh_a=b;c\r\nOrigin: http://app.example.com\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\na=%2F&b")
	require.Equal(t, http.StatusOK, res.StatusCode)
	assert.Zero(t, app.count(), "the Frontend API is outside the page protection, and not the app's")

	got := fapi.last(t)
	assert.Equal(t, "POST", got.Method)
	assert.Equal(t, "/v1/client/sign_ins?_method=PATCH&a=1;b=%zz", got.RequestURI)
	assert.Equal(t, strings.TrimPrefix(base, "http://"), got.Host)
	assert.Equal(t, "a=%2F&b", fapi.bodies[0])
	assert.Equal(t, http.Header{
		"Clerk-Secret-Key":  {"sk_live_planted0secret"},
		"Clerk-Proxy-Url":   {"http://app.example.com/__clerk"},
		"X-Forwarded-For":   {"127.0.0.1"},
		"X-Forwarded-Host":  {"app.example.com"},
		"X-Forwarded-Proto": {"http"},
		"Cookie":            {`__client="x"; __refresh_a=b;c`},
		"Origin":            {"http://app.example.com"},
		"Content-Type":      {"application/x-www-form-urlencoded"},
		"Content-Length":    {"7"},
	}, got.Header)
	assert.NotContains(t, s.log.String(), "planted0secret")
	assert.Regexp(t, "path=/__clerk/v1/client/sign_ins .*outcome=forwarded .*upstream_status=200", s.log.String())
}

func TestFrontendPrefixEndsAtASegment(t *testing.T) {
	t.Parallel()
	fapi := &received{}
	s, app, _ := startFrontend(t, fapi, optional)
	for path, want := range map[string]string{"/__clerk": "/", "/__clerk/": "/", "/__clerk/v1": "/v1", "/%5f_clerk/v1": "/v1"} {
		s.get(t, path)
		assert.Equal(t, want, fapi.last(t).URL.Path, path)
	}
	before := fapi.count()
	for _, path := range []string{"/__clerkx/v1", "/x/__clerk/v1", "/__CLERK/v1"} {
		s.get(t, path)
		assert.Equal(t, path, app.last(t).URL.Path)
	}
	assert.Equal(t, before, fapi.count())
}

func TestFrontendAbsoluteProxyURLAndTrustedProxy(t *testing.T) {
	t.Parallel()
	fapi := &received{}
	cfg, _, err := load(environment(map[string]string{"CLERKGATE_TRUSTED_PROXIES": "127.0.0.0/8"}))
	require.NoError(t, err)
	s, _, _ := startFrontend(t, fapi, func(c *settings.Config) {
		c.Auth.ProxyURL = "https://app.example.com/auth/clerk/"
		c.Auth.TrustedProxies = cfg.Auth.TrustedProxies
	})
	s.get(t, "/auth/clerk/v1/client", "X-Forwarded-For", "203.0.113.9, 198.51.100.7", "X-Forwarded-Host", "app.example.com", "X-Forwarded-Proto", "https")
	got := fapi.last(t)
	assert.Equal(t, "/v1/client", got.URL.Path)
	assert.Equal(t, "https://app.example.com/auth/clerk", got.Header.Get("Clerk-Proxy-Url"))
	assert.Equal(t, "198.51.100.7, 127.0.0.1", got.Header.Get("X-Forwarded-For"), "the last hop that a trusted proxy reported")
	assert.Equal(t, "https", got.Header.Get("X-Forwarded-Proto"))
}

func TestFrontendAnswer(t *testing.T) {
	t.Parallel()
	var location string
	s, _, base := startFrontend(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Set-Cookie", "__client=x; Path=/; HttpOnly; Secure; SameSite=Lax")
		w.Header().Add("Set-Cookie", `odd="v"; Domain=.example.com; Partitioned`)
		w.Header().Set("Cache-Control", "public, max-age=60")
		w.Header().Set("Clerk-Db-Jwt", "dvb_1")
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}), nil)
	for from, want := range map[string]string{
		"http://app.example.com/page?__clerk_handshake=x": "http://app.example.com/page?__clerk_handshake=x",
		"https://accounts.example.com/sign-in":            "https://accounts.example.com/sign-in",
		base + "/v1/x%2Fy?a=b#c":                          s.URL + "/__clerk/v1/x%2Fy?a=b#c",
		base:                                              s.URL + "/__clerk",
		"/v1/client":                                      s.URL + "/__clerk/v1/client",
		"/__clerk/v1/client":                              "/__clerk/v1/client",
		"//evil.example/v1":                               "//evil.example/v1",
		base + "@evil.example/v1":                         base + "@evil.example/v1",
		base + ".evil.example/v1":                         base + ".evil.example/v1",
		"relative":                                        "relative",
	} {
		location = from
		res, _ := s.get(t, "/__clerk/v1/client/handshake")
		assert.Equal(t, http.StatusTemporaryRedirect, res.StatusCode, "not followed")
		assert.Equal(t, want, res.Header.Get("Location"))
		assert.Equal(t, []string{"__client=x; Path=/; HttpOnly; Secure; SameSite=Lax", `odd="v"; Domain=.example.com; Partitioned`}, res.Header["Set-Cookie"])
		assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
		assert.Equal(t, "dvb_1", res.Header.Get("Clerk-Db-Jwt"))
	}
}

// CVE-2026-34076: whatever a client writes as the path, the request goes to the
// Frontend API, and the secret key nowhere else.
func FuzzFrontendTarget(f *testing.F) {
	for _, seed := range []string{
		"/__clerk//evil.example/v1", "/__clerk/%2f%2fevil.example", `/__clerk/\evil.example`, "/__clerk/@evil.example/",
		"/__clerk@evil.example/", "/__clerk:80@evil.example/", "/__clerk/..//evil.example", "http://evil.example/__clerk/v1",
		"/__clerk/http://evil.example/", "/__clerk?@evil.example", "/__clerk#@evil.example", "/__clerk/%09//evil.example",
	} {
		f.Add(seed, "app.example.com")
		f.Add(seed, "evil.example")
	}
	const secret = "sk_live_planted0secret"
	base := &url.URL{Scheme: "https", Host: "clerk.example.com"}
	sent := 0
	var cfg settings.Config
	cfg.Auth.PublishableKey = kit.PublishableKey("live", "clerk.example.com")
	cfg.FrontendAPI, cfg.Auth.SecretKey, cfg.Auth.ProxyURL = base, secret, "/__clerk"
	cfg.Auth.JWTKey = testPEM(f)
	cfg.Upstream = &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	var t testing.TB = f
	answer := func(r *http.Request) *http.Response {
		return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: r}
	}
	p, err := New(cfg, Deps{
		FrontendTransport: kit.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
			sent++
			require.Equal(t, "https", r.URL.Scheme)
			require.Equal(t, "clerk.example.com", r.URL.Host)
			require.Equal(t, "clerk.example.com", r.Host)
			require.Nil(t, r.URL.User)
			require.Empty(t, r.URL.Opaque)
			require.Regexp(t, `^/([^/]|$)`, r.URL.RequestURI())
			require.Equal(t, []string{secret}, r.Header["Clerk-Secret-Key"])
			return answer(r), nil
		}),
		Transport: kit.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
			for name, values := range r.Header {
				require.NotContains(t, strings.Join(values, " "), secret, name)
			}
			return answer(r), nil
		}),
	})
	require.NoError(f, err)
	f.Cleanup(p.Close)

	f.Fuzz(func(ft *testing.T, target, host string) {
		t = ft
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL, r.RequestURI, r.Host = u, target, host
		sent = 0
		p.ServeHTTP(httptest.NewRecorder(), r)
		require.LessOrEqual(ft, sent, 1)
	})
}
