package gateways

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// testOAuthResource has what a client of MCP needs of a gateway: a challenge in each
// refusal, and the document that the challenge names.
func testOAuthResource(t *testing.T, start gateway) {
	path := filepath.Join(t.TempDir(), "clerkgate.yaml")
	require.NoError(t, os.WriteFile(path, []byte(`
routes:
  - { match: /mcp, accepts: [oauth_token] }
  - { match: /mcp/write, accepts: [oauth_token], require: { scopes: ["mcp:write"] } }
  - { match: "/*" }
`), 0o600))
	user := clerktest.SampleUsers()[0].ID
	s := newStackOf(t, clerktest.Options{MachineTokens: []clerktest.MachineToken{
		{Kind: clerktest.KindOAuth, Token: "oat_of_jane", Subject: user, ClientID: "app_1", Scopes: []string{"profile"}},
	}}, map[string]string{"CLERKGATE_CONFIG": path})
	start(t, s)
	const wellKnown = "/.well-known/oauth-protected-resource"
	ask := func(method, path, token string) kit.Reply {
		b := kit.NewBrowser(t)
		if token != "" {
			b.Header.Set("Authorization", "Bearer "+token)
		}
		return b.Fetch(method, s.origin+path, "")
	}
	metadata := `Bearer resource_metadata="` + s.origin + wellKnown

	assert.Equal(t, []string{metadata + `/mcp"`}, ask(http.MethodPost, "/mcp", "").Header["Www-Authenticate"])
	refused := ask(http.MethodPost, "/mcp", "oat_unknown")
	assert.Equal(t, http.StatusUnauthorized, refused.StatusCode)
	assert.Equal(t, []string{metadata + `/mcp", error="invalid_token"`}, refused.Header["Www-Authenticate"])
	lacking := ask(http.MethodPost, "/mcp/write", "oat_of_jane")
	assert.Equal(t, http.StatusForbidden, lacking.StatusCode)
	assert.Equal(t, []string{metadata + `/mcp/write", error="insufficient_scope", scope="mcp:write"`}, lacking.Header["Www-Authenticate"])
	assert.Zero(t, s.app.count())
	assert.Equal(t, user, echoed(t, ask(http.MethodPost, "/mcp", "oat_of_jane")).Header.Get("X-Clerk-User-Id"))

	for path, scopes := range map[string][]string{"/mcp": {"profile", "email"}, "/mcp/write": {"mcp:write"}} {
		found := ask(http.MethodGet, wellKnown+path, "")
		require.Equal(t, http.StatusOK, found.StatusCode, found.Text)
		var document struct {
			Resource string
			Scopes   []string `json:"scopes_supported"`
		}
		require.NoError(t, json.Unmarshal([]byte(found.Text), &document))
		assert.Equal(t, s.origin+path, document.Resource, "as the client wrote it")
		assert.Equal(t, scopes, document.Scopes)
	}

	// The way to the document is no way to anything else.
	cookies := s.signIn(t, jane, 0).CookieLine(s.origin)
	for _, path := range []string{"/../../.clerkgate/auth", "/%2e%2e/%2e%2e/.clerkgate/auth", "/..%2f..%2f.clerkgate/auth", "x/../../.clerkgate/auth", "", "/"} {
		host := strings.TrimPrefix(s.origin, "http://")
		got := kit.Raw(t, s.address, "GET "+wellKnown+path+" HTTP/1.1\r\nHost: "+host+"\r\nX-Forwarded-Uri: /x\r\nX-Forwarded-Method: GET\r\n"+
			"X-Forwarded-Host: "+host+"\r\nX-Original-URL: "+s.origin+"/x\r\nX-Original-Method: GET\r\n"+cookies+"\r\n")
		assert.Empty(t, got.Header["X-Clerk-User-Id"], path)
		assert.Empty(t, got.Header["Cookie"], path)
	}
}
