package proxy

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

const wellKnown = middleware.ProtectedResourcePath

const resourceRoutes = `upstreams: { app: "APP" }
routes:
  - { match: /own/mcp, accepts: [oauth_token], upstream: app }
  - { match: "/.well-known/oauth-protected-resource/own/*", auth: none, upstream: app }
  - { match: "/mcp/*", accepts: [oauth_token], methods: [POST], upstream: app }
  - { match: /mixed, accepts: [session_token, oauth_token], auth: public, upstream: app }
  - { match: /any, accepts: any, strip_prefix: /any, upstream: app }
  - { match: /hidden, accepts: [oauth_token], unauthenticated: "404", upstream: app }
  - { match: /free, auth: none, upstream: app }
  - { match: /keys, accepts: [api_key], upstream: app }
  - { match: /elsewhere, hosts: [other.example], accepts: [oauth_token], upstream: app }
  - { match: "/*", upstream: app }
`

func TestMetadataIsServedForRoutesThatAcceptOAuthTokens(t *testing.T) {
	t.Parallel()
	s := startRoutes(t, resourceRoutes)
	for path, served := range map[string]bool{
		"/mcp/":        true,
		"/mcp/tools":   true,
		"/mixed":       true,
		"/any":         true,
		"":             false, // the route of / takes session tokens alone
		"/":            false,
		"/page":        false,
		"/hidden":      false, // nobody is to know
		"/keys":        false,
		"/elsewhere":   false,
		"/mcp/../page": false,
		"/mcp%2ftools": false,
		"-of-nobody":   false,
		"//mcp/tools":  false,
	} {
		res, body := s.get(t, wellKnown+path)
		if !served {
			assert.NotEqual(t, http.StatusOK, res.StatusCode, "%s: %s", path, body)
			assert.NotContains(t, body, "authorization_servers", path)
			continue
		}
		require.Equal(t, http.StatusOK, res.StatusCode, "%s: %s", path, body)
		var document struct{ Resource string }
		require.NoError(t, json.Unmarshal([]byte(body), &document))
		assert.Equal(t, s.URL+path, document.Resource)
		assert.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"))
	}
	assert.Zero(t, s.app.count(), "the application is not asked")

	res, body := s.get(t, wellKnown+"/elsewhere", "Host", "other.example")
	assert.NotEqual(t, http.StatusOK, res.StatusCode, "%s: a header Host is not the host", body)
	elsewhere := s.raw(t, "GET "+wellKnown+"/elsewhere HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n")
	assert.Equal(t, http.StatusOK, elsewhere.StatusCode)

	res, body = s.get(t, wellKnown+"/own/mcp")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, "hello from the app", body, "a route for these paths in particular goes to the application")
	assert.Equal(t, wellKnown+"/own/mcp", s.app.last(t).URL.Path)
}

func TestMetadataFollowsAReload(t *testing.T) {
	t.Parallel()
	s := startRoutes(t, "routes: [{ match: \"/*\", accepts: [oauth_token], upstream: app }]\nupstreams: { app: \"http://127.0.0.1:1\" }\n")
	res, _ := s.get(t, wellKnown+"/mcp")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	s.write(t, "routes: [{ match: \"/*\", upstream: app }]\nupstreams: { app: \"http://127.0.0.1:1\" }\n")
	require.NoError(t, s.proxy.Reload(s.load(t)))
	res, _ = s.get(t, wellKnown+"/mcp")
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
}

func TestMetadataByTheEnvironment(t *testing.T) {
	t.Parallel()
	app := &received{}
	accept := func(kinds ...middleware.TokenType) *system {
		return start(t, app, func(cfg *settings.Config) {
			cfg.Auth.AcceptsToken = kinds
			cfg.Auth.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
			cfg.ForwardAuthPath = "/.clerkgate/auth"
		})
	}
	s := accept(middleware.OAuthToken)
	res, body := s.get(t, wellKnown+"/mcp", "X-Forwarded-Host", "app.example.com", "X-Forwarded-Proto", "https")
	require.Equal(t, http.StatusOK, res.StatusCode)
	assert.JSONEq(t, `{"resource":"https://app.example.com/mcp","authorization_servers":["https://clerk.example.com"],
		"bearer_methods_supported":["header"],"scopes_supported":["profile","email"]}`, body)
	res, _ = s.get(t, "/mcp")
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
	assert.Equal(t, `Bearer resource_metadata="`+s.URL+wellKnown+`/mcp"`, res.Header.Get("Www-Authenticate"))
	assert.Contains(t, s.log.String(), "path="+wellKnown+"/mcp")

	// A gateway passes the header on, and never gets the document, which it would take
	// for a grant.
	const want = `Bearer resource_metadata="https://app.example.com/.well-known/oauth-protected-resource/page"`
	for _, gateway := range []string{"", "/traefik", "/caddy", "/haproxy"} {
		res, _ = s.get(t, "/.clerkgate/auth"+gateway, forwarded()...)
		assert.Equal(t, http.StatusUnauthorized, res.StatusCode, gateway)
		assert.Equal(t, []string{want}, res.Header["Www-Authenticate"], gateway)
		res, body = s.get(t, "/.clerkgate/auth"+gateway, replaced("X-Forwarded-Uri", wellKnown+"/page")...)
		assert.Equal(t, http.StatusUnauthorized, res.StatusCode, gateway)
		assert.NotContains(t, body, "authorization_servers", gateway)
	}
	res, _ = s.get(t, "/.clerkgate/auth/nginx", nginx("Authorization", "Bearer ak_another_kind")...)
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
	assert.Equal(t, []string{want + `, error="invalid_token"`}, res.Header["Www-Authenticate"])
	res, _ = s.get(t, "/.clerkgate/auth/envoy/page", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "app.example.com")
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
	assert.True(t, strings.HasPrefix(res.Header.Get("Www-Authenticate"), `Bearer resource_metadata="`), res.Header)

	res, _ = accept(middleware.SessionToken).get(t, wellKnown+"/mcp")
	assert.Equal(t, http.StatusUnauthorized, res.StatusCode, "it is a path like any other")
	assert.Zero(t, app.count())
}

// A client asks for the scopes that the route requires.
func TestMetadataListsTheRoutesScopes(t *testing.T) {
	t.Parallel()
	s := startRoutes(t, `upstreams: { app: "APP" }
routes:
  - { match: /mcp, accepts: [oauth_token], require: { scopes: ["mcp:read", "mcp:write"] }, upstream: app }
`)
	res, body := s.get(t, wellKnown+"/mcp")
	require.Equal(t, http.StatusOK, res.StatusCode)
	assert.Contains(t, body, `"scopes_supported":["mcp:read","mcp:write"]`)
	res, _ = s.get(t, "/mcp")
	assert.Equal(t, `Bearer resource_metadata="`+s.URL+wellKnown+`/mcp", scope="mcp:read mcp:write"`, res.Header.Get("Www-Authenticate"))
}
