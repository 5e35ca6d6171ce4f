package proxy

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

// What frameworks believe of an address, a scheme, a certificate or a user, and what
// they obey. The lists are written out here, apart from the table that they test.
var (
	proxiesSay = []string{
		"Client-IP", "X-Client-IP", "X-Cluster-Client-IP", "True-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP", "Forwarded-For",
		"X-Appengine-User-IP", "X-Remote-Addr", "CloudFront-Forwarded-Proto", "CF-Visitor", "Front-End-Https", "X-Url-Scheme", "X-Scheme",
		"X-Proxied-Https", "X-ARR-SSL", "WL-Proxy-Client-IP", "Proxy-Client-IP", "X-Original-Host", "X-SSL-Client-Verify", "Client-Cert",
		"SSL-Client-Cert", "Remote-User", "X-Remote-User", "X-WebAuth-User", "X-Auth-Request-Email", "X-MS-Client-Principal", "$WSRU",
	}
	frameworksObey = []string{
		"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL", "X-Original-URI",
		"Script-Name", "Path-Info", "X-Script-Name", "X-Sendfile-Type", "X-Accel-Mapping", "X-Middleware-Subrequest", "X-Middleware-Rewrite",
		"X-Matched-Path",
	}
	alwaysRebuilt = []string{
		"X-Real-IP", "X-Forwarded", "X-Forwarded-Port", "X-Forwarded-Ssl", "X-Forwarded-Scheme", "X-Forwarded-Prefix", "X-Forwarded-User",
	}
)

func askWith(t *testing.T, s *system, spell func(string) string, names ...string) {
	t.Helper()
	var b strings.Builder
	b.WriteString("POST /x HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: 0\r\nConnection: close\r\nX-Fine: yes\r\nX_Fine_Too: yes\r\n")
	for _, name := range names {
		fmt.Fprintf(&b, "%s: 203.0.113.9\r\n", spell(name))
	}
	res := s.raw(t, b.String()+"\r\n")
	require.Equal(t, http.StatusOK, res.StatusCode)
}

// arrived is what of names an application could read in h, whatever its spelling.
func arrived(h http.Header, names ...string) (found []string) {
	for _, name := range names {
		for got := range h {
			if normalized(got) == normalized(name) {
				found = append(found, name)
			}
		}
	}
	return found
}

func TestNobodyBelievesAStranger(t *testing.T) {
	t.Parallel()
	app := &received{}
	s := start(t, app, optional)
	all := append(append(append([]string{}, proxiesSay...), frameworksObey...), alwaysRebuilt...)
	for spelling, spell := range map[string]func(string) string{
		"as it is":    func(n string) string { return n },
		"upper":       strings.ToUpper,
		"underscores": func(n string) string { return strings.ReplaceAll(n, "-", "_") },
		"SCRIPT_NAME": func(n string) string { return strings.ToUpper(strings.ReplaceAll(n, "-", "_")) },
		"last only": func(n string) string {
			if i := strings.LastIndex(n, "-"); i > 0 {
				return n[:i] + "_" + n[i+1:]
			}
			return n
		},
		"dots": func(n string) string { return strings.ReplaceAll(n, "-", ".") },
	} {
		t.Run(spelling, func(t *testing.T) {
			askWith(t, s, spell, all...)
			h := app.last(t).Header
			for name, values := range h {
				assert.NotContains(t, values, "203.0.113.9", name)
			}
			assert.Equal(t, []string{"127.0.0.1"}, h["X-Real-Ip"])
			assert.Equal(t, []string{"80"}, h["X-Forwarded-Port"])
			assert.Equal(t, "yes", h.Get("X-Fine"))
			assert.Equal(t, "yes", h.Get("X_Fine_Too"), "what nobody believes stays")
		})
	}
}

