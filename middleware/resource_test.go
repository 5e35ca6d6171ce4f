package middleware_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
)

// ask sends one request over a real socket, without following redirects; headers are
// name, value, … A header Host sets the host.
func ask(t *testing.T, method, url string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(r)
	require.NoError(t, err)
	defer func() { require.NoError(t, res.Body.Close()) }()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(body)
}

// startResource runs an application whose /mcp accepts what kinds says, and which serves
// the metadata.
func startResource(t *testing.T, kinds []middleware.TokenType, q middleware.Requirement, proxies ...netip.Prefix) (url string, clerk *clerktest.Server) {
	t.Helper()
	clerk = clerktest.NewServer(t, clerktest.Options{Production: true, MachineTokens: []clerktest.MachineToken{
		{Kind: clerktest.KindOAuth, Token: "oat_of_jane", Subject: clerktest.SampleUsers()[0].ID, ClientID: "app_1"},
	}})
	a := newFlow(t, clerk, func(o *middleware.Options) { o.AcceptsToken, o.TrustedProxies = kinds, proxies })
	mux := http.NewServeMux()
	mux.Handle("/.well-known/oauth-protected-resource", a.ProtectedResourceMetadata())
	mux.Handle("/.well-known/oauth-protected-resource/", a.ProtectedResourceMetadata())
	mux.Handle("/", a.Handler(middleware.Require(q)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, middleware.FromContext(r.Context()).UserID)
	}))))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, clerk
}

var localPeers = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func TestRefusedOAuthTokenNamesTheMetadata(t *testing.T) {
	t.Parallel()
	url, clerk := startResource(t, []middleware.TokenType{middleware.OAuthToken}, middleware.Requirement{})
	metadata := `Bearer resource_metadata="` + url + "/.well-known/oauth-protected-resource"
	for name, test := range map[string]struct {
		path    string
		headers []string
		want    string
	}{
		"no token":                {"/mcp", nil, metadata + `/mcp"`},
		"query":                   {"/mcp?session=secret", nil, metadata + `/mcp"`},
		"root":                    {"/", nil, metadata + `"`},
		"slash at the end":        {"/mcp/", nil, metadata + `/mcp/"`},
		"quotation marks":         {`/a%22b`, nil, metadata + `/a%22b"`},
		"another scheme":          {"/mcp", []string{"Authorization", "Basic eDp5"}, metadata + `/mcp"`},
		"unknown token":           {"/mcp", []string{"Authorization", "Bearer oat_unknown"}, metadata + `/mcp", error="invalid_token"`},
		"another kind of token":   {"/mcp", []string{"Authorization", "Bearer ak_unknown"}, metadata + `/mcp", error="invalid_token"`},
		"forwarded by a stranger": {"/mcp", []string{"X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https"}, metadata + `/mcp"`},
	} {
		t.Run(name, func(t *testing.T) {
			res, body := ask(t, http.MethodPost, url+test.path, test.headers...)
			assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
			assert.Equal(t, []string{test.want}, res.Header["Www-Authenticate"])
			assert.Contains(t, body, "authentication_invalid")
		})
	}

	res, body := ask(t, http.MethodPost, url+"/mcp", "Authorization", "Bearer oat_of_jane")
	assert.Equal(t, http.StatusOK, res.StatusCode, body)
	assert.Equal(t, clerktest.SampleUsers()[0].ID, body)
	assert.Empty(t, res.Header["Www-Authenticate"])

	// A token that could not be verified must not be called invalid: a client would discard it.
	clerk.Close()
	res, _ = ask(t, http.MethodPost, url+"/mcp", "Authorization", "Bearer oat_unverified")
	assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	assert.Empty(t, res.Header["Www-Authenticate"])
	assert.NotEmpty(t, res.Header["Retry-After"])
}

func TestChallengeWhereOAuthTokensAreNotAccepted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kinds []middleware.TokenType
		q     middleware.Requirement
		want  []string
	}{
		"session tokens": {nil, middleware.Requirement{}, []string{"Bearer"}},
		"other machines": {[]middleware.TokenType{middleware.APIKeyToken, middleware.M2MToken}, middleware.Requirement{}, []string{"Bearer"}},
		"hidden":         {[]middleware.TokenType{middleware.OAuthToken}, middleware.Requirement{Unauthenticated: middleware.Unauthenticated404}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := startResource(t, test.kinds, test.q)
			res, _ := ask(t, http.MethodGet, url+"/mcp", "Authorization", "Bearer oat_of_jane_not")
			assert.Equal(t, test.want, res.Header["Www-Authenticate"])
		})
	}
	url, _ := startResource(t, nil, middleware.Requirement{})
	res, _ := ask(t, http.MethodGet, url+"/.well-known/oauth-protected-resource/mcp")
	assert.Equal(t, http.StatusNotFound, res.StatusCode, "nothing accepts a token of that authorization server")
}

