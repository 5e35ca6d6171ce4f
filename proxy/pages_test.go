package proxy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/internal/serve"
	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// script stands wherever a stranger may write: no page repeats it.
const script = `"><script>alert(1)</script>`

// byRoutes sets routes that need no upstream of their own.
func byRoutes(t testing.TB, text string) func(*settings.Config) {
	return func(c *settings.Config) {
		var err error
		c.Routes, err = routes.Parse("clerkgate.yaml", []byte(text))
		require.NoError(t, err)
	}
}

// nowhere is an address that nobody listens at.
func nowhere(t testing.TB) *url.URL {
	return &url.URL{Scheme: "http", Host: kit.Refusing(t)}
}

// Wherever clerkgate answers in place of the application or of Clerk, a person gets a
// page that says what to do, and a program JSON.
func TestPeopleGetPages(t *testing.T) {
	t.Parallel()
	person := []string{"Sec-Fetch-Dest", "document", "Sec-Fetch-Mode", "navigate", "User-Agent", script, "Accept", "text/html"}
	jane := []string{"Cookie", "__client_uat=1; __session=" + sessionToken(t, nil)}

	slow := start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), func(c *settings.Config) {
		optional(c)
		c.UpstreamTimeout = 20 * time.Millisecond
	})
	down := start(t, &received{}, func(c *settings.Config) { optional(c); c.Upstream = nowhere(t) })
	malformed := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if assert.NoError(t, err) {
			_, _ = io.WriteString(conn, "SSH-2.0-OpenSSH_9.2\r\n\r\n")
			_ = conn.Close()
		}
	}), func(c *settings.Config) {
		optional(c)
		c.UpstreamTransport = settings.TransportDirect // net/http does not tell what was wrong
	})
	usual := start(t, &received{}, byRoutes(t, `
routes:
  - { match: /staff, require: { role: "org:admin" } }
  - { match: /fresh, require: { reverification: strict } }
  - { match: /hidden, unauthenticated: "404" }
  - { match: /api, unauthenticated: "401" }
  - { match: /app/* }
`))
	fapi, _, _ := startFrontend(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Add("Set-Cookie", "__client=gone; Max-Age=0")
		status := http.StatusNotFound
		if strings.HasSuffix(r.URL.Path, "/down") {
			status = http.StatusServiceUnavailable
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"errors":[{"code":"resource_not_found","message":"not found"}]}`)
	}), nil)
	noClerk, _, _ := startFrontend(t, &received{}, func(c *settings.Config) { c.FrontendAPI = nowhere(t) })
	limited := httptest.NewServer(usual.proxy.behind(serve.Limits{MaxBodyBytes: 10, BodyIdleTimeout: time.Minute}, serve.NewInFlight()))
	t.Cleanup(limited.Close)
	gateway := start(t, &received{}, func(c *settings.Config) {
		cfg, _, err := load(environment(map[string]string{"CLERKGATE_TRUSTED_PROXIES": "127.0.0.0/8"}))
		require.NoError(t, err)
		c.Auth.TrustedProxies, c.ForwardAuthPath = cfg.Auth.TrustedProxies, "/.clerkgate/auth"
		byRoutes(t, "routes: [{ match: /staff, require: { role: 'org:admin' } }]")(c)
	})
	question := []string{"X-Forwarded-Method", "GET", "X-Forwarded-Proto", "http", "X-Forwarded-Host", "app.example.com", "X-Forwarded-Uri"}

	for name, test := range map[string]struct {
		server, method, path string
		headers              []string
		status               int
		title, contains      string
		code                 string // for programs; "" where none comes this way
	}{
		"a form, signed out": {usual.URL, "POST", "/app/send?x=" + url.QueryEscape(script), []string{"Referer", usual.URL + "/app/form"},
			401, "You are not signed in", `redirect_url=` + url.QueryEscape(usual.URL+"/app/form") + `" target="_blank" rel="noopener">Sign in in a new tab</a>`, "authentication_invalid"},
		"a form of another site": {usual.URL, "POST", "/app/send", []string{"Referer", "https://evil.example/"},
			401, "You are not signed in", `redirect_url=` + url.QueryEscape(usual.URL+"/") + `"`, "authentication_invalid"},
		"a page that redirects nobody": {usual.URL, "GET", "/api", nil, 401, "Sign in to continue", `>Sign in</a>`, "authentication_invalid"},
		"without the role":             {usual.URL, "GET", "/staff", jane, 403, "You don&#39;t have access", "Error 403: authorization_invalid", "authorization_invalid"},
		"signed in too long ago": {usual.URL, "GET", "/fresh", []string{"Cookie", "__client_uat=1; __session=" + sessionToken(t, map[string]any{"fva": []int{60, -1}})},
			403, "Confirm that it&#39;s you", "sign in again", "reverification-error"},
		"hidden":    {usual.URL, "GET", "/hidden", nil, 404, "Page not found", "", "resource_not_found"},
		"no route":  {usual.URL, "GET", "/nothing?x=" + url.QueryEscape(script), nil, 404, "Page not found", "", "no_route"},
		"ambiguous": {usual.URL, "GET", "/app//x", nil, 400, "This address can&#39;t be opened", "more than one way", "ambiguous_path"},
		"another site": {usual.URL, "POST", "/app/send", append([]string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, jane...),
			403, "This came from another site", "", "cross_site_request"},
		"a circle of handshakes": {usual.URL, "GET", "/app/x", []string{"Cookie", "__client_uat=1; __clerk_redirect_count=3"},
			401, "Signing in did not work", `<a href="">Try again</a>`, ""},
		"application down":       {down.URL, "GET", "/", nil, 502, "The application is not available", `<a href="">Try again</a>`, "upstream_unavailable"},
		"a form, and it is down": {down.URL, "POST", "/", nil, 502, "The application is not available", "It is not known whether what you sent has arrived.", "upstream_unavailable"},
		"application malformed":  {malformed.URL, "GET", "/", nil, 502, "The application is not available", "not valid", "upstream_answer_malformed"},
		"application slow":       {slow.URL, "GET", "/", nil, 504, "The application takes too long", `<a href="">Try again</a>`, "upstream_timeout"},
		"a circle of upstreams":  {usual.URL, "GET", "/app/x", []string{"Clerkgate-Hops", "8"}, 508, "This page can&#39;t be reached", "", "upstream_loop"},
		"too large":              {limited.URL, "POST", "/app/x", nil, 413, "This is too large", "", "request_too_large"},
		"Clerk down":             {noClerk.URL, "GET", "/__clerk/v1/client/handshake", nil, 503, "Signing in is not possible now", "cannot be reached", "proxy_request_failed"},
		"Clerk failing":          {fapi.URL, "GET", "/__clerk/v1/down", nil, 503, "Signing in is not possible now", "", "resource_not_found"},
		"no page of Clerk's":     {fapi.URL, "GET", "/__clerk/v1/nothing", nil, 404, "Page not found", "Error 404: resource_not_found", "resource_not_found"},
		"ambiguous at Clerk's":   {fapi.URL, "GET", "/__clerk//v1", nil, 400, "This address can&#39;t be opened", "", "ambiguous_path"},
		"asked by a gateway": {gateway.URL, "GET", "/.clerkgate/auth/traefik", append(append(jane, question...), "/staff"),
			403, "You don&#39;t have access", "", "authorization_invalid"},
		"by a gateway, ambiguous": {gateway.URL, "GET", "/.clerkgate/auth/traefik", append(question, "/a//b"), 400, "This address can&#39;t be opened", "", "ambiguous_path"},
	} {
		t.Run(name, func(t *testing.T) {
			ask := func(method string, headers ...string) (*http.Response, string) {
				r, err := http.NewRequestWithContext(t.Context(), method, test.server+test.path, nil)
				require.NoError(t, err)
				if test.method == "POST" {
					r.Body, r.ContentLength = io.NopCloser(strings.NewReader("a=1234567890")), 12
				}
				headers = append(headers, test.headers...)
				for i := 0; i < len(headers); i += 2 {
					r.Header.Add(headers[i], headers[i+1])
				}
				return send(t, r)
			}
			res, body := ask(test.method, person...)
			assert.Equal(t, test.status, res.StatusCode)
			assert.Equal(t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))
			assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
			assert.Contains(t, res.Header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'sha256-")
			assert.Empty(t, res.Header.Get("Location"))
			assert.Equal(t, test.status == 401, res.Header.Get("WWW-Authenticate") == "Bearer")
			assert.Contains(t, body, `<html lang="en">`)
			assert.Contains(t, body, "<title>"+test.title+"</title>")
			assert.Contains(t, body, "<h1>"+test.title+"</h1>")
			assert.Contains(t, body, test.contains)
			assert.NotContains(t, body, "<script")
			assert.NotContains(t, body, "127.0.0.1:", "the inside is nobody's business")
			if test.method == "GET" && !strings.Contains(test.path, "auth/traefik") {
				head, nothing := ask("HEAD", person...)
				assert.Equal(t, test.status, head.StatusCode)
				assert.Equal(t, "text/html; charset=utf-8", head.Header.Get("Content-Type"))
				assert.Empty(t, nothing)
			}
			if test.code != "" {
				res, body = ask(test.method)
				assert.Equal(t, test.status, res.StatusCode)
				assert.Contains(t, res.Header.Get("Content-Type"), "application/json")
				assert.Contains(t, body, `"`+test.code+`"`)
			}
		})
	}
}