// A trusted proxy's word on the client counts, in the one spelling that it may be
// expected to overwrite. What an application obeys is no proxy's to say: most pass it
// on from strangers.
func TestWhatATrustedProxySays(t *testing.T) {
	t.Parallel()
	app := &received{}
	s := start(t, app, func(c *settings.Config) {
		optional(c)
		c.Auth.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	askWith(t, s, func(n string) string { return n }, proxiesSay...)
	assert.ElementsMatch(t, proxiesSay, arrived(app.last(t).Header, proxiesSay...))
	askWith(t, s, func(n string) string { return strings.ReplaceAll(n, "-", "_") }, proxiesSay[:len(proxiesSay)-1]...)
	assert.Empty(t, arrived(app.last(t).Header, proxiesSay...), "odd spellings are a stranger's")
	askWith(t, s, func(n string) string { return n }, frameworksObey...)
	assert.Empty(t, arrived(app.last(t).Header, frameworksObey...))

	s.get(t, "/x", "X-Real-IP", "198.51.100.7", "X-Forwarded-For", "203.0.113.9", "X-Forwarded-Port", "8443", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "app.example.com")
	h := app.last(t).Header
	assert.Equal(t, []string{"203.0.113.9"}, h["X-Real-Ip"], "the client by the chain")
	assert.Equal(t, []string{"8443"}, h["X-Forwarded-Port"])
	for want, headers := range map[string][]string{
		"443":  {"X-Forwarded-Proto", "https", "X-Forwarded-Host", "app.example.com", "X-Forwarded-Port", "evil"},
		"8443": {"X-Forwarded-Proto", "https", "X-Forwarded-Host", "app.example.com:8443", "X-Forwarded-Port", "1"},
		"80":   {"X-Forwarded-Host", "[2001:db8::1]"},
	} {
		s.get(t, "/x", headers...)
		assert.Equal(t, []string{want}, app.last(t).Header["X-Forwarded-Port"], "%v", headers)
	}
}

// A gateway passes its client's request on itself, and is told what to overwrite.
func TestGatewaysAreToldWhatFrameworksObey(t *testing.T) {
	t.Parallel()
	s := start(t, &received{}, func(c *settings.Config) {
		optional(c)
		c.Auth.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		c.ForwardAuthPath = "/.clerkgate/auth"
	})
	res, _ := s.get(t, "/.clerkgate/auth", forwarded("X-HTTP-Method-Override", "DELETE", "X_Rewrite_URL", "/admin", "CF-Connecting-IP", "203.0.113.9", "X-Real-IP", "203.0.113.9")...)
	require.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, []string{""}, res.Header["X-Http-Method-Override"])
	assert.Equal(t, []string{""}, res.Header["X_rewrite_url"])
	assert.NotContains(t, res.Header, "Cf-Connecting-Ip")
	assert.NotContains(t, res.Header, "X-Real-Ip")
	assert.NotContains(t, res.Header, "X-Rewrite-Url")
}

func TestHeadersThatAreKept(t *testing.T) {
	t.Parallel()
	app := &received{}
	cfg, _, err := load(environment(map[string]string{"CLERKGATE_KEEP_HEADERS": "x-http-method-override, SCRIPT_NAME, CF-Connecting-IP"}))
	require.NoError(t, err)
	s := start(t, app, func(c *settings.Config) { optional(c); c.KeepHeaders = cfg.KeepHeaders })
	askWith(t, s, func(n string) string { return n }, "X-HTTP-Method-Override", "SCRIPT_NAME", "CF-Connecting-IP", "X-Method-Override", "True-Client-IP")
	h := app.last(t).Header
	assert.Equal(t, []string{"203.0.113.9"}, h["X-Http-Method-Override"])
	assert.Equal(t, []string{"203.0.113.9"}, h["Script_name"])
	assert.Equal(t, []string{"203.0.113.9"}, h["Cf-Connecting-Ip"])
	assert.Empty(t, arrived(h, "X-Method-Override", "True-Client-IP"))
	askWith(t, s, func(n string) string { return n }, "X_HTTP_Method_Override", "Script-Name", "CF_Connecting_IP")
	assert.Empty(t, arrived(app.last(t).Header, "X-HTTP-Method-Override", "Script-Name", "CF-Connecting-IP"), "another spelling is another header")
}

func TestOnlyWhatIsTakenAwayCanBeKept(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"X-Requested-With": "a header that clerkgate takes away", "X-Clerk-User-Id": "written anew", "X-Forwarded-Host": "written anew", "X_Real_IP": "written anew",
		"Transfer-Encoding": "written anew", "X-Http-Method-Overide": "X-HTTP-Method-Override",
	} {
		_, _, err := load(environment(map[string]string{"CLERKGATE_KEEP_HEADERS": value}))
		p := problems(t, err)["CLERKGATE_KEEP_HEADERS"]
		assert.Contains(t, p.Found+p.Want+p.Remedy, want, value)
	}
}
