package urlpath

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCanonical(t *testing.T) {
	t.Parallel()
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
			t.Parallel()
			u, err := url.ParseRequestURI(raw)
			require.NoError(t, err)
			got, ok := Canonical(u)
			if want == "" {
				assert.False(t, ok, "%q passed as %q", raw, got)
				return
			}
			assert.True(t, ok)
			assert.Equal(t, want, got)
		})
	}
	t.Run("no path", func(t *testing.T) {
		t.Parallel()
		for _, u := range []*url.URL{{}, {Path: "*"}, {Opaque: "host:443"}} {
			_, ok := Canonical(u)
			assert.False(t, ok)
		}
	})
}

func TestReadings(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][]string{
		"/a/b":             {"/a/b"},
		"/a%20b":           {"/a%20b", "/a b"},
		"/%2541":           {"/%2541", "/%41", "/A"},
		"/a;x/b":           {"/a;x/b", "/a/b"},
		"/a%3Fb":           {"/a%3Fb", "/a?b", "/a"},
		"/a/../b":          {"/a/../b", "/b"},
		"/a//b":            {"/a//b", "/a/b"},
		"/a/..;/b":         {"/a/..;/b", "/a/../b", "/b"},
		`/a%5c..%5cb`:      {"/a%5C..%5Cb", `/a\..\b`, "/a/../b", "/b"},
		"/a%2f..%2fb":      {"/a%2F..%2Fb", "/a/../b", "/b"},
		"/a/%252e%252e/b":  {"/a/%252e%252e/b", "/a/%2e%2e/b", "/a/../b", "/b"},
		"/a/%c0%ae%c0%ae/": {"/a/%C0%AE%C0%AE/", "/a/\xc0\xae\xc0\xae/", "/a/../", "/"},
		"/..":              {"/..", "/"},
		"/a/.":             {"/a/.", "/a/"},
		"/caf%E9":          {"/caf%E9", "/caf\xe9"},
	} {
		all, ok := Readings(path)
		require.True(t, ok, path)
		var got []string
		for _, r := range all {
			got = append(got, r.Text)
		}
		assert.ElementsMatch(t, want, got, path)
	}
	for name, path := range map[string]string{
		"empty": "", "star": "*", "NUL": "/%00", "line end": "/a%0d%0ab", "NUL, encoded twice": "/%2500",
		"overlong NUL": "/%c0%80", "DEL": "/%7f", "bad escape": "/%g0", "cut escape": "/a%2",
		"four layers": "/%25252541", "long": "/" + strings.Repeat("a", maxReadablePath),
		"too many readings": "/a%25255c..%25252f%25c0%25ae%255c;x//%c0%ae%2f..%3b%5c%253f/..%25253f",
	} {
		_, ok := Readings(path)
		assert.False(t, ok, name)
	}
}

// FuzzCanonical holds the law behind every rule about paths: what is let through
// reads the same however often an upstream decodes, cleans or re-parses it.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{"/a/b", "/%61", "/%2e%2e/a", "/a;b/..;/c", "/%25%32%65", "/caf%c3%a9", `/a\b`, "//evil", "/a%252fb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := url.ParseRequestURI(raw)
		if err != nil {
			return
		}
		path, ok := Canonical(u)
		if !ok {
			return
		}
		again := &url.URL{}
		Set(again, path)
		require.Equal(t, path, again.EscapedPath(), "what is sent is what was judged")
		second, ok := Canonical(again)
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
			next := Decode(decoded)
			if next == decoded {
				return
			}
			decoded = next
		}
	})
}