// The template of docs/pages.md, used as it stands there, and changed by a reload.
func TestOwnPages(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/pages.md")
	require.NoError(t, err)
	example := regexp.MustCompile("(?s)```html\n(.*?)```").FindSubmatch(text)
	require.NotNil(t, example)
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("default.html", string(example[1]))
	var cfg settings.Config
	s := start(t, &received{}, func(c *settings.Config) {
		c.Pages = dir
		byRoutes(t, "routes: [{ match: /staff, require: { role: 'org:admin' } }, { match: /*, unauthenticated: '401' }]")(c)
		cfg = *c
	})
	get := func(path string) (*http.Response, string) {
		return s.get(t, path, "Sec-Fetch-Dest", "document", "Cookie", "__client_uat=1; __session="+sessionToken(t, nil))
	}
	res, body := get("/staff")
	assert.Equal(t, http.StatusForbidden, res.StatusCode)
	assert.Contains(t, body, "<title>You don&#39;t have access - Example Inc.</title>")
	assert.NotContains(t, body, ">Sign in</a>")
	assert.Contains(t, body, "Error 403 (authorization_invalid).")
	_, body = s.get(t, "/x", "Sec-Fetch-Dest", "document")
	assert.Contains(t, body, ">Sign in</a>")

	write("403.html", "<h1>\n{{.Titel}}</h1>")
	found := problems(t, s.proxy.Reload(cfg))
	assert.Contains(t, found[filepath.Join(dir, "403.html:2")].Found, "can't evaluate field Titel")
	_, body = get("/staff")
	assert.Contains(t, body, "Example Inc.", "the old pages go on")
	write("403.html", "<h1>Mine: {{.Title}}</h1>")
	require.NoError(t, s.proxy.Reload(cfg))
	_, body = get("/staff")
	assert.Equal(t, "<h1>Mine: You don&#39;t have access</h1>", body)

	_, _, err = load(environment(map[string]string{"CLERKGATE_PAGES": filepath.Join(dir, "missing")}))
	assert.Contains(t, problems(t, err)["CLERKGATE_PAGES"].Found, "no such file")
}

