package wire

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
		"app.example.com:080":          {},
		"[::1].":                       {},
		"\u212aelvin.example":          {}, // its lower case is ASCII
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
		name, host, ok := CanonicalHost(raw)
		assert.Equal(t, want[0] != "", ok, raw)
		assert.Equal(t, want, [2]string{name, host}, raw)
	}
}

func TestCanonicalHostCostsNothing(t *testing.T) { // not parallel: allocations are counted
	for _, host := range []string{"app.example.com", "app.example.com:8080", "10.0.0.1"} {
		assert.Zero(t, testing.AllocsPerRun(10, func() { _, _, _ = CanonicalHost(host) }), host)
	}
}

func TestIsPort(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"1", "80", "65535"} {
		assert.True(t, IsPort(s), s)
	}
	for _, s := range []string{"", "0", "080", "65536", "99999", "1234567", "+80", "-1", "8_0", " 80", "80 ", "0x50"} {
		assert.False(t, IsPort(s), s)
	}
}

func TestIsTarget(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"/", "//", "/a?b=c&d", "/%2e%2e/", "/\u00fc"} {
		assert.True(t, IsTarget(s), s)
	}
	for _, s := range []string{"", "*", "a/b", "https://app.example.com/", "/a#b", "/a b", "/a\r\nx: y", "/a\x00", "/a\x7f", "/a\t"} {
		assert.False(t, IsTarget(s), s)
	}
}
