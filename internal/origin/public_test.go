package origin

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const proxyAddr = "10.0.0.7:4711"

func trusting(t testing.TB) *Resolver {
	t.Helper()
	return New([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
}

// request is what net/http hands to a handler, without httptest's own checks of
// the target.
func request(host, target string, header http.Header) *http.Request {
	if header == nil {
		header = http.Header{}
	}
	return &http.Request{Method: http.MethodGet, Host: host, RequestURI: target, RemoteAddr: proxyAddr, Header: header}
}

func forwarded(host, proto []string) http.Header {
	h := http.Header{}
	if host != nil {
		h["X-Forwarded-Host"] = host
	}
	if proto != nil {
		h["X-Forwarded-Proto"] = proto
	}
	return h
}

func TestPublicFollowsTheReference(t *testing.T) {
	t.Parallel()
	https := []string{"https"}
	const app = "app.dizzywalrus52.example"
	for _, c := range []struct {
		name, host, target string
		header             http.Header
		want               string
	}{
		{"behaviour 1: the query as such is kept", app, "/dashboard?q=a%20b&flag&t=~&p=%zz&s=1;2&b=%FF", forwarded(nil, https), "https://" + app + "/dashboard?q=a%20b&flag&t=~&p=%zz&s=1;2&b=%FF"},
		{"behaviour 2: dot segments and raw characters", app, "/a/../b|c{d}", forwarded(nil, https), "https://" + app + "/b|c%7Bd%7D"},
		{"behaviour 3: first element", app, "/dashboard", forwarded([]string{"public.example, inner"}, []string{"https,http"}), "https://public.example/dashboard"},
		{"behaviour 4: space before the comma", app, "/dashboard", forwarded(nil, []string{"https , http"}), "http://" + app + "/dashboard"},
		{"behaviour 5: empty host cancels the protocol", app, "/dashboard", forwarded([]string{""}, https), "http://" + app + "/dashboard"},
		{"behaviour 6: empty first element", app, "/dashboard", forwarded([]string{",public.example"}, https), "http://" + app + "/dashboard"},
		{"behaviour 7: invalid host", app, "/dashboard", forwarded([]string{"bad host"}, https), "http://" + app + "/dashboard"},
		{"behaviour 8: CloudFront-Forwarded-Proto", app, "/dashboard", http.Header{"Cloudfront-Forwarded-Proto": https}, "http://" + app + "/dashboard"},
		{"behaviour 9: default port", app, "/dashboard", forwarded([]string{"public.example:443"}, https), "https://public.example/dashboard"},
		{"behaviour 10: wss", app, "/dashboard", forwarded(nil, []string{"wss"}), "wss://" + app + "/dashboard"},
		{"repeated lines are one list", app, "/", forwarded([]string{"one.example", "two.example"}, []string{"https", "http"}), "https://one.example/"},
		{"first line empty", app, "/", forwarded([]string{"", "two.example"}, https), "http://" + app + "/"},
		{"empty protocol cancels the host", app, "/", forwarded([]string{"public.example"}, []string{""}), "http://" + app + "/"},
		{"white space round the value", app, "/", forwarded([]string{" public.example\t"}, []string{" https "}), "https://public.example/"},
		{"other port's default is kept", app, "/", forwarded([]string{"public.example:80"}, https), "https://public.example:80/"},
		{"upper case", "APP.Example:80", "/", forwarded(nil, []string{"HTTPS"}), "https://app.example:80/"},
		{"path inside the forwarded host is dropped", app, "/x?y", forwarded([]string{"public.example/evil"}, https), "https://public.example/x?y"},
		{"unknown protocol", app, "/x", forwarded(nil, []string{"foo"}), "foo://" + app + "/x"},
		{"two slashes are a path", app, "//evil.example/x", nil, "http://" + app + "//evil.example/x"},
		{"two slashes do not choose the host", app, "//evil.example/x", forwarded(nil, https), "https://" + app + "//evil.example/x"},
		{"nor do backslashes", app, `/\evil.example/x`, forwarded(nil, https), "https://" + app + "//evil.example/x"},
		{"nor do dot segments", app, "/.//evil.example", forwarded([]string{"P.example"}, https), "https://p.example//evil.example"},
		{"IPv6", "[::1]:8080", "/", nil, "http://[::1]:8080/"},
		{"IPv4", "127.0.0.1:8080", "/a", nil, "http://127.0.0.1:8080/a"},
		{"short IPv4", "127.1", "/a", nil, "http://127.0.0.1/a"},
		{"octal IPv4", "0177.0.0.1", "/a", nil, "http://127.0.0.1/a"},
		{"internationalised", "münchen.example", "/", nil, "http://xn--mnchen-3ya.example/"},
		{"absolute form", app, "http://" + app + "/x?y=1", nil, "http://" + app + "/x?y=1"},
		{"absolute form without path", app, "http://" + app + "?y=1", nil, "http://" + app + "/?y=1"},
		{"asterisk form", app, "*", nil, "http://" + app + "/"},
		{"encoded dot segment", app, "/a/%2e%2E/b", nil, "http://" + app + "/b"},
		{"percent signs stay", app, "/orgs/one%2Ftwo", nil, "http://" + app + "/orgs/one%2Ftwo"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := trusting(t).Public(request(c.host, c.target, c.header))
			require.True(t, p.Valid())
			assert.Equal(t, c.want, p.Href())
			u := p.URL()
			assert.Equal(t, c.want, u.Href())
			assert.Equal(t, u.Origin(), p.Origin())
			assert.Equal(t, u.Pathname(), p.Pathname())
		})
	}
}

func TestQueryUsesDecodedNames(t *testing.T) { // behaviour 11
	t.Parallel()
	p := trusting(t).Public(request("app.example", "/d?%5F%5Fclerk_db_jwt=x&__dev_session=y&__clerk_help=1&e=&__clerk_synced=true", forwarded(nil, []string{"https"})))
	v, ok := p.Query("__clerk_db_jwt")
	assert.True(t, ok)
	assert.Equal(t, "x", v)
	v, ok = p.Query("e")
	assert.True(t, ok)
	assert.Empty(t, v)
	assert.False(t, p.HasQuery("absent"))
	u := p.URL()
	u.Delete("__clerk_db_jwt", "__dev_session", "e")
	assert.Equal(t, "https://app.example/d?__clerk_help=1&__clerk_synced=true", u.Href())
	assert.True(t, p.HasQuery("__dev_session"), "URL returns a copy")
}

func TestForwardedHeadersOfStrangersAreIgnored(t *testing.T) {
	t.Parallel()
	header := forwarded([]string{"evil.example"}, []string{"https"})
	for name, peer := range map[string]string{
		"other network": "192.0.2.1:80", "unix socket": "@", "empty": "", "name": "localhost:80",
		"mapped other network": "[::ffff:192.0.2.1]:80",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request("app.example", "/x", header)
			r.RemoteAddr = peer
			assert.Equal(t, "http://app.example/x", trusting(t).Public(r).Href())
			r.TLS = &tls.ConnectionState{}
			assert.Equal(t, "https://app.example/x", trusting(t).Public(r).Href())
		})
	}
	for name, res := range map[string]*Resolver{"nil": nil, "zero": {}, "no networks": New(nil)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, "http://app.example/x", res.Public(request("app.example", "/x", header)).Href())
		})
	}
}