// In development, what would redirect forever is a page that says what is wrong.
func TestDeveloperErrorPage(t *testing.T) {
	t.Parallel()
	r := startRoutes(t, formRoutes)
	res, body := r.do(t, http.MethodGet, "/page?__clerk_redirect_url="+url.QueryEscape("http://["+script), "Sec-Fetch-Dest", "document")
	assert.Equal(t, http.StatusBadRequest, res.StatusCode)
	assert.Contains(t, res.Header.Get("Content-Security-Policy"), "style-src 'sha256-")
	assert.Contains(t, body, "<h1>Clerk could not sign you in</h1>")
	assert.Contains(t, body, "is not a URL")
	assert.Contains(t, body, "Error 400: developer_error (primary-responds-to-syncing)")
	assert.NotContains(t, body, "<script")
	res, body = r.do(t, http.MethodGet, "/page?__clerk_redirect_url=x")
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
	assert.Contains(t, body, `"code":"authentication_invalid"`)
	assert.Zero(t, r.app.count())
}

// While the most requests allowed wait for the Frontend API, the next one is refused.
func TestBusyFrontendAPI(t *testing.T) {
	t.Parallel()
	const most = 256
	arrived, release := make(chan struct{}, most), make(chan struct{})
	cfg, _, err := load(environment(map[string]string{"CLERK_PROXY_URL": "/__clerk"}))
	require.NoError(t, err)
	p, err := New(cfg, Deps{FrontendTransport: kit.RoundTripFunc(func(r *http.Request) (*http.Response, error) {
		arrived <- struct{}{}
		<-release
		return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	})})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	ask := func(headers ...string) (*http.Response, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/__clerk/v1/client", nil)
		require.NoError(t, err)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		return send(t, r)
	}
	var waiting sync.WaitGroup
	for range most {
		waiting.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/__clerk/v1/client", nil)
			if !assert.NoError(t, err) {
				return
			}
			if res, err := server.Client().Do(r); assert.NoError(t, err) {
				_ = res.Body.Close()
			}
		})
	}
	for range most {
		<-arrived
	}
	res, body := ask("Sec-Fetch-Dest", "document")
	assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	assert.Contains(t, body, "<h1>Signing in is not possible now</h1>")
	assert.Contains(t, body, "Error 503: proxy_request_failed")
	res, body = ask()
	assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	assert.Contains(t, body, `"code":"proxy_request_failed"`)
	close(release)
	waiting.Wait()
	res, _ = ask()
	assert.Equal(t, http.StatusNoContent, res.StatusCode, "and then there is room again")
}
