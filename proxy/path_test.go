package proxy

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCanonicalPath(t *testing.T) {
	tests := map[string]string{ // "" is refused
		"/":                        "/",
		"/a/b":                     "/a/b",
		"/a/b/":                    "/a/b/",
		"/%61dmin":                 "/admin",
		"/caf%c3%a9":               "/caf%C3%A9",
		"/a%20b":                   "/a%20b",
		"/a@b:c,d=e&f;g":           "/a@b:c,d=e&f;g",
		"/a%3fb":                   "/a%3Fb",
		"/a%23b":                   "/a%23b",
		"/100%25":                  "/100%25",
		"/npm/@clerk/x@6/y.js":     "/npm/@clerk/x@6/y.js",
		"/...":                     "/...",
		"/.well-known/x":           "/.well-known/x",
		"/a..b":                    "/a..b",
		"/a/./b":                   "",
		"/a/../b":                  "",
		"/..":                      "",
		"/a/.":                     "",
		"//a":                      "",
		"/a//b":                    "",
		"/a//":                     "",
		"/a/..;/b":                 "",
		"/a/..;x=1/b":              "",
		"/a/;/b":                   "",
		"/a/;x":                    "",
		`/a\b`:                     "",
		"/a%2fb":                   "",
		"/a%2Fb":                   "",
		"/a%5cb":                   "",
		"/a%00b":                   "",
		"/a%0ab":                   "",
		"/a%7fb":                   "",
		"/a%3bb":                   "",
		"/%2e%2e/b":                "",
		"/%2e/b":                   "",
		"/.%2e/b":                  "",
		"/a%2eb":                   "",
		"/%252e%252e/b":            "",
		"/a%252fb":                 "",
		"/a%25252fb":               "",
		"/a%2525252525252fb":       "",
		"/%25%32%65%25%32%65/b":    "",
		"/a%25%35%63b":             "",
		"/%c0%ae%c0%ae/b":          "",
		"/a%c0%afb":                "",
		"/a%ffb":                   "",
		"/a%e0%80%afb":             "",
		"/a%2520b":                 "/a%2520b",
		"/__clerk/v1/client?x=/..": "/__clerk/v1/client",
	}
	for raw, want := range tests {
		t.Run(raw, func(t *testing.T) {
			u, err := url.ParseRequestURI(raw)
			require.NoError(t, err)
			got, ok := canonicalPath(u)
			if want == "" {
				assert.False(t, ok, "%q passed as %q", raw, got)
				return
			}
			assert.True(t, ok)
			assert.Equal(t, want, got)
		})
	}
	t.Run("no path", func(t *testing.T) {
		for _, u := range []*url.URL{{}, {Path: "*"}, {Opaque: "host:443"}} {
			_, ok := canonicalPath(u)
			assert.False(t, ok)
		}
	})
}

func TestPathRules(t *testing.T) {
	tests := []struct {
		rule, path string
		want       bool
	}{
		{"/health", "/health", true},
		{"/health", "/health/", false},
		{"/health", "/healthz", false},
		{"/assets/*", "/assets/a.js", true},
		{"/assets/*", "/assets/", true},
		{"/assets/*", "/assets", false},
		{"/assets/*", "/assetsx/a", false},
		{"/*", "/anything", true},
		{"/caf%c3%a9", "/caf%C3%A9", true},
	}
	for _, test := range tests {
		rule, ok := parsePathRule(test.rule)
		require.True(t, ok, test.rule)
		assert.Equal(t, test.want, rule.matches(test.path), "%s on %s", test.rule, test.path)
	}
}

// FuzzCanonicalPath holds the law behind the public paths: what is let through
// reads the same however often an upstream decodes, cleans or re-parses it.
func FuzzCanonicalPath(f *testing.F) {
	for _, seed := range []string{"/a/b", "/%61", "/%2e%2e/a", "/a;b/..;/c", "/%25%32%65", "/caf%c3%a9", `/a\b`, "//evil", "/a%252fb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := url.ParseRequestURI(raw)
		if err != nil {
			return
		}
		path, ok := canonicalPath(u)
		if !ok {
			return
		}
		again := &url.URL{}
		setPath(again, path)
		require.Equal(t, path, again.EscapedPath(), "what is sent is what was judged")
		second, ok := canonicalPath(again)
		require.True(t, ok)
		require.Equal(t, path, second, "canonical once, canonical for ever")

		segments := strings.Count(path, "/")
		for decoded := path; ; {
			for segment := range strings.SplitSeq(decoded[1:], "/") {
				bare, _, _ := strings.Cut(segment, ";")
				require.NotEqual(t, ".", bare)
				require.NotEqual(t, "..", bare)
			}
			require.NotContains(t, decoded, `\`)
			require.NotContains(t, decoded, "//")
			require.Equal(t, segments, strings.Count(decoded, "/"))
			next := decodeEscapes(decoded)
			if next == decoded {
				return
			}
			decoded = next
		}
	})
}