func TestURLsThatAreTooLong(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]string{"bytes": "/" + strings.Repeat("a", 40_000), "slashes": strings.Repeat("/a", 600)} {
		p := trusting(t).Public(request("app.example", target, nil))
		assert.False(t, p.Valid(), name)
		assert.True(t, p.TooLong(), name)
		assert.Equal(t, "http://invalid.invalid/", p.Href(), name)
	}
}

func TestUnreadableURLs(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"", "bad host", "a/b", "a?b", "a#b", "u@h", "u:p@h", `a\b`, "h:99999", "[::1", "a\tb", "%zz", "xn--a", "-1"} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			p := trusting(t).Public(request(host, "/x?y=1", forwarded([]string{"public.example"}, nil)))
			assert.False(t, p.Valid())
			assert.False(t, p.TooLong(), "the host is the reason")
			assert.Equal(t, "http://invalid.invalid", p.Origin())
			assert.Equal(t, "/", p.Pathname())
			assert.False(t, p.HasQuery("y"))
			assert.Equal(t, "http://invalid.invalid/", p.Href())
			assert.Equal(t, "http://invalid.invalid/", p.URL().Href())
		})
	}
}

func TestTargetOfOutgoingRequestForms(t *testing.T) {
	t.Parallel()
	u, err := url.Parse("http://app.example/a%2Fb?c=d")
	require.NoError(t, err)
	p := New(nil).Public(&http.Request{Host: "app.example", URL: u})
	assert.Equal(t, "http://app.example/a%2Fb?c=d", p.Href())
	p = New(nil).Public(&http.Request{Host: "app.example"})
	assert.Equal(t, "http://app.example/", p.Href())
	p = New(nil).Public(&http.Request{Method: http.MethodConnect, Host: "app.example:443", RequestURI: "app.example:443"})
	assert.Equal(t, "http://app.example:443/", p.Href())
}

