package routes

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestCVE_2026_27588: case, final dot and port of a host must not avoid a rule.
func TestCVE_2026_27588(t *testing.T) {
	t.Parallel()
	table := mustTable(t, Route{Match: "/*", Hosts: []string{"admin.example.com"}}, Route{Match: "/*", Auth: AuthPublic})
	for _, host := range []string{"admin.example.com", "ADMIN.example.com", "admin.example.com.", "Admin.Example.Com.:443"} {
		m, err := table.Match("GET", host, request(t, "/"))
		assert.NoError(t, err)
		assert.Equal(t, 0, m.Index, host)
	}
	for _, host := range []string{"", "admin.example.com..", "admin.example.com:", "admin.example.com%00", "x@admin.example.com", "admin.example.com:80:80"} {
		_, err := table.Match("GET", host, request(t, "/"))
		assert.ErrorIs(t, err, ErrInvalidHost, host)
	}
}

func TestHostPatterns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, host string
		want          bool
	}{
		{"app.example.com", "app.example.com", true},
		{"app.example.com", "evilapp.example.com", false},
		{"*.example.com", "app.example.com", true},
		{"*.example.com", "example.com", false},
		{"*.example.com", "a.b.example.com", false},
		{"*.example.com", "evilexample.com", false},
		{"*.example.com", "app.example.com.evil", false},
		{"[::1]", "[::1]", true},
	} {
		assert.Equal(t, c.want, hostMatches(c.pattern, c.host), "%s on %s", c.pattern, c.host)
	}
	for _, bad := range []string{"", "*", "*.", "*.*.example.com", "a.*.com", "*example.com", "a:80", "*.[::1]", "https://a", "a/b"} {
		_, ok := canonicalHostPattern(bad)
		assert.False(t, ok, bad)
	}
}
