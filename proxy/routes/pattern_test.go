package routes

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/urlpath"
)

func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"/health", "/health", true},
		{"/health", "/health/", false},
		{"/health", "/healthz", false},
		{"/assets/*", "/assets/a.js", true},
		{"/assets/*", "/assets/", true},
		{"/assets/*", "/assets", false},
		{"/assets/*", "/assetsx/a", false},
		{"/*", "/anything", true},
		{"/*", "/", true},
		{"/caf%c3%a9", "/caf%C3%A9", true},
		{"/café", "/caf%C3%A9", true},
		{"/Admin", "/admin", false},
	} {
		p, err := parsePattern(c.pattern)
		require.NoError(t, err, c.pattern)
		all, ok := urlpath.Readings(c.path)
		require.True(t, ok)
		if c.want {
			assert.True(t, p.matchesAll(all), "%s on %s", c.pattern, c.path)
		} else {
			assert.Zero(t, p.count(all), "%s on %s", c.pattern, c.path)
		}
	}
	for _, bad := range []string{"", "*", "a", "/a*", "/*/b", "/a/**", "/a?b", "/a#b", "/a;b", "/a/../b", "//a", "/a%2fb", "/%2e/b", "/%zz", "/a%2520b", "/a%253fb", "/a%3Fb", "/a\x00b"} {
		assert.Error(t, CheckPattern(bad), bad)
	}
}