func TestPublicAllocates(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/dashboard/a-b?tab=1", nil)
	res := trusting(t)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { use(res, r) }), 2.0)
}

func BenchmarkPublic(b *testing.B) {
	r := request("app.example", "/dashboard/a-b?tab=1", forwarded(nil, []string{"https"}))
	res := trusting(b)
	b.ReportAllocs()
	for b.Loop() {
		use(res, r)
	}
}

func use(res *Resolver, r *http.Request) {
	p := res.Public(r)
	_, _ = p.Origin(), p.Pathname()
	_, _ = p.Query("__clerk_db_jwt")
}

// FuzzFastAgreesWithSlow: the short cut may only be quicker.
func FuzzFastAgreesWithSlow(f *testing.F) {
	for _, s := range [][4]string{
		{"app.example", "/", "", ""}, {"app.example:80", "/a.b/%2e?x=%zz", "h:443", "https"},
		{"1.2.3.4:8080", "//x/.y?a'b", "127.1", "http"}, {"a.0x1", "/a/..", "A", "wss"},
		{"xn--a", "/?", "a b", "https "}, {"a-.b", "/%2e%2e/^", "a..b", "x"}, {"h:080", "/@:;,", "h:65536", "http"},
	} {
		f.Add(s[0], s[1], s[2], s[3], s[2] != "", s[3] != "")
	}
	f.Fuzz(func(t *testing.T, host, tgt, fwdHost, fwdProto string, hasHost, hasProto bool) {
		if len(tgt) == 0 || tgt[0] != '/' {
			tgt = "/" + tgt
		}
		in := input{scheme: "http", host: host, target: tgt, fwdHost: fwdHost, fwdProto: fwdProto, hasFwdHost: hasHost, hasFwdProto: hasProto}
		slow := in.slow()
		fast := in.fast()
		if fast == nil {
			return
		}
		for _, pair := range [][2]any{
			{fast.Valid(), slow.Valid()}, {fast.Origin(), slow.Origin()}, {fast.Pathname(), slow.Pathname()},
			{fast.query, slow.query}, {fast.Href(), slow.Href()}, {fast.URL().Href(), slow.URL().Href()},
		} {
			if pair[0] != pair[1] {
				t.Fatalf("%+v: fast %v, slow %v", in, pair[0], pair[1])
			}
		}
	})
}

func TestPageOriginOfWebSockets(t *testing.T) {
	t.Parallel()
	resolver := New([]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")})
	for proto, want := range map[string]string{
		"https": "https://app.example.com", "http": "http://app.example.com",
		"wss": "https://app.example.com", "ws": "http://app.example.com", "wsx": "null",
	} {
		r := httptest.NewRequest(http.MethodGet, "/socket", nil)
		r.Host, r.RemoteAddr = "app.example.com", "127.0.0.1:1234"
		r.Header.Set("X-Forwarded-Proto", proto)
		assert.Equal(t, want, resolver.Public(r).PageOrigin(), proto)
	}
}
