package crossorigin

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/internal/problem"
)

func TestOriginsThatAreOne(t *testing.T) {
	t.Parallel()
	for name, same := range map[string][]string{
		"default port":   {"https://app.example", "https://app.example:443", "HTTPS://APP.EXAMPLE"},
		"http":           {"http://app.example", "http://app.example:80"},
		"IPv6":           {"http://[::1]:8080", "http://[0:0:0:0:0:0:0:1]:8080", "http://[0:0::1]:8080"},
		"IPv6, no port":  {"https://[2001:db8::A]", "https://[2001:DB8::a]:443"},
		"other protocol": {"chrome-extension://abc", "Chrome-Extension://ABC"},
	} {
		first, ok := parseOrigin(same[0])
		assert.True(t, ok, name)
		for _, s := range same {
			o, ok := parseOrigin(s)
			assert.True(t, ok, s)
			assert.Equal(t, first, o, s)
		}
	}
	for _, pair := range [][2]string{
		{"https://app.example", "http://app.example"}, {"https://app.example:80", "https://app.example"},
		{"https://app.example", "https://app.example."}, {"http://app.example:443", "https://app.example"},
	} {
		a, ok := parseOrigin(pair[0])
		assert.True(t, ok, pair[0])
		b, ok := parseOrigin(pair[1])
		assert.True(t, ok, pair[1])
		assert.NotEqual(t, a, b)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"https://app.example": "https://app.example", "HTTPS://App.Example:8443": "https://app.example:8443",
		"http://[0:0::1]:8080": "http://[::1]:8080", "capacitor://localhost": "capacitor://localhost", "http://app.example:443": "http://app.example:443",
	} {
		o, err := Parse(s)
		assert.NoError(t, err)
		assert.Equal(t, want, o)
	}
	for s, want := range map[string]problem.Problem{
		"http://localhost:8080/":  {Found: `"http://localhost:8080/"`, Want: "http://localhost:8080"},
		"localhost:8080":          {Found: `"localhost:8080", without a scheme`, Want: "http://localhost:8080"},
		"app.example":             {Found: `"app.example", without a scheme`, Want: "https://app.example"},
		"https://app.example:443": {Found: `"https://app.example:443", with the scheme's default port, which browsers leave out`, Want: "https://app.example"},
		"https://u:planted@h":     {Found: "a URL with a user or a query", Want: "only scheme, host and optional port, such as https://app.example.com:8443"},
		"*":                       {Found: `"*"`, Want: "each origin written out, such as https://app.example.com"},
	} {
		_, err := Parse(s)
		assert.Equal(t, want, problem.At("", err), s)
	}
}

// FuzzOrigin holds the parser to net/url: whatever is an origin here is, there, a
// URL of the same scheme, host and port and of nothing else.
func FuzzOrigin(f *testing.F) {
	for _, s := range []string{
		"https://app.example", "http://localhost:5173", "http://[::1]:80", "https://a.b-c_d.example.:8443", "null", "https://u@h", "https://h/",
		"https://h:", "https://h:080", "https://[::1%25eth0]", "https://h%41", "//h", "https:h", "https://h:65536", "a+b-c.d://e", "https://[1.2.3.4]",
		"https://h#", "https://h?", "https://é", "https://h\\evil", "https://h\x00", "https://[::ffff:1.2.3.4]",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, ok := parseOrigin(s)
		if !ok {
			if o != (origin{}) {
				t.Errorf("%q: refused and yet %v", s, o)
			}
			return
		}
		u, err := url.Parse(s)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" {
			t.Errorf("%q: more than an origin", s)
		}
		port := u.Port()
		if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
			port = ""
		}
		if o.scheme != u.Scheme || o.port != port {
			t.Errorf("%q: %v, net/url has %s and %s", s, o, u.Scheme, port)
		}
		if !strings.HasPrefix(o.host, "[") && o.host != strings.ToLower(u.Hostname()) {
			t.Errorf("%q: %v, net/url has %s", s, o, u.Hostname())
		}
		if again, ok := parseOrigin(o.String()); !ok || again != o {
			t.Errorf("%q: %v, again %v", s, o, again)
		}
	})
}
