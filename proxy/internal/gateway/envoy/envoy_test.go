package envoy_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"testing"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/gateway"
	"github.com/clerkgate/clerkgate/proxy/internal/gateway/envoy"
)

func TestAllowed(t *testing.T) {
	s := start(t, nil)
	jane := s.clerk.SignIn("jane@example.com")
	for name, form := range map[string]func(*authv3.CheckRequest) *authv3.CheckRequest{
		"map": func(c *authv3.CheckRequest) *authv3.CheckRequest { return c }, "list": asList,
	} {
		response := s.check(t, form(browse("/orders?a=1&b=%2F", s.clerk.Cookies(jane.ID, appOrigin))))
		require.Zero(t, response.GetStatus().GetCode(), name)
		got := upstream(t, browse("/orders", nil), response)
		assert.Equal(t, []string{"signed-in"}, got["x-clerk-auth-status"])
		assert.Equal(t, []string{jane.UserID}, got["x-clerk-user-id"])
		assert.Equal(t, []string{jane.ID}, got["x-clerk-session-id"])
		ok := response.GetOkResponse()
		assert.Equal(t, []string{
			"authorization", "x-clerk-assertion", "x-clerk-auth-reason", "x-clerk-auth-stale", "x-clerk-client-id", "x-clerk-machine-id", "x-clerk-org-id",
			"x-clerk-org-role", "x-clerk-org-slug", "x-clerk-scopes", "x-clerk-token-type",
		}, ok.GetHeadersToRemove(), "what is unset is removed")
		require.Len(t, ok.GetResponseHeadersToAdd(), 1)
		assert.Equal(t, "vary", ok.GetResponseHeadersToAdd()[0].GetHeader().GetKey(), "what differs by identity says so to caches")
		assert.True(t, appends(ok.GetResponseHeadersToAdd()[0]), "and the application's own stays")
		assert.Empty(t, ok.GetQueryParametersToSet())
		assert.Empty(t, ok.GetQueryParametersToRemove())
	}
}

func TestRefreshedCookiesReachTheBrowser(t *testing.T) {
	s := start(t, nil)
	jane := s.clerk.SignIn("jane@example.com")
	cookies := s.clerk.Cookies(jane.ID, appOrigin)
	s.clerk.Advance(2 * time.Minute)
	response := s.check(t, browse("/", cookies))
	require.Zero(t, response.GetStatus().GetCode())

	var set []*http.Cookie
	for _, option := range response.GetOkResponse().GetResponseHeadersToAdd() {
		switch option.GetHeader().GetKey() {
		case "set-cookie":
			assert.True(t, appends(option), "a second cookie must not replace the first")
			cookie, err := http.ParseSetCookie(option.GetHeader().GetValue())
			require.NoError(t, err)
			set = append(set, cookie)
		case "cache-control":
			assert.False(t, appends(option))
			assert.Equal(t, "no-store", option.GetHeader().GetValue())
		}
	}
	require.NotEmpty(t, set)
	var names []string
	for _, cookie := range set {
		names = append(names, cookie.Name)
	}
	assert.Contains(t, names, "__session_"+s.clerk.CookieSuffix())
	// The fresh cookies sign in without another refresh.
	s.clerk.ResetCalls()
	jar := map[string]*http.Cookie{}
	for _, cookie := range append(cookies, set...) {
		jar[cookie.Name] = cookie
	}
	var fresh []*http.Cookie
	for _, cookie := range jar {
		fresh = append(fresh, cookie)
	}
	assert.Zero(t, s.check(t, browse("/", fresh)).GetStatus().GetCode())
	assert.Empty(t, s.clerk.Calls())
}

func TestHandshake(t *testing.T) {
	s := start(t, nil)
	jane := s.clerk.SignIn("jane@example.com")
	cookies := s.clerk.Cookies(jane.ID, appOrigin)
	s.clerk.InvalidateRefreshTokens(jane.ID)
	s.clerk.Advance(2 * time.Minute)
	status, header, _ := answer(t, s.check(t, browse("/orders?page=2", cookies)))
	assert.Equal(t, http.StatusTemporaryRedirect, status)
	assert.Equal(t, "no-store", header.Get("Cache-Control"))
	location, err := url.Parse(header.Get("Location"))
	require.NoError(t, err)
	assert.Equal(t, "/v1/client/handshake", location.Path)
	back, err := url.Parse(location.Query().Get("redirect_url"))
	require.NoError(t, err)
	assert.Equal(t, appOrigin, back.Scheme+"://"+back.Host, "the scheme and host that the browser used")
	assert.Equal(t, "/orders", back.Path)
	assert.Equal(t, "2", back.Query().Get("page"))
}

func TestUnauthenticated(t *testing.T) {
	s := start(t, nil)
	response := s.check(t, call("/orders"))
	assert.EqualValues(t, codes.Unauthenticated, response.GetStatus().GetCode())
	status, header, body := answer(t, response)
	assert.Equal(t, http.StatusUnauthorized, status)
	assert.Equal(t, "Bearer", header.Get("Www-Authenticate"))
	assert.Equal(t, "application/json", header.Get("Content-Type"))
	assert.Empty(t, header.Get("Content-Length"), "Envoy counts the body itself")
	assert.Contains(t, body, "authentication_invalid")
}

