package clerktest_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	whatwg "github.com/nlnwa/whatwg-url/url"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

// FuzzRedirect holds every redirect of a development instance against the parser that browsers use: whatever comes in as
// redirect_url, the browser ends on a loopback host or nowhere.
func FuzzRedirect(f *testing.F) {
	for _, seed := range []string{
		"http://localhost:8080/x?a=1#f", "http://[::1]/", "http://127.0.0.1/", "https://app.localhost", `http://evil.test\@localhost/`,
		"http://localhost%2eevil.test/", "http://localhost\x00.evil.test", "http:/evil.test", "http:///evil.test", "HTTP://LOCALHOST",
		"http://evil.test#@localhost/", "http://evil.test?@localhost/", "http://localhost:80:80/", "http://[::ffff:127.0.0.1]/",
		"http://ⓛocalhost/", "http://127.1/", "http://localhost./", "http://[::1%25eth0]/",
	} {
		f.Add(seed)
	}
	clerk := clerktest.New(clerktest.Options{})
	f.Fuzz(func(t *testing.T, raw string) {
		r := httptest.NewRequest(http.MethodGet, "/v1/client/handshake?format=nonce&redirect_url="+url.QueryEscape(raw), nil)
		w := httptest.NewRecorder()
		clerk.ServeHTTP(w, r)
		if w.Code == http.StatusBadRequest {
			return
		}
		location := w.Header().Get("Location")
		seen, err := whatwg.Parse(location)
		if err != nil {
			return // a browser goes nowhere
		}
		host := strings.Trim(seen.Hostname(), "[]")
		addr, err := netip.ParseAddr(host)
		loopback := err == nil && addr.Unmap().IsLoopback()
		if w.Code != http.StatusTemporaryRedirect || (!loopback && host != "localhost" && !strings.HasSuffix(host, ".localhost")) {
			t.Fatalf("%q became %d to %q, which a browser reads as host %q", raw, w.Code, location, host)
		}
	})
}