func TestChallengeForSeveralKindsOfToken(t *testing.T) {
	t.Parallel()
	for _, kinds := range [][]middleware.TokenType{{middleware.AnyToken}, {middleware.SessionToken, middleware.OAuthToken}} {
		url, _ := startResource(t, kinds, middleware.Requirement{})
		res, _ := ask(t, http.MethodGet, url+"/mcp")
		assert.Equal(t, `Bearer resource_metadata="`+url+`/.well-known/oauth-protected-resource/mcp"`, res.Header.Get("Www-Authenticate"))
		res, _ = ask(t, http.MethodGet, url+"/mcp", "Authorization", "Bearer garbage")
		assert.Contains(t, res.Header.Get("Www-Authenticate"), `error="invalid_token"`)
		page, _ := ask(t, http.MethodGet, url+"/mcp", "Sec-Fetch-Dest", "document")
		assert.Equal(t, http.StatusTemporaryRedirect, page.StatusCode, "people go to the sign-in page as before")
		assert.Empty(t, page.Header["Www-Authenticate"])
	}
}

func TestProtectedResourceMetadata(t *testing.T) {
	t.Parallel()
	url, clerk := startResource(t, []middleware.TokenType{middleware.OAuthToken}, middleware.Requirement{}, localPeers...)
	key, err := clerkapi.ParsePublishableKey(clerk.PublishableKey())
	require.NoError(t, err)
	issuer := "https://" + key.FrontendAPI
	const at = middleware.ProtectedResourcePath
	for name, test := range map[string]struct {
		path     string
		headers  []string
		resource string
	}{
		"path":                   {at + "/mcp", nil, url + "/mcp"},
		"longer path":            {at + "/a/b%20c", nil, url + "/a/b%20c"},
		"root":                   {at, nil, url},
		"slash at the end":       {at + "/mcp/", nil, url + "/mcp/"},
		"root with a slash":      {at + "/", nil, url},
		"query":                  {at + "/mcp?x=1", nil, url + "/mcp"},
		"behind a trusted proxy": {at + "/mcp", []string{"X-Forwarded-Host", "app.example.com", "X-Forwarded-Proto", "https"}, "https://app.example.com/mcp"},
		"forwarded as WebSocket": {at + "/mcp", []string{"X-Forwarded-Host", "app.example.com", "X-Forwarded-Proto", "wss"}, "https://app.example.com/mcp"},
	} {
		t.Run(name, func(t *testing.T) {
			res, body := ask(t, http.MethodGet, url+test.path, test.headers...)
			require.Equal(t, http.StatusOK, res.StatusCode, body)
			assert.JSONEq(t, `{"resource":"`+test.resource+`","authorization_servers":["`+issuer+`"],"bearer_methods_supported":["header"],"scopes_supported":["profile","email"]}`, body)
			assert.Equal(t, "application/json", res.Header.Get("Content-Type"))
			assert.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"))
			assert.Equal(t, "private, max-age=3600", res.Header.Get("Cache-Control"), "a shared cache may not tell one host from another")
			head, body := ask(t, http.MethodHead, url+test.path, test.headers...)
			assert.Equal(t, http.StatusOK, head.StatusCode)
			assert.Equal(t, res.Header.Get("Content-Length"), head.Header.Get("Content-Length"))
			assert.Empty(t, body)
		})
	}
	for name, test := range map[string]struct {
		path    string
		headers []string
		status  int
	}{
		"another document":  {"/.well-known/oauth-protected-resource-of-nobody", nil, http.StatusUnauthorized},
		"host with a quote": {at + "/mcp", []string{"X-Forwarded-Host", `a"b`}, http.StatusBadRequest},
		"no web address":    {at + "/mcp", []string{"X-Forwarded-Proto", "data"}, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			res, body := ask(t, http.MethodGet, url+test.path, test.headers...)
			assert.Equal(t, test.status, res.StatusCode, body)
			assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))
			assert.NotContains(t, res.Header.Get("Www-Authenticate"), `a"b`)
		})
	}
}

func TestProtectedResourceMetadataWithOwnScopes(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	a := newFlow(t, clerk, func(o *middleware.Options) { o.AcceptsToken = []middleware.TokenType{middleware.OAuthToken} })
	server := httptest.NewServer(a.ProtectedResourceMetadata("mcp:read", "mcp:write"))
	t.Cleanup(server.Close)
	_, body := ask(t, http.MethodGet, server.URL+middleware.ProtectedResourcePath+"/mcp")
	assert.Contains(t, body, `"scopes_supported":["mcp:read","mcp:write"]`)
}

