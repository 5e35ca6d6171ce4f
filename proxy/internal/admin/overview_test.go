package admin

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/build"
)

func overview() *Overview {
	began := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	return &Overview{
		Status: func(context.Context) Status {
			return Status{
				Build: build.Info{Version: "v1.2.3", Go: "go1.26", OS: "linux", Arch: "amd64"}, Started: began, UptimeInSeconds: 3700,
				State: "degraded", Parts: map[string]string{"keys": "up", "backend_api": "down"},
				Breakers: []Breaker{{Name: "keys"}, {Name: "sessions", Open: true, Since: began.Add(time.Hour), RetryInSeconds: 4.4}},
			}
		},
		Routes: func() []Route {
			return []Route{
				{Name: "api", Hosts: []string{"a.example", "b.example"}, Match: "/api/*", Methods: []string{"GET", "POST"}, Auth: "required", Upstream: "app", Requests: 2},
				{Match: "/<b>&", Auth: "public", Requests: 1},
			}
		},
		Settings: func() []Setting {
			return []Setting{{"CLERKGATE_LISTEN", ":8080", "default"}, {"CLERK_SECRET_KEY", "fingerprint 012345", "environment"}}
		},
	}
}

func TestOverviewForPrograms(t *testing.T) {
	t.Parallel()
	h := New(Options{Overview: overview()})
	for path, want := range map[string]string{
		"/-/status": `{"build":{"version":"v1.2.3","go":"go1.26","os":"linux","arch":"amd64"},"started":"2026-11-25T12:00:00Z","uptime_in_seconds":3700,
			"status":"degraded","parts":{"keys":"up","backend_api":"down"},
			"breakers":[{"name":"keys","open":false},{"name":"sessions","open":true,"since":"2026-11-25T13:00:00Z","retry_in_seconds":4.4}]}`,
		"/-/routes": `{"routes":[{"name":"api","hosts":["a.example","b.example"],"match":"/api/*","methods":["GET","POST"],"auth":"required","upstream":"app","requests":2},
			{"match":"/<b>&","auth":"public","requests":1}]}`,
		"/-/config": `{"settings":[{"name":"CLERKGATE_LISTEN","value":":8080","from":"default"},
			{"name":"CLERK_SECRET_KEY","value":"fingerprint 012345","from":"environment"}]}`,
	} {
		status, body := ask(h, request("GET", path, ""))
		assert.Equal(t, 200, status, path)
		assert.JSONEq(t, want, body, path)
	}
	status, body := ask(h, request("GET", "/-/", ""))
	assert.Equal(t, 200, status)
	for _, path := range []string{"/-/status", "/-/routes", "/-/config"} {
		assert.Contains(t, body, `"path": "`+path+`"`)
	}
}

func TestOverviewForPeople(t *testing.T) {
	t.Parallel()
	h := New(Options{Overview: overview(), Pages: pages()})
	r := request("GET", "/-/", "")
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	require.Equal(t, 200, w.Code)
	assert.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	assert.Equal(t, "Accept", w.Header().Get("Vary"))
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	assert.Regexp(t, `^default-src 'none'; style-src 'sha256-`, w.Header().Get("Content-Security-Policy"))
	body := w.Body.String()
	for _, want := range []string{
		"<title>clerkgate: degraded</title>", "v1.2.3, go1.26, linux/amd64. Up for 1h1m40s.",
		"<dt>backend_api</dt><dd>down</dd>", "<dt>keys</dt><dd>closed: calls are made</dd>", "<dt>sessions</dt><dd>open since 13:00:00 UTC: no calls; the next in 4s</dd>",
		"<dt>GET POST a.example, b.example/api/*</dt>", "2 requests", "1 request<", "api: required, to app", "/&lt;b&gt;&amp;",
		`<a href="/metrics">/metrics</a>`, "POST /-/echo", "<dd>fingerprint 012345<span class=\"from\">environment</span></dd>", "Defaults (1)",
	} {
		assert.Contains(t, body, want)
	}
	assert.NotRegexp(t, `<script|<b>|src=|style="|https?://`, body)

	w = httptest.NewRecorder()
	r.Host = "rebound.evil.example"
	h.ServeHTTP(w, r)
	assert.Equal(t, 421, w.Code, "behind the gate like other pages")
}
