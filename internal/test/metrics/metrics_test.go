package metrics

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/proxy"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// pace is the pause between two rounds.
const pace = 300 * time.Millisecond

const (
	origin = "http://app.example.com"
	token  = "0123456789abcdef0123456789abcdef"
	routes = `
upstreams: { app: $APP, down: "http://127.0.0.1:1" }
routes:
  - { match: "/api/*", name: api, upstream: app }
  - { match: "/public/*", upstream: app, auth: public }
  - { match: "/admin/*", name: admin, upstream: app, require: { role: "org:nobody" } }
  - { match: "/down/*", name: down, upstream: down, auth: none }
`
)

// world is clerkgate with its surroundings, and what was done to it.
type world struct {
	clerk         *clerktest.Server
	public, admin net.Addr
	client        *http.Transport
	done          map[string]float64 // by the PromQL of what must say so
}

// prometheus starts one that scrapes admin each second, and returns its address.
func prometheus(t *testing.T, admin net.Addr) string {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil && os.Getenv("METRICS_REQUIRED") == "" {
		t.Skip("prometheus is not installed (Debian: prometheus)")
	}
	require.NoError(t, err)
	dir := t.TempDir()
	config := fmt.Sprintf("global: { scrape_interval: 1s, scrape_timeout: 1s }\nscrape_configs:\n  - job_name: clerkgate\n    authorization: { type: Bearer, credentials: %s }\n    static_configs: [{ targets: [%q] }]\n", token, admin)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--log.level=warn")
	cmd.Stderr = os.Stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { stop(); _ = cmd.Wait() })
	return "http://" + address
}

// query asks for an instant vector and returns the sum of its values; ok is false if it is
// empty.
func query(t *testing.T, at, expr string) (value float64, ok bool) {
	t.Helper()
	res, err := http.Get(at + "/api/v1/query?query=" + url.QueryEscape(expr))
	if err != nil {
		return 0, false // it is still starting
	}
	defer res.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct {
			Result []struct{ Value [2]any }
		}
	}
	require.NoError(t, json.NewDecoder(res.Body).Decode(&answer))
	require.Equal(t, "success", answer.Status, "%s: %s", expr, answer.Error)
	for _, r := range answer.Data.Result {
		text, _ := r.Value[1].(string)
		f, err := strconv.ParseFloat(text, 64)
		require.NoError(t, err)
		value += f
	}
	return value, len(answer.Data.Result) > 0
}

func newWorld(t *testing.T) *world {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/error") {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(app.Close)
	w := &world{clerk: clerktest.NewServer(t, clerktest.Options{Production: true}), done: make(map[string]float64), client: &http.Transport{}}
	t.Cleanup(w.client.CloseIdleConnections)
	file := filepath.Join(t.TempDir(), "clerkgate.yaml")
	require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(routes, "$APP", app.URL)), 0o600))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listen := l.Addr().String()
	require.NoError(t, l.Close())
	hook := w.clerk.AddWebhook(clerktest.Webhook{URL: "http://" + listen + "/.clerkgate/webhook", Events: []string{"session.ended"}})
	env := map[string]string{
		"CLERK_PUBLISHABLE_KEY": w.clerk.PublishableKey(), "CLERK_SECRET_KEY": w.clerk.SecretKey(), "CLERK_API_URL": w.clerk.URL,
		"CLERKGATE_CONFIG": file, "CLERKGATE_LISTEN": listen, "CLERKGATE_ADMIN_LISTEN": "127.0.0.1:0", "CLERKGATE_ADMIN_TOKEN": token, "CLERKGATE_MAX_CONNECTIONS": "1000",
		"CLERK_WEBHOOK_SIGNING_SECRET": hook.Secret,
	}
	cfg, _, err := settings.Load(func(name string) (string, bool) { v, ok := env[name]; return v, ok }, nil)
	require.NoError(t, err)
	cfg.Auth.Now = w.clerk.Now
	ctx, stop := context.WithCancel(context.Background())
	started, ended := make(chan proxy.Addresses, 1), make(chan error, 1)
	go func() {
		ended <- proxy.Run(ctx, cfg, proxy.RunOptions{Logger: slog.New(slog.DiscardHandler), Started: func(at proxy.Addresses) { started <- at }})
	}()
	select {
	case at := <-started:
		w.public, w.admin = at.Public[0], at.Admin[0]
	case err := <-ended:
		require.NoError(t, err)
	}
	t.Cleanup(func() { stop(); assert.NoError(t, <-ended) })
	return w
}