// Without the challenge of a refusal a client of MCP finds no authorization server.
func TestOAuthClientsGetTheChallenge(t *testing.T) {
	clerk := clerktest.NewServer(t, clerktest.Options{MachineTokens: []clerktest.MachineToken{
		{Kind: clerktest.KindOAuth, Token: "oat_of_jane", Subject: clerktest.SampleUsers()[0].ID, ClientID: "app_1", Scopes: []string{"profile"}},
	}})
	auth, err := middleware.New(middleware.Options{
		PublishableKey: clerk.PublishableKey(), SecretKey: clerk.SecretKey(), APIURL: clerk.URL, AcceptsToken: []middleware.TokenType{middleware.OAuthToken},
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
	require.NoError(t, err)
	t.Cleanup(auth.Close)
	s := start(t, func(o *envoy.Options) {
		o.Judge = func(a *gateway.Answer, r *http.Request) {
			mux := http.NewServeMux()
			mux.Handle("/mcp", middleware.Require(middleware.Requirement{})(grant(a)))
			mux.Handle("/mcp/write", middleware.Require(middleware.Requirement{Scopes: []string{"mcp:write"}})(grant(a)))
			auth.Handler(mux).ServeHTTP(a, r)
		}
	})
	token := http.Header{"Authorization": {"Bearer oat_of_jane"}}
	metadata := `Bearer resource_metadata="` + appOrigin + "/.well-known/oauth-protected-resource"
	for name, c := range map[string]struct {
		path   string
		header http.Header
		status int
		want   string
	}{
		"no token":      {"/mcp", nil, 401, metadata + `/mcp"`},
		"unknown token": {"/mcp", http.Header{"Authorization": {"Bearer oat_unknown"}}, 401, metadata + `/mcp", error="invalid_token"`},
		"lacks a scope": {"/mcp/write", token, 403, metadata + `/mcp/write", error="insufficient_scope", scope="mcp:write"`},
	} {
		status, header, _ := answer(t, s.check(t, ask(http.MethodPost, c.path, c.header)))
		assert.Equal(t, c.status, status, name)
		assert.Equal(t, []string{c.want}, header["Www-Authenticate"], name)
	}
	assert.Zero(t, s.check(t, ask(http.MethodPost, "/mcp", token)).GetStatus().GetCode())
}

func TestForbidden(t *testing.T) {
	s := start(t, nil)
	jane := s.clerk.SignIn("jane@example.com")
	response := s.check(t, browse("/admin", s.clerk.Cookies(jane.ID, appOrigin)))
	assert.EqualValues(t, codes.PermissionDenied, response.GetStatus().GetCode())
	status, _, body := answer(t, response)
	assert.Equal(t, http.StatusForbidden, status)
	assert.Contains(t, body, "authorization_invalid")
}

// CVE-2026-30851, CVE-2025-64484, CVE-2026-39858: whatever a client calls itself,
// in whatever spelling, is not what the application reads.
func TestSpoofedIdentityIsRemoved(t *testing.T) {
	s := start(t, nil)
	jane := s.clerk.SignIn("jane@example.com")
	spellings := []string{
		"x-clerk-user-id", "x_clerk_user_id", "X-CLERK-USER-ID", "x-clerk_user-id", "x.clerk.user.id", "x-clerk-org-id", "x_clerk-org_role",
		"x-clerk-org-role", "x-clerk-invented", "x~clerk~user~id",
	}
	for _, spelling := range spellings {
		check := browse("/", s.clerk.Cookies(jane.ID, appOrigin))
		check.GetAttributes().GetRequest().GetHttp().Headers[spelling] = "user_mallory"
		response := s.check(t, check)
		require.Zero(t, response.GetStatus().GetCode(), spelling)
		if spelling == "X-CLERK-USER-ID" { // which Envoy has in lower case
			headers := check.GetAttributes().GetRequest().GetHttp().Headers
			delete(headers, spelling)
			headers["x-clerk-user-id"] = "user_mallory"
		}
		for name, values := range upstream(t, check, response) {
			assert.NotContains(t, values, "user_mallory", "%s survived as %s", spelling, name)
		}
		assert.Equal(t, []string{jane.UserID}, upstream(t, check, response)["x-clerk-user-id"], spelling)
	}

	status, _, _ := answer(t, s.check(t, ask(http.MethodGet, "/", http.Header{"X-Clerk-User-Id": {jane.UserID}, "X-Clerk-Auth-Status": {"signed-in"}})))
	assert.Equal(t, http.StatusUnauthorized, status, "a header signs nobody in")
}

func TestHealth(t *testing.T) {
	s := start(t, nil)
	got, err := healthv1.NewHealthClient(s.conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
	require.NoError(t, err)
	assert.Equal(t, healthv1.HealthCheckResponse_SERVING, got.GetStatus())
}

func TestSecretsAreNotLogged(t *testing.T) {
	s := start(t, nil)
	check := browse("/a b?token=planted0secret", nil)
	check.GetAttributes().GetRequest().GetHttp().Headers["cookie"] = "__session=planted0secret"
	answer(t, s.check(t, check))
	check = browse("/%zz?token=planted0secret", nil)
	check.GetAttributes().GetRequest().GetHttp().Headers["authorization"] = "Bearer planted0secret"
	answer(t, s.check(t, check))
	assert.NotEmpty(t, s.log.String())
	assert.NotContains(t, s.log.String(), "planted0secret")
}
