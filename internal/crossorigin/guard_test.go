package crossorigin_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/crossorigin"
)

const (
	public  = "https://app.example.com"
	trusted = "https://admin.example.com"
)

func guard(t testing.TB) *crossorigin.Guard {
	t.Helper()
	g, err := crossorigin.NewGuard([]string{trusted, "HTTPS://Two.Example.com:443", "capacitor://localhost"})
	require.NoError(t, err)
	return g
}

// request has headers as pairs of name and value; a name may come twice.
func request(method string, header ...string) *http.Request {
	r := &http.Request{Method: method, Host: "10.0.0.7:8080", Header: http.Header{}}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func TestGuard(t *testing.T) {
	t.Parallel()
	g := guard(t)
	for _, c := range []struct {
		name   string
		r      *http.Request
		public string // empty means public
		want   bool
	}{
		// What browsers send.
		{"Chrome: fetch on the page's own origin", request("POST", "Origin", public, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"), "", true},
		{"Chrome: form of the page's own", request("POST", "Origin", public, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-User", "?1"), "", true},
		{"Chrome: own form, Referrer-Policy: no-referrer", request("POST", "Origin", "null", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate"), "", true},
		{"Chrome: reload of a posted page by the user", request("POST", "Origin", "null", "Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate"), "", true},
		{"Chrome: form of another site", request("POST", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"), "", false},
		{"Chrome: form in a sandboxed frame", request("POST", "Origin", "null", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"), "", false},
		{"Chrome: form of a sibling", request("POST", "Origin", "https://blog.example.com", "Sec-Fetch-Site", "same-site"), "", false},
		{"Chrome: form of a trusted sibling", request("POST", "Origin", trusted, "Sec-Fetch-Site", "same-site"), "", true},
		{"Chrome: http page of the same host", request("POST", "Origin", "http://app.example.com", "Sec-Fetch-Site", "cross-site"), "", false},
		{"Chrome: no-cors fetch of another site", request("POST", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"), "", false},
		{"Firefox: fetch on the page's own origin", request("DELETE", "Origin", public, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors"), "", true},
		{"Safari 15: own form", request("POST", "Origin", public), "", true},
		{"Safari 15: form of another site", request("POST", "Origin", "https://evil.example"), "", false},
		{"Safari 15: sandboxed frame", request("POST", "Origin", "null"), "", false},
		{"any, plain HTTP: own form", request("POST", "Origin", "http://app.example.com"), "http://app.example.com", true},
		{"any, plain HTTP: own fetch on a port", request("PUT", "Origin", "http://192.168.1.4:8080"), "http://192.168.1.4:8080", true},
		{"WebView: trusted app", request("POST", "Origin", "capacitor://localhost", "Sec-Fetch-Site", "cross-site"), "", true},
		{"Chrome: link from another site", request("GET", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"), "", true},
		{"Chrome: image of another site", request("GET", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"), "", true},
		{"curl", request("POST"), "", true},
		{"server to server", request("PATCH", "Content-Type", "application/json"), "", true},

		// CVE-2025-24358: the host alone is not the origin.
		{"http page of the same host, no Sec-Fetch-Site", request("POST", "Origin", "http://app.example.com"), "", false},
		{"another port", request("POST", "Origin", public+":8443"), "", false},
		{"host of the connection behind a TLS proxy", request("POST", "Origin", "http://10.0.0.7:8080"), "", false},
		{"own default port written out", request("POST", "Origin", public+":443"), "", true},
		{"public origin with its default port", request("POST", "Origin", public), public + ":443", true},
		{"upper case", request("POST", "Origin", "https://APP.example.com"), "", true},
		{"no public origin", request("POST", "Origin", public), "", true},
		{"public origin is null", request("POST", "Origin", "null"), "null", false},
		{"public origin is nonsense", request("POST", "Origin", public), "app.example.com", false},
		{"trailing dot", request("POST", "Origin", public+"."), "", false},

		// Trust is exact.
		{"trusted, written otherwise", request("POST", "Origin", "https://two.example.com", "Sec-Fetch-Site", "same-site"), "", true},
		{"trusted host, other scheme", request("POST", "Origin", "http://admin.example.com"), "", false},
		{"below the trusted host", request("POST", "Origin", "https://x.admin.example.com"), "", false},
		{"suffix look-alike", request("POST", "Origin", "https://evil-admin.example.com"), "", false},
		{"prefix look-alike", request("POST", "Origin", trusted+".evil.example"), "", false},
		{"user information", request("POST", "Origin", "https://admin.example.com@evil.example"), "", false},
		{"a path behind", request("POST", "Origin", trusted+"/x"), "", false},
		{"a slash behind", request("POST", "Origin", trusted+"/"), "", false},
		{"white space behind", request("POST", "Origin", trusted+" "), "", false},
		{"cross-site without Origin", request("POST", "Sec-Fetch-Site", "cross-site"), "", false},
		{"cross-site with our own Origin", request("POST", "Origin", public, "Sec-Fetch-Site", "cross-site"), "", false},

		// Doubled, malformed.
		{"two sites", request("POST", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Site", "cross-site"), "", false},
		{"two equal sites", request("POST", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Site", "same-origin"), "", false},
		{"sites joined", request("POST", "Sec-Fetch-Site", "same-origin, cross-site"), "", false},
		{"site empty", request("POST", "Sec-Fetch-Site", ""), "", false},
		{"site in upper case", request("POST", "Sec-Fetch-Site", "Same-Origin"), "", false},
		{"site unknown", request("POST", "Origin", public, "Sec-Fetch-Site", "same-party"), "", false},
		{"two origins", request("POST", "Origin", public, "Origin", public), "", false},
		{"two origins, same-origin", request("POST", "Origin", public, "Origin", "https://evil.example", "Sec-Fetch-Site", "same-origin"), "", false},
		{"origins joined", request("POST", "Origin", public+" https://evil.example"), "", false},
		{"origin empty", request("POST", "Origin", ""), "", false},
		{"origin malformed, same-origin", request("POST", "Origin", "https://", "Sec-Fetch-Site", "same-origin"), "", false},

		// Methods.
		{"HEAD", request("HEAD", "Sec-Fetch-Site", "cross-site"), "", true},
		{"OPTIONS", request("OPTIONS", "Sec-Fetch-Site", "cross-site"), "", true},
		{"TRACE", request("TRACE", "Sec-Fetch-Site", "cross-site"), "", true},
		{"get is not GET", request("get", "Sec-Fetch-Site", "cross-site"), "", false},
		{"a method of one's own", request("PURGE", "Sec-Fetch-Site", "cross-site"), "", false},
		{"CONNECT, as WebSocket over HTTP/2", request("CONNECT", "Origin", "https://evil.example"), "", false},

		// Cross-site WebSocket hijacking.
		{"Chrome: own WebSocket", request("GET", "Connection", "Upgrade", "Upgrade", "websocket", "Origin", public, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "websocket"), "", true},
		{"Chrome 100: own WebSocket", request("GET", "Connection", "Upgrade", "Upgrade", "websocket", "Origin", public), "", true},
		{"Firefox: WebSocket of another site", request("GET", "Connection", "keep-alive, Upgrade", "Upgrade", "websocket", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"), "", false},
		{"Chrome 100: WebSocket of another site", request("GET", "Connection", "Upgrade", "Upgrade", "websocket", "Origin", "https://evil.example"), "", false},
		{"Upgrade in another spelling", request("GET", "Upgrade", "h2c , WebSocket/13", "Origin", "https://evil.example"), "", false},
		{"Upgrade on two lines", request("GET", "Upgrade", "h2c", "Upgrade", "WEBSOCKET", "Origin", "https://evil.example"), "", false},
		{"program's WebSocket", request("GET", "Connection", "Upgrade", "Upgrade", "websocket"), "", true},
		{"another upgrade", request("GET", "Upgrade", "h2c", "Origin", "https://evil.example"), "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.public == "" {
				c.public = public
			}
			assert.Equal(t, c.want, g.Allows(c.r, c.public))
		})
	}
}

// The standard library's guard agrees wherever it is not laxer on purpose.
func TestGuardIsAsStrictAsTheStandardLibrarys(t *testing.T) {
	t.Parallel()
	g := guard(t)
	standard := http.NewCrossOriginProtection()
	require.NoError(t, standard.AddTrustedOrigin(trusted))
	values := func(name string, values ...string) [][]string {
		all := [][]string{nil}
		for _, v := range values {
			all = append(all, []string{name, v})
		}
		return all
	}
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH", "x"} {
		for _, site := range values("Sec-Fetch-Site", "same-origin", "none", "same-site", "cross-site", "?") {
			for _, from := range values("Origin", public, trusted, "http://app.example.com", "https://evil.example", "null", "x") {
				r := request(method, append(site, from...)...)
				r.Host = "app.example.com"
				if g.Allows(r, public) {
					assert.NoError(t, standard.Check(r), "%s %v", method, r.Header)
				}
			}
		}
	}
}

func TestNewGuardNamesEveryBadOrigin(t *testing.T) {
	t.Parallel()
	bad := map[string]string{
		"null":                          "sandboxed",
		"*":                             "each origin written out",
		"https://*.example.com":         "each origin written out",
		"app.example.com":               "without a scheme",
		"https://app.example.com/":      "expected https://app.example.com",
		"https://u@app.example.com":     "only scheme, host and optional port",
		"https://münchen.example":       "xn--",
		"https://":                      "such as",
		"https://a..b":                  "such as",
		"https://app.example.com:":      "such as",
		"https://app.example.com:x":     "such as",
		"https://app.example.com:0":     "such as",
		"https://app.example.com:1e5":   "such as",
		"https://app.example.com:99999": "such as",
		"file://":                       "such as",
		"":                              "without a scheme",
	}
	list := []string{trusted}
	for s := range bad {
		list = append(list, s)
	}
	g, err := crossorigin.NewGuard(list)
	assert.Nil(t, g)
	for s, want := range bad {
		require.ErrorContains(t, err, `origin "`+s+`"`)
		_, one := crossorigin.NewGuard([]string{s})
		require.ErrorContains(t, one, want, "%q", s)
	}
	assert.NotContains(t, err.Error(), trusted)
}

func BenchmarkGuard(b *testing.B) {
	g := guard(b)
	for name, r := range map[string]*http.Request{
		"GET":            httptest.NewRequestWithContext(b.Context(), "GET", "/", nil),
		"Sec-Fetch-Site": request("POST", "Origin", public, "Sec-Fetch-Site", "same-origin"),
		"Origin":         request("POST", "Origin", public),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !g.Allows(r, public) {
					b.Fatal("refused")
				}
			}
		})
	}
}