// ask sends a request and counts it under the label values that it must have.
func (w *world) ask(t *testing.T, want int, path, labels string, header map[string]string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.public.String()+path, nil)
	require.NoError(t, err)
	r.Host = "app.example.com"
	for name, value := range header {
		r.Header.Set(name, value)
	}
	res, err := w.client.RoundTrip(r)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, want, res.StatusCode, "%s %v", path, res.Header)
	w.did(`sum(clerkgate_requests_total{`+labels+`})`, 1)
}

func (w *world) did(query string, n float64) { w.done[query] += n }

func (w *world) cookies(s *clerktest.Session) string {
	var pairs []string
	for _, c := range w.clerk.Cookies(s.ID, origin) {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}

// round is one of everything.
func (w *world) round(t *testing.T) {
	t.Helper()
	jane, mei := w.clerk.SignIn("jane@example.com"), w.clerk.SignIn("mei@example.com")
	live := map[string]string{"Authorization": "Bearer " + w.clerk.Token(jane.ID, origin)}
	const forwarded = `outcome="forwarded",reason="",code_class="2xx"`
	for range 20 {
		w.ask(t, 200, "/api/x", `route="api",`+forwarded, live)
	}
	w.did("clerkgate_token_cache_misses_total", 1)
	w.did("clerkgate_token_cache_hits_total", 19)
	w.ask(t, 500, "/api/error", `route="api",outcome="forwarded",reason="",code_class="5xx"`, live)
	w.ask(t, 403, "/admin/x", `route="admin",outcome="refused",reason="",code_class="4xx"`, live)
	w.did("clerkgate_token_cache_hits_total", 2)
	w.ask(t, 502, "/down/x", `route="down",outcome="failed",code_class="5xx"`, nil)
	w.ask(t, 200, "/public/x", `route="/public/*",outcome="forwarded",reason="session-token-and-uat-missing",code_class="2xx"`, nil)
	w.ask(t, 401, "/api/x", `route="api",outcome="refused",reason="session-token-and-uat-missing",code_class="4xx"`, map[string]string{"Accept": "application/json"})
	w.ask(t, 404, "/nowhere", `route="(unmatched)",outcome="refused",code_class="4xx"`, nil)
	page := map[string]string{"Accept": "text/html", "Sec-Fetch-Dest": "document", "Cookie": "__client_uat=1"}
	w.ask(t, 307, "/api/x", `route="api",outcome="redirected",reason="client-uat-but-no-session-token",code_class="3xx"`, page)
	w.did(`clerkgate_handshakes_total{reason="client-uat-but-no-session-token"}`, 1)
	page["Cookie"] += "; __clerk_redirect_count=3"
	w.ask(t, 401, "/api/x", `route="api",outcome="refused",reason="client-uat-but-no-session-token",code_class="4xx"`, page)
	w.did(`clerkgate_redirect_loops_total`, 1)

	old := map[string]string{"Cookie": w.cookies(mei)}
	w.clerk.Advance(2 * time.Minute)
	for range 3 {
		w.ask(t, 200, "/api/x", `route="api",`+forwarded, old)
	}
	w.did("clerkgate_token_cache_misses_total", 4) // the old token, which is never cached, three times, and the new one
	w.did(`clerkgate_refreshes_total{result="success",shared="no"}`, 1)
	w.did(`clerkgate_refreshes_total{result="success",shared="process"}`, 2)
	w.did(`clerkgate_clerk_calls_total{operation="refresh session",outcome="success"}`, 1)
	w.did(`clerkgate_clerk_call_duration_seconds_count{operation="refresh session"}`, 1)

	w.clerk.EndSession(jane.ID)
	for _, d := range w.clerk.Deliveries() {
		require.Equal(t, http.StatusNoContent, d.Status)
	}
	w.did(`clerkgate_revocations_total{source="webhook"}`, 1)
	w.did(`sum(clerkgate_requests_total{route="(webhooks)",outcome="answered",code_class="2xx"})`, 1)
	w.ask(t, 401, "/api/x", `route="api",outcome="refused",reason="session-token-and-uat-missing",code_class="4xx"`, map[string]string{"Accept": "application/json"})
}

// TestMetricsAreTrue compares what Prometheus knows with what was done.
func TestMetricsAreTrue(t *testing.T) {
	w := newWorld(t)
	at := prometheus(t, w.admin)
	duration := 2 * time.Second
	if text := os.Getenv("METRICS_DURATION"); text != "" {
		var err error
		duration, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	rounds := 0
	for began := time.Now(); time.Since(began) < duration; rounds++ {
		w.round(t)
		time.Sleep(pace) // what counts is how long, not how much
	}
	var requests, routed float64
	for q, n := range w.done {
		if strings.HasPrefix(q, "sum(clerkgate_requests_total") {
			requests += n
			if !strings.Contains(q, `route="(`) {
				routed += n
			}
		}
	}
	w.did("sum(clerkgate_requests_total)", requests)
	w.did("sum(clerkgate_request_duration_seconds_count)", requests)
	w.did("clerkgate_overhead_seconds_count", routed)
	w.did("clerkgate_requests_in_flight", 0)

	equal := func() bool {
		for q, n := range w.done {
			if got, _ := query(t, at, q); math.Abs(got-n) > 0.5 {
				return false
			}
		}
		return true
	}
	for deadline := time.Now().Add(2 * time.Minute); !equal() && time.Now().Before(deadline); {
		time.Sleep(time.Second) // the next scrape
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%d rounds in %v\n| metric | done | said |\n| --- | ---: | ---: |\n", rounds, duration)
	for _, q := range sorted(w.done) {
		got, _ := query(t, at, q)
		fmt.Fprintf(&table, "| %s | %.0f | %.0f |\n", q, w.done[q], got)
		assert.InDelta(t, w.done[q], got, 0.5, q)
	}
	t.Log(table.String())
	panels(t, at)
}

func sorted(m map[string]float64) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// panels asks for each expression of the dashboard, which must have a value: a name that is
// misspelled has none.
func panels(t *testing.T, at string) {
	t.Helper()
	data, err := os.ReadFile("../../../deploy/grafana/clerkgate.json")
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(data, &dashboard))
	require.NotEmpty(t, dashboard.Panels)
	for _, panel := range dashboard.Panels {
		require.NotEmpty(t, panel.Targets, panel.Title)
		for _, target := range panel.Targets {
			expr := strings.NewReplacer("$__rate_interval", "5m", `$instance`, ".*").Replace(target.Expr)
			_, ok := query(t, at, expr)
			for deadline := time.Now().Add(time.Minute); !ok && time.Now().Before(deadline); _, ok = query(t, at, expr) {
				time.Sleep(time.Second) // a rate takes two scrapes
			}
			assert.True(t, ok, "%s: nothing for %s", panel.Title, expr)
		}
	}
}

// TestPromtoolLikesTheMetrics checks names and help.
func TestPromtoolLikesTheMetrics(t *testing.T) {
	program, err := exec.LookPath("promtool")
	if err != nil && os.Getenv("METRICS_REQUIRED") == "" {
		t.Skip("promtool is not installed (Debian: prometheus)")
	}
	require.NoError(t, err)
	w := newWorld(t)
	w.round(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.admin.String()+"/metrics", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := w.client.RoundTrip(r)
	require.NoError(t, err)
	defer res.Body.Close()
	cmd := exec.CommandContext(t.Context(), program, "check", "metrics")
	cmd.Stdin = res.Body
	out, err := cmd.CombinedOutput()
	assert.NoError(t, err, string(out))
}
