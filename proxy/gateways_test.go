package proxy

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

// forwarded are the headers of a question about a page.
func forwarded(change ...string) []string {
	return append([]string{
		"X-Forwarded-Method", "GET", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "app.example.com", "X-Forwarded-Uri", "/page?a=1",
	}, change...)
}

func nginx(change ...string) []string {
	return append([]string{"X-Original-Method", "GET", "X-Original-URL", "https://app.example.com/page?a=1"}, change...)
}

// replaced is forwarded with another value for one header.
func replaced(name, value string) []string {
	lines := forwarded()
	for i := 0; i < len(lines); i += 2 {
		if lines[i] == name {
			lines[i+1] = value
		}
	}
	return lines
}

// The whole way: the real policy behind the endpoint.
func TestForwardAuthJudgesAsForAProxiedRequest(t *testing.T) {
	t.Parallel()
	app := &received{}
	s := start(t, app, func(cfg *settings.Config) {
		cfg.Auth.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
		cfg.PublicPaths = []string{"/public"}
		cfg.ForwardAuthPath = "/.clerkgate/auth"
	})
	token := sessionToken(t, nil)
	res, _ := s.get(t, "/.clerkgate/auth", forwarded("Authorization", "Bearer "+token)...)
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, "user_jane", res.Header.Get("X-Clerk-User-Id"))
	assert.Equal(t, "signed-in", res.Header.Get("X-Clerk-Auth-Status"))

	res, _ = s.get(t, "/.clerkgate/auth", forwarded()...)
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
	res, _ = s.get(t, "/.clerkgate/auth", replaced("X-Forwarded-Uri", "/public")...)
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, "signed-out", res.Header.Get("X-Clerk-Auth-Status"))
	assert.Equal(t, []string{""}, res.Header["X-Clerk-User-Id"])
	for _, path := range []string{"/public/../x", "/public%2f", "/x?/public", "//public"} {
		res, _ = s.get(t, "/.clerkgate/auth", replaced("X-Forwarded-Uri", path)...)
		assert.NotEqual(t, http.StatusOK, res.StatusCode, path)
	}
	_, _ = s.get(t, "/.clerkgate/auth", replaced("X-Forwarded-Method", "DELETE")...)
	assert.Contains(t, s.log.String(), "method=DELETE", "the log tells of the original request")
	assert.Zero(t, app.count(), "the application is not asked")
	assert.NotContains(t, s.log.String(), token)
}

// Browsers come through a trusted load balancer too, and must not be answered like
// gateways.
func TestForwardAuthIsOffBesideAnUpstream(t *testing.T) {
	t.Parallel()
	app := &received{}
	s := start(t, app, func(cfg *settings.Config) {
		cfg.Auth.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	res, _ := s.get(t, "/.clerkgate/auth/nginx", nginx("Authorization", "Bearer "+sessionToken(t, nil), "Cookie", "secret=1")...)
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, "/.clerkgate/auth/nginx", app.last(t).URL.Path, "it is the application's")
	assert.NotContains(t, res.Header, "Cookie")
	assert.NotContains(t, res.Header, "X-Clerk-User-Id")
}