func TestProtectedResourceMetadataForScriptsOfOtherOrigins(t *testing.T) {
	t.Parallel()
	url, _ := startResource(t, []middleware.TokenType{middleware.OAuthToken}, middleware.Requirement{})
	at := url + "/.well-known/oauth-protected-resource/mcp"
	res, body := ask(t, http.MethodOptions, at, "Origin", "https://inspector.example",
		"Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "mcp-protocol-version")
	assert.Equal(t, http.StatusNoContent, res.StatusCode, body)
	assert.Equal(t, "*", res.Header.Get("Access-Control-Allow-Origin"))
	assert.Equal(t, "GET, HEAD, OPTIONS", res.Header.Get("Access-Control-Allow-Methods"))
	assert.Equal(t, "*", res.Header.Get("Access-Control-Allow-Headers"))
	assert.Equal(t, "86400", res.Header.Get("Access-Control-Max-Age"))
	assert.Empty(t, res.Header["Access-Control-Allow-Credentials"])
	for _, method := range strings.Fields("POST PUT PATCH DELETE") {
		res, _ := ask(t, method, at)
		assert.Equal(t, http.StatusMethodNotAllowed, res.StatusCode, method)
		assert.Equal(t, "GET, HEAD, OPTIONS", res.Header.Get("Allow"), method)
	}
}

// A client of MCP asks its user for more when it is told what is missing.
func TestTokenWithoutTheScopes(t *testing.T) {
	t.Parallel()
	oauth := []middleware.TokenType{middleware.OAuthToken}
	has := func(kind middleware.TokenType, scopes ...string) *middleware.Auth {
		return &middleware.Auth{TokenType: kind, UserID: "user_jane", Subject: "user_jane", Scopes: scopes}
	}
	read := middleware.Requirement{Scopes: []string{"mcp:read", "profile"}}
	for name, c := range map[string]struct {
		accepts []middleware.TokenType
		who     *middleware.Auth
		q       middleware.Requirement
		status  int
		want    string
	}{
		"has them":          {oauth, has(middleware.OAuthToken, "profile", "email", "mcp:read"), read, 200, ""},
		"lacks one":         {oauth, has(middleware.OAuthToken, "profile"), read, 403, `Bearer resource_metadata="http://example.com/.well-known/oauth-protected-resource/mcp", error="insufficient_scope", scope="mcp:read profile"`},
		"has none":          {oauth, has(middleware.OAuthToken), read, 403, `Bearer resource_metadata="http://example.com/.well-known/oauth-protected-resource/mcp", error="insufficient_scope", scope="mcp:read profile"`},
		"no OAuth there":    {[]middleware.TokenType{middleware.APIKeyToken}, has(middleware.APIKeyToken), read, 403, `Bearer error="insufficient_scope", scope="mcp:read profile"`},
		"cannot be written": {oauth, has(middleware.OAuthToken), middleware.Requirement{Scopes: []string{`a" b`}}, 403, `Bearer resource_metadata="http://example.com/.well-known/oauth-protected-resource/mcp", error="insufficient_scope"`},
		"a session":         {[]middleware.TokenType{middleware.AnyToken}, has(middleware.SessionToken, "mcp:read", "profile"), read, 403, ""},
		"a role as well":    {oauth, has(middleware.OAuthToken), middleware.Requirement{Scopes: read.Scopes, Role: "org:admin"}, 403, ""},
		"nobody":            {oauth, &middleware.Auth{}, read, 401, `Bearer resource_metadata="http://example.com/.well-known/oauth-protected-resource/mcp", scope="mcp:read profile"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newFlow(t, clerktest.NewServer(t, clerktest.Options{}), func(o *middleware.Options) { o.AcceptsToken = c.accepts })
			w := permitted(a, c.q, c.who, http.MethodPost, "/mcp?a=b")
			assert.Equal(t, c.status, w.Code)
			assert.Equal(t, c.want, w.Header().Get("Www-Authenticate"))
			if c.status == http.StatusForbidden {
				assert.Contains(t, w.Body.String(), "authorization_invalid")
			}
		})
	}
	assert.True(t, has(middleware.APIKeyToken, "a").Has(middleware.Requirement{Scopes: []string{"a"}}))
	assert.False(t, has(middleware.APIKeyToken, "a").Has(middleware.Requirement{Scopes: []string{"a", "b"}}))
	assert.False(t, has(middleware.APIKeyToken, "a").Has(middleware.Requirement{Scopes: []string{"a"}, Plan: "gold"}))
	assert.False(t, (&middleware.Auth{TokenType: middleware.OAuthToken, Scopes: []string{"a"}}).Has(middleware.Requirement{Scopes: []string{"a"}}), "nobody")
}
