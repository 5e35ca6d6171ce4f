package proxy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

func optional(c *settings.Config) { c.Policy = settings.PolicyOptional }

// identityNames are all headers that upstreams believe.
var identityNames = []string{
	"X-Clerk-Auth-Status", "X-Clerk-Auth-Reason", "X-Clerk-User-Id", "X-Clerk-Session-Id", "X-Clerk-Org-Id", "X-Clerk-Org-Slug", "X-Clerk-Org-Role",
	"X-Clerk-Token-Type", "X-Clerk-Machine-Id", "X-Clerk-Client-Id", "X-Clerk-Scopes", "X-Clerk-Anything",
}

// normalized is how a CGI-like upstream names a header.
func normalized(name string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(name))
}

// claimed is everything in h that an upstream could take for identity.
func claimed(h http.Header) map[string][]string {
	found := make(map[string][]string)
	for name, values := range h {
		if n := normalized(name); strings.HasPrefix(n, "X_CLERK_") {
			found[n] = append(found[n], values...)
		}
	}
	return found
}

// TestSpoofedIdentity is the matrix of CVE-2025-64484, CVE-2026-39858,
// CVE-2026-54763, CVE-2024-45410, CVE-2026-29054 and GHSA-w9mr-28mw-j8hg.
func TestSpoofedIdentity(t *testing.T) {
	t.Parallel()
	app := &received{}
	s := start(t, app, optional)
	token := sessionToken(t, nil)
	spellings := map[string]func(string) string{
		"as it is":    func(n string) string { return n },
		"lower":       strings.ToLower,
		"upper":       strings.ToUpper,
		"underscores": func(n string) string { return strings.ReplaceAll(n, "-", "_") },
		"mixed":       func(n string) string { return strings.ToLower(strings.Replace(n, "-", "_", 1)) },
		"last only":   func(n string) string { i := strings.LastIndex(n, "-"); return n[:i] + "_" + n[i+1:] },
		"dots":        func(n string) string { return strings.ReplaceAll(n, "-", ".") },
	}
	for spelling, spell := range spellings {
		for _, signedIn := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/signed in %v", spelling, signedIn), func(t *testing.T) {
				var b strings.Builder
				b.WriteString("POST / HTTP/1.1\r\nHost: app.example.com\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n")
				for _, name := range identityNames {
					fmt.Fprintf(&b, "%s: spoofed\r\n%s: spoofed again\r\nConnection: , %s,,keep-alive\r\n", spell(name), spell(name), spell(name))
				}
				b.WriteString("Trailer: X-Fine, Cookie, Proxy, Set.Cookie, Content_Type, Sec-Fetch-Site")
				for _, name := range identityNames {
					b.WriteString(", " + spell(name))
				}
				if signedIn {
					b.WriteString("\r\nAuthorization: Bearer " + token)
				}
				b.WriteString("\r\n\r\n2\r\nhi\r\n0\r\nX-Fine: yes\r\nCookie: spoofed=1\r\nProxy: spoofed\r\nSet.Cookie: spoofed=1\r\nContent_Type: text/html\r\nSec-Fetch-Site: none\r\nX-Unannounced: no\r\n")
				for _, name := range identityNames {
					fmt.Fprintf(&b, "%s: spoofed\r\n", spell(name))
				}
				b.WriteString("\r\n")

				res := s.raw(t, b.String())
				require.Equal(t, http.StatusOK, res.StatusCode)
				got := app.last(t)
				want := map[string][]string{"X_CLERK_AUTH_STATUS": {"signed-out"}, "X_CLERK_AUTH_REASON": {"session-token-and-uat-missing"}}
				if signedIn {
					want = map[string][]string{
						"X_CLERK_AUTH_STATUS": {"signed-in"}, "X_CLERK_TOKEN_TYPE": {"session_token"},
						"X_CLERK_USER_ID": {"user_jane"}, "X_CLERK_SESSION_ID": {"sess_jane"},
					}
				}
				assert.Equal(t, want, claimed(got.Header))
				assert.Equal(t, http.Header{"X-Fine": {"yes"}}, got.Trailer, "only what is harmless follows the body")
				assert.Equal(t, "hi", app.bodies[len(app.bodies)-1])
			})
		}
	}
}

// Whoever judges a request does not see the claims either: a refresh sends the
// request's headers to Clerk.
func TestSpoofedIdentityIsGoneBeforeTheMiddleware(t *testing.T) {
	t.Parallel()
	seen := make(chan http.Header, 1)
	s := start(t, &received{}, func(c *settings.Config) {
		c.Auth.Observer = func(r *http.Request, _ *middleware.State) { seen <- r.Header.Clone() }
	})
	s.get(t, "/", "X-Clerk-User-Id", "spoofed", "X_Clerk_User_Id", "spoofed", "X-Fine", "yes")
	h := <-seen
	assert.Empty(t, claimed(h))
	assert.Equal(t, "yes", h.Get("X-Fine"))
}

// CVE-2026-35051, CVE-2026-54764: the whole family goes before it is rebuilt.
func TestForwardedHeadersAreRebuilt(t *testing.T) {
	t.Parallel()
	app := &received{}
	spoofed := "X-Forwarded-For: 203.0.113.9\r\nx_forwarded_for: 203.0.113.9\r\nX-Forwarded-Host: evil.example\r\n" +
		"X-Forwarded-Proto: https\r\nX-Forwarded-Prefix: /x\r\nX-Forwarded-Port: 1\r\nX-Forwarded-Uri: /x\r\n" +
		"X-Forwarded-Server: x\r\nForwarded: for=203.0.113.9\r\nX-Forwarded_Method: GET\r\n"
	forwarded := func() http.Header {
		h := app.last(t).Header.Clone()
		wire.Delete(h, func(name string) bool { return !wire.ClaimsForwarded(name) })
		return h
	}
	request := "GET /x HTTP/1.1\r\nHost: app.example.com:8080\r\nConnection: close, X-Forwarded-For\r\n" + spoofed + "\r\n"

	t.Run("a stranger", func(t *testing.T) {
		start(t, app, optional).raw(t, request)
		assert.Equal(t, http.Header{
			"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {"app.example.com:8080"}, "X-Forwarded-Proto": {"http"},
			"X-Forwarded-Port": {"8080"}, "X-Real-Ip": {"127.0.0.1"},
		}, forwarded())
		assert.Equal(t, "app.example.com:8080", app.last(t).Host)
	})
	t.Run("a trusted proxy", func(t *testing.T) {
		cfg, _, err := load(environment(map[string]string{"CLERKGATE_TRUSTED_PROXIES": "127.0.0.1"}))
		require.NoError(t, err)
		start(t, app, func(c *settings.Config) { optional(c); c.Auth.TrustedProxies = cfg.Auth.TrustedProxies }).raw(t, request)
		assert.Equal(t, http.Header{
			"X-Forwarded-For": {"203.0.113.9, 127.0.0.1"}, "X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"https"},
			"X-Forwarded-Port": {"1"}, "X-Real-Ip": {"203.0.113.9"},
		}, forwarded())
	})
}

// The application can compare the reason with the words of Clerk's SDK.
func TestReasonsReachTheApplicationAsTheyAre(t *testing.T) {
	t.Parallel()
	app := &received{}
	s := start(t, app, func(c *settings.Config) {
		optional(c)
		c.Auth.AcceptsToken = []middleware.TokenType{middleware.APIKeyToken}
	})
	_, _ = s.get(t, "/")
	assert.Equal(t, "No token in header", app.last(t).Header.Get("X-Clerk-Auth-Reason"))
}
