package routes

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCanonicalHost(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string][2]string{ // name, host; nothing is refused
		"app.example.com":              {"app.example.com", "app.example.com"},
		"App.EXAMPLE.com":              {"app.example.com", "app.example.com"},
		"app.example.com.":             {"app.example.com", "app.example.com"},
		"app.example.com:8080":         {"app.example.com", "app.example.com:8080"},
		"APP.example.com.:8080":        {"app.example.com", "app.example.com:8080"},
		"localhost":                    {"localhost", "localhost"},
		"my_service":                   {"my_service", "my_service"},
		"10.0.0.1:80":                  {"10.0.0.1", "10.0.0.1:80"},
		"[::1]":                        {"[::1]", "[::1]"},
		"[0:0::1]:443":                 {"[::1]", "[::1]:443"},
		"[2001:DB8::1]":                {"[2001:db8::1]", "[2001:db8::1]"},
		"":                             {},
		".":                            {},
		"a..b":                         {},
		"a.example..":                  {},
		".example.com":                 {},
		"app.example.com:":             {},
		"app.example.com:0":            {},
		"app.example.com:99999":        {},
		"app.example.com:80:80":        {},
		"app.example.com:+80":          {},
		"app.example.com:8o":           {},
		"app.example.com/x":            {},
		"app.example.com%00":           {},
		"user@app.example.com":         {},
		"app.example.com\t":            {},
		"bücher.example":               {},
		"[::1":                         {},
		"::1":                          {},
		"[::1]x":                       {},
		"[fe80::1%25eth0]":             {},
		"[fe80::1%eth0]":               {},
		"[1.2.3.4]":                    {},
		"x[::1]":                       {},
		"[]":                           {},
		"]":                            {},
		strings.Repeat("a", 64):        {},
		strings.Repeat("aaaaaaa.", 32): {},
	} {
		name, host, ok := canonicalHost(raw)
		assert.Equal(t, want[0] != "", ok, raw)
		assert.Equal(t, want, [2]string{name, host}, raw)
	}
}

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
