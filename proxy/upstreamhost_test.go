package proxy

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// Some applications answer to their own name alone; the browser's is in
// X-Forwarded-Host then.
func TestHostForTheApplication(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]string{
		"": "app.example.com:8080", "browser": "app.example.com:8080", "upstream": "the upstream's", "internal.example:81": "internal.example:81",
	} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			app := &received{}
			var upstream *url.URL
			s := start(t, app, func(c *settings.Config) { optional(c); c.UpstreamSettings.Host, upstream = setting, c.Upstream })
			if setting == "upstream" {
				want = upstream.Host
			}
			res := s.raw(t, "GET /x HTTP/1.1\r\nHost: app.example.com:8080\r\nConnection: close\r\n\r\n")
			require.Equal(t, http.StatusOK, res.StatusCode)
			assert.Equal(t, want, app.last(t).Host)
			assert.Equal(t, []string{"app.example.com:8080"}, app.last(t).Header["X-Forwarded-Host"])
		})
	}
	cfg, _, err := load(environment(map[string]string{"CLERKGATE_UPSTREAM_HOST": "Internal.Example"}))
	require.NoError(t, err)
	assert.Equal(t, "internal.example", cfg.UpstreamSettings.Host)
	cfg.Routes = &routes.Config{Upstreams: map[string]routes.Upstream{"a": {}, "b": {Host: "browser"}}}
	assert.Equal(t, "internal.example", cfg.AllUpstreams()["a"].Host)
	assert.Equal(t, "browser", cfg.AllUpstreams()["b"].Host)
	for _, bad := range []string{"http://internal.example", "a b", "internal.example/x", "*.example.com"} {
		_, _, err := load(environment(map[string]string{"CLERKGATE_UPSTREAM_HOST": bad}))
		assert.Contains(t, problems(t, err), "CLERKGATE_UPSTREAM_HOST", bad)
	}
}
