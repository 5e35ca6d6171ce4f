package proxy

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// scraped returns the lines of a proxy's metrics, those of Go and the process left out.
func scraped(t testing.TB, p *Proxy) []string {
	t.Helper()
	w := httptest.NewRecorder()
	p.Metrics().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code)
	return slices.DeleteFunc(strings.Split(w.Body.String(), "\n"), func(line string) bool { return !strings.HasPrefix(line, "clerkgate_") })
}

func threeRoutes(c *settings.Config) {
	c.Routes = &routes.Config{Routes: []routes.Route{
		{Match: "/public/*", Auth: routes.AuthPublic}, {Match: "/none/*", Name: "assets", Auth: routes.AuthNone}, {Match: "/*"},
	}}
}

func TestMetricsSayWhatBecameOfRequests(t *testing.T) {
	t.Parallel()
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/none/teapot":
			w.WriteHeader(http.StatusTeapot)
		case "/none/broken":
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "half")
		}
	}), threeRoutes)
	bearer := "Bearer " + sessionToken(t, nil)
	for _, path := range []string{"/public/a", "/none/teapot", "/none/a", "/a", "/b"} {
		s.get(t, path, "Authorization", bearer)
	}
	s.get(t, "/public/a")
	s.get(t, "/a")
	trace, err := http.NewRequestWithContext(t.Context(), http.MethodTrace, s.URL+"/a", nil)
	require.NoError(t, err)
	send(t, trace)
	s.get(t, "/a", "Authorization", bearer, "Cookie", "__clerk_redirect_count=1") // a bearer token counts more
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/none/broken", nil)
	require.NoError(t, err)
	if res, err := http.DefaultTransport.RoundTrip(r); err == nil { // else it broke before the header was sent
		_, err = io.ReadAll(res.Body)
		require.Error(t, err)
		require.NoError(t, res.Body.Close())
	}

	// A request is counted when its handler has returned, which is after its response.
	s.Server.Close()
	got := scraped(t, s.proxy)
	for _, want := range []string{
		`clerkgate_requests_total{code_class="2xx",outcome="forwarded",reason="",route="/public/*"} 1`,
		`clerkgate_requests_total{code_class="2xx",outcome="forwarded",reason="session-token-and-uat-missing",route="/public/*"} 1`,
		`clerkgate_requests_total{code_class="4xx",outcome="forwarded",reason="",route="assets"} 1`,
		`clerkgate_requests_total{code_class="2xx",outcome="forwarded",reason="",route="assets"} 1`,
		`clerkgate_requests_total{code_class="2xx",outcome="failed",reason="",route="assets"} 1`,
		`clerkgate_requests_total{code_class="2xx",outcome="forwarded",reason="",route="/*"} 3`,
		`clerkgate_requests_total{code_class="4xx",outcome="refused",reason="session-token-and-uat-missing",route="/*"} 1`,
		`clerkgate_requests_total{code_class="4xx",outcome="refused",reason="",route="(unmatched)"} 1`,
		`clerkgate_request_duration_seconds_count{route="assets"} 3`,
		`clerkgate_overhead_seconds_count 9`,
		`clerkgate_token_cache_misses_total 1`,
		`clerkgate_token_cache_hits_total 3`,
	} {
		assert.True(t, slices.Contains(got, want), want)
	}
}

// TestFloodMakesNoSeries sends requests with random methods, hosts, paths, cookies and
// tokens: nothing that a client sends may become a label.
func TestFloodMakesNoSeries(t *testing.T) {
	t.Parallel()
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if code := r.URL.Query().Get("code"); code != "" {
			var status int
			if _, err := fmt.Sscan(code, &status); err == nil {
				w.WriteHeader(status)
			}
		}
	}), threeRoutes)
	random := rand.New(rand.NewPCG(3, 4))
	word := func() string { return fmt.Sprintf("planted%x", random.Uint32()) }
	flood := func(n int) {
		for range n {
			r := httptest.NewRequest([]string{"GET", "POST", "TRACE", strings.ToUpper(word())}[random.IntN(4)],
				[]string{"/", "/public/", "/none/", "/a%2f/"}[random.IntN(4)]+word()+"?code="+fmt.Sprint(200+random.IntN(400)), nil)
			r.Host = word() + ".example.com"
			r.RemoteAddr = "192.0.2.1:1234"
			r.Header.Set("Authorization", "Bearer "+[]string{word(), sessionToken(t, map[string]any{"sub": word(), "sid": word(), "azp": word(), "exp": 1e9 + float64(random.IntN(2e9))})}[random.IntN(2)])
			r.Header.Set("Cookie", "__session="+word()+"; __client_uat="+word()+"; __clerk_redirect_count="+word())
			r.Header.Set("User-Agent", word())
			s.proxy.ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	flood(1500)
	series := len(scraped(t, s.proxy))
	flood(500)
	after := scraped(t, s.proxy)
	// Four labels of routes, eight outcomes, six classes, and a few reasons for each.
	assert.Less(t, len(after), 400)
	assert.InDelta(t, series, len(after), 20, "more requests make no more series")
	all := strings.Join(after, "\n")
	assert.NotContains(t, all, "planted")
	assert.NotContains(t, all, "example.com")
	for _, labels := range regexp.MustCompile(`reason="([^"]*)"`).FindAllStringSubmatch(all, -1) {
		assert.NotContains(t, labels[1], "planted")
	}
}

func TestMetricsAtTheAdminListener(t *testing.T) {
	t.Parallel()
	r := run(t, &received{}, func(c *settings.Config) { c.AdminToken, c.Limits.MaxConnections = adminToken, 7 })
	status, _ := fetch(t, "http://"+r.Admin.String()+"/metrics")
	assert.Equal(t, http.StatusUnauthorized, status)
	status, body := fetch(t, "http://"+r.Admin.String()+"/metrics", "Authorization", "Bearer "+adminToken)
	assert.Equal(t, http.StatusOK, status)
	for _, name := range []string{"clerkgate_requests_in_flight 0", "clerkgate_connections ", "clerkgate_connections_limit 7", "clerkgate_build_info{", "go_goroutines ", "process_open_fds "} {
		assert.True(t, strings.Contains(body, "\n"+name), name)
	}
	assert.NotContains(t, body, "clerkgate_certificate_expiry")
	assert.NotContains(t, body, adminToken)
	r.stop()
	require.NoError(t, <-r.done)
}
