package settings

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/proxy/routes"
)

func TestAnUpstreamThatIsThisServer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		listen, upstream string
		circle           bool
	}{
		{"", "http://localhost:8080", true},
		{":8080", "http://127.0.0.1:8080", true},
		{":8080", "http://127.0.0.2:8080/", true},
		{":8080", "http://[::1]:8080", true},
		{":8080", "http://0.0.0.0:8080", true},
		{":8080", "http://LOCALHOST:08080", true},
		{"0.0.0.0:8080", "http://127.0.0.1:8080", true},
		{"[::]:8080", "http://[::ffff:127.0.0.1]:8080", true},
		{":443", "https://localhost", true},
		{":80", "http://localhost", true},
		{"127.0.0.1:8080", "http://localhost:8080", true},
		{"localhost:8080", "http://127.0.0.1:8080", true},
		{"127.0.0.1:8080", "http://0.0.0.0:8080", true},
		{"10.0.0.5:8080", "http://10.0.0.5:8080", true},

		{"unix:/run/x.sock?mode=0660", "unix:/run/x.sock", true},

		{"unix:/run/x.sock", "unix:/run/y.sock", false},
		{"systemd", "http://127.0.0.1:8080", false},
		{":8080", "http://127.0.0.1:3000", false},
		{":8080", "http://app:8080", false},
		{":8080", "http://10.0.0.5:8080", false},
		{":8080", "unix:/run/app.sock", false},
		{":0", "http://127.0.0.1:8080", false},
		{"127.0.0.1:8080", "http://127.0.0.2:8080", false},
		{"127.0.0.1:8080", "http://[::1]:8080", false},
		{"10.0.0.5:8080", "http://127.0.0.1:8080", false},
		{"10.0.0.5:8080", "http://0.0.0.0:8080", false},
		{":443", "http://localhost", false},
	} {
		target, err := url.Parse(test.upstream)
		require.NoError(t, err)
		cfg := Config{Upstream: target}
		if test.listen != "" {
			cfg.Listen = []string{"127.0.0.9:9", test.listen}
		}
		problems := cfg.circles()
		assert.Equal(t, test.circle, len(problems) == 1, "%s to %s: %v", test.listen, test.upstream, problems)
		if len(problems) == 1 {
			assert.Equal(t, EnvUpstream, problems[0].Where)
			assert.Contains(t, problems[0].Found, "where clerkgate itself listens")
		}
	}
	several := Config{Routes: &routes.Config{Upstreams: map[string]routes.Upstream{
		"b": {URL: "http://localhost:8080"}, "a": {URL: "http://127.0.0.1:8080"}, "c": {URL: "http://127.0.0.1:3000"},
	}}}
	problems := several.Problems()
	require.Len(t, problems, 2)
	assert.Equal(t, "upstreams.a", problems[0].Where)
	assert.Equal(t, "upstreams.b", problems[1].Where)
}
