package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// claimHeadersOf are headers as CLERKGATE_CLAIM_HEADERS has them.
func claimHeadersOf(t testing.TB, text string) []routes.ClaimHeader {
	t.Helper()
	cfg, _, err := load(environment(map[string]string{"CLERKGATE_CLAIM_HEADERS": text}))
	require.NoError(t, err)
	return cfg.ClaimHeaders
}

const personHeaders = "X-Forwarded-Email=email, X-WEBAUTH-USER={username}, X-User-Name={first_name} {last_name}, X-Team=public_metadata.team, X-Groups=groups"

// person are claims for personHeaders.
func person() map[string]any {
	return map[string]any{
		"email": "jane@example.com", "username": "jane", "first_name": "Zoë", "last_name": "Doe\r\nX-Admin: yes",
		"public_metadata": map[string]any{"team": "blue"}, "groups": []string{"a,admin", "b"},
	}
}

func TestClaimHeaders(t *testing.T) {
	t.Parallel()
	app := &received{}
	s := start(t, app, func(c *settings.Config) { optional(c); c.ClaimHeaders = claimHeadersOf(t, personHeaders) })
	token := sessionToken(t, person())
	for range 2 { // the second time from what is kept with the token
		s.get(t, "/", "Authorization", "Bearer "+token)
		h := app.last(t).Header
		assert.Equal(t, []string{"jane@example.com"}, h["X-Forwarded-Email"])
		assert.Equal(t, []string{"jane"}, h["X-Webauth-User"])
		assert.Equal(t, []string{"Zo%C3%AB Doe%0D%0AX-Admin: yes"}, h["X-User-Name"])
		assert.Equal(t, []string{"blue"}, h["X-Team"])
		assert.Equal(t, []string{"a%2Cadmin,b"}, h["X-Groups"])
		assert.NotContains(t, h, "X-Admin")
		assert.Equal(t, []string{"user_jane"}, h["X-Clerk-User-Id"], "the identity headers stay")
	}
	s.get(t, "/", "Authorization", "Bearer "+sessionToken(t, map[string]any{"username": "omar", "email": nil}))
	assert.Equal(t, []string{"omar"}, app.last(t).Header["X-Webauth-User"])
	assert.NotContains(t, app.last(t).Header, "X-Forwarded-Email")
	assert.NotContains(t, app.last(t).Header, "X-Team")

	// Nobody is signed in by these.
	for name, headers := range map[string][]string{
		"no token":   nil,
		"no subject": {"Authorization", "Bearer " + sessionToken(t, map[string]any{"sub": "", "email": "jane@example.com"})},
		"pending":    {"Authorization", "Bearer " + sessionToken(t, map[string]any{"sts": "pending", "email": "jane@example.com"})},
	} {
		s.get(t, "/", headers...)
		assert.NotContains(t, app.last(t).Header, "X-Forwarded-Email", name)
	}
	assert.NotContains(t, s.log.String(), "jane@example.com")
}

// Who issues a machine token chooses its claims.
func TestMachineTokensMakeNoClaimHeaders(t *testing.T) {
	t.Parallel()
	app := &received{}
	s := start(t, app, func(c *settings.Config) {
		c.Auth.AcceptsToken = []middleware.TokenType{middleware.AnyToken}
		c.ClaimHeaders = claimHeadersOf(t, "X-Forwarded-Email=email")
	})
	s.get(t, "/", "Authorization", "Bearer "+sessionToken(t, map[string]any{"sub": "mch_1", "email": "jane@example.com", "scopes": "mch_2"}))
	assert.Equal(t, "m2m_token", app.last(t).Header.Get("X-Clerk-Token-Type"))
	assert.NotContains(t, app.last(t).Header, "X-Forwarded-Email")
}

// TestSpoofedClaimHeaders is the matrix of TestSpoofedIdentity for names that a
// configuration chose, on routes that make them, make others, or make none.
func TestSpoofedClaimHeaders(t *testing.T) {
	t.Parallel()
	const file = `
routes:
  - { match: "/own/*", auth: public, claim_headers: { X-WEBAUTH-USER: email, X-Forwarded-User: sub, Remote-User: sub, Tenant: public_metadata.tenant } }
  - { match: "/other/*", auth: public, claim_headers: { X-Other: email }, keep_headers: [X-HTTP-Method-Override] }
  - { match: "/none/*", auth: public, claim_headers: none, request_headers: { X-Fixed: value } }
  - { match: "/unjudged/*", auth: none }
`
	names := []string{"X-Webauth-User", "X-Forwarded-User", "Remote-User", "Tenant", "X-Other"}
	app := &received{}
	s := start(t, app, func(c *settings.Config) {
		parsed, err := routes.Parse("routes.yaml", []byte(file))
		require.NoError(t, err)
		c.Routes = parsed
		c.Auth.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	})
	token := sessionToken(t, map[string]any{"email": "jane@example.com"})
	for spelling, spell := range map[string]func(string) string{
		"as it is":    func(n string) string { return n },
		"lower":       strings.ToLower,
		"upper":       strings.ToUpper,
		"underscores": func(n string) string { return strings.ReplaceAll(n, "-", "_") },
		"last only": func(n string) string {
			i := max(0, strings.LastIndex(n, "-"))
			return n[:i] + strings.ReplaceAll(n[i:], "-", "_")
		},
		"dots": func(n string) string { return strings.ReplaceAll(n, "-", ".") },
	} {
		for _, path := range []string{"/own/x", "/other/x", "/none/x", "/unjudged/x"} {
			for _, signedIn := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s%s/%v", spelling, path, signedIn), func(t *testing.T) {
					var b strings.Builder
					b.WriteString("POST " + path + " HTTP/1.1\r\nHost: app.example.com\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n")
					for _, name := range names {
						fmt.Fprintf(&b, "%s: spoofed\r\n%s: spoofed again\r\nConnection: , %s\r\n", spell(name), spell(name), spell(name))
					}
					b.WriteString("Trailer: X-Fine")
					for _, name := range names {
						b.WriteString(", " + spell(name))
					}
					if signedIn {
						b.WriteString("\r\nAuthorization: Bearer " + token)
					}
					b.WriteString("\r\n\r\n2\r\nhi\r\n0\r\nX-Fine: yes\r\n")
					for _, name := range names {
						fmt.Fprintf(&b, "%s: spoofed\r\n", spell(name))
					}
					b.WriteString("\r\n")
					require.Equal(t, http.StatusOK, s.raw(t, b.String()).StatusCode)
					got, want := app.last(t), map[string][]string{}
					if signedIn {
						switch path {
						case "/own/x":
							want = map[string][]string{"X-Webauth-User": {"jane@example.com"}, "X-Forwarded-User": {"user_jane"}, "Remote-User": {"user_jane"}}
						case "/other/x":
							want = map[string][]string{"X-Other": {"jane@example.com"}}
						}
					}
					found := map[string][]string{}
					for name, values := range got.Header {
						for _, own := range names {
							if wire.IsNormal(name, wire.NormalName(own)) {
								found[name] = values
							}
						}
						assert.NotContains(t, strings.Join(values, ""), "spoofed", name)
					}
					assert.Equal(t, want, found)
					assert.Equal(t, http.Header{"X-Fine": {"yes"}}, got.Trailer)
				})
			}
		}
	}
}

// A gateway copies what it is told to: each answer has every name, and an empty header
// for each spelling of the client's.
func TestClaimHeadersForGateways(t *testing.T) {
	t.Parallel()
	s := start(t, &received{}, func(c *settings.Config) {
		optional(c)
		c.Auth.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
		c.ForwardAuthPath = "/.clerkgate/auth"
		c.ClaimHeaders = claimHeadersOf(t, "X-Forwarded-Email=email, X-WebAuth-User=email")
	})
	token := "Bearer " + sessionToken(t, map[string]any{"email": "jane@example.com"})
	for name, ask := range map[string]func(...string) []string{"nginx": nginx, "traefik": forwarded, "caddy": forwarded, "haproxy": forwarded} {
		path := "/.clerkgate/auth/" + name
		res, _ := s.get(t, path, ask("Authorization", token, "X-Forwarded-Email", "spoofed", "X-WebAuth-User", "spoofed", "X_WebAuth_User", "spoofed")...)
		require.Equal(t, http.StatusOK, res.StatusCode, name)
		assert.Equal(t, []string{"jane@example.com"}, res.Header["X-Forwarded-Email"], name)
		assert.Equal(t, []string{"jane@example.com"}, res.Header["X-Webauth-User"], name)
		assert.Equal(t, []string{""}, res.Header["X_webauth_user"], name)
		assert.NotContains(t, res.Header, "X-Forwarded-For", name)

		res, _ = s.get(t, path, ask("Authorization", token, "X-WebAuth-User", "jane@example.com")...)
		assert.Equal(t, []string{"jane@example.com"}, res.Header["X-Webauth-User"], "%s: also where the client guessed it", name)

		res, _ = s.get(t, path, ask("X-Forwarded-Email", "spoofed", "X-WebAuth-User", "spoofed")...)
		assert.Equal(t, []string{""}, res.Header["X-Forwarded-Email"], name)
		assert.Equal(t, []string{""}, res.Header["X-Webauth-User"], name)
	}
}

func TestClaimHeadersForEnvoy(t *testing.T) {
	t.Parallel()
	cfg, _, err := load(environment(map[string]string{
		"CLERK_PUBLISHABLE_KEY": kit.PublishableKey("live", "clerk.example.com"), "CLERK_SECRET_KEY": "sk_live_planted0secret", "CLERK_JWT_KEY": testPEM(t),
		"CLERKGATE_POLICY": "optional", "CLERKGATE_CLAIM_HEADERS": "X-Forwarded-Email=email, X-WebAuth-User=email",
		"CLERKGATE_LISTEN": "127.0.0.1:0", "CLERKGATE_ADMIN_LISTEN": "127.0.0.1:0", "CLERKGATE_EXT_AUTHZ_LISTEN": "127.0.0.1:0",
		"CLERKGATE_TRUSTED_PROXIES": "127.0.0.1",
	}))
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	started, done := make(chan Addresses, 1), make(chan error, 1)
	go func() { done <- Run(ctx, cfg, RunOptions{Started: func(at Addresses) { started <- at }}) }()
	at := <-started
	conn, err := grpc.NewClient(at.ExtAuthz[0].String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer func() {
		assert.NoError(t, conn.Close())
		stop()
		assert.NoError(t, <-done)
	}()
	check := func(authorization string) *authv3.OkHttpResponse {
		response, err := authv3.NewAuthorizationClient(conn).Check(t.Context(), &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
			Source: &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{Address: "203.0.113.9"}}}},
			Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
				Method: "GET", Path: "/", Host: "app.example.com", Scheme: "https", Protocol: "HTTP/1.1",
				Headers: map[string]string{
					"authorization": authorization, "x-forwarded-email": "spoofed", "x_forwarded_email": "spoofed", "x-webauth-user": "spoofed", "x.webauth.user": "spoofed",
					"x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.9",
				},
			}},
		}})
		require.NoError(t, err)
		require.NotNil(t, response.GetOkResponse(), "%v", response)
		return response.GetOkResponse()
	}
	set := func(ok *authv3.OkHttpResponse) map[string]string {
		headers := map[string]string{}
		for _, option := range ok.GetHeaders() {
			headers[option.GetHeader().GetKey()] = option.GetHeader().GetValue()
		}
		return headers
	}
	ok := check("Bearer " + sessionToken(t, map[string]any{"email": "jane@example.com"}))
	assert.Equal(t, "jane@example.com", set(ok)["x-forwarded-email"])
	assert.Equal(t, "jane@example.com", set(ok)["x-webauth-user"])
	assert.Subset(t, ok.GetHeadersToRemove(), []string{"x_forwarded_email", "x.webauth.user"})
	assert.NotContains(t, ok.GetHeadersToRemove(), "x-forwarded-email", "Envoy removes after it sets")

	ok = check("")
	assert.NotContains(t, set(ok), "x-forwarded-email")
	assert.Subset(t, ok.GetHeadersToRemove(), []string{"x-forwarded-email", "x_forwarded_email", "x-webauth-user", "x.webauth.user"})
}

// A route's own headers stand in place of the environment's.
func TestClaimHeadersOfRoutes(t *testing.T) {
	t.Parallel()
	const file = `
routes:
  - { match: "/own/*", claim_headers: { X-Own: email } }
  - { match: "/none/*", claim_headers: none }
  - { match: "/*" }
`
	app := &received{}
	s := start(t, app, func(c *settings.Config) {
		parsed, err := routes.Parse("routes.yaml", []byte(file))
		require.NoError(t, err)
		c.Routes, c.ClaimHeaders = parsed, claimHeadersOf(t, "X-Forwarded-Email=email")
	})
	token := sessionToken(t, map[string]any{"email": "jane@example.com"})
	for path, want := range map[string][]string{"/own/x": {"X-Own"}, "/none/x": {}, "/x": {"X-Forwarded-Email"}} {
		s.get(t, path, "Authorization", "Bearer "+token)
		got := []string{}
		for _, name := range []string{"X-Own", "X-Forwarded-Email"} {
			if app.last(t).Header.Get(name) != "" {
				got = append(got, name)
			}
		}
		assert.Equal(t, want, got, path)
	}
}

// What the claims lack comes from Clerk's user, by one call, for verified sessions only.
func TestEnrich(t *testing.T) {
	t.Parallel()
	app, clerk := &received{}, clerktest.NewServer(t, clerktest.Options{Users: []clerktest.User{{
		Email: "jane@example.com", FirstName: "Jane", LastName: "Doe", PublicMetadata: map[string]any{"team": "blue"}, UnsafeMetadata: map[string]any{"team": "red"},
	}}})
	s := start(t, app, func(c *settings.Config) {
		optional(c)
		c.Auth.PublishableKey, c.Auth.SecretKey, c.Auth.JWTKey = clerk.PublishableKey(), clerk.SecretKey(), clerk.JWTKey()
		c.Auth.APIURL, c.Auth.Transport = clerk.URL, nil
		c.ClaimHeaders, c.Enrich = claimHeadersOf(t, personHeaders+", X-Sub=sub"), routes.EnrichUser
	})
	jane := clerk.SignIn("jane@example.com")
	token := clerk.Token(jane.ID, "https://app.example.com")
	s.get(t, "/", "Authorization", "Bearer "+token+"x", "X-Forwarded-Email", "spoofed")
	s.get(t, "/", "X-Forwarded-Email", "spoofed")
	assert.Empty(t, clerk.Calls(), "strangers cause no look-up")
	assert.NotContains(t, app.last(t).Header, "X-Forwarded-Email")
	for range 3 {
		s.get(t, "/", "Authorization", "Bearer "+token)
		h := app.last(t).Header
		assert.Equal(t, []string{"jane@example.com"}, h["X-Forwarded-Email"])
		assert.Equal(t, []string{"Jane Doe"}, h["X-User-Name"])
		assert.Equal(t, []string{"blue"}, h["X-Team"])
		assert.Equal(t, []string{jane.UserID}, h["X-Sub"])
		assert.NotContains(t, h, "X-Groups")
	}
	assert.Len(t, clerk.Calls(), 1)
}

// Clerk's failure is not the application's.
func TestEnrichWithoutClerk(t *testing.T) {
	t.Parallel()
	app := &received{}
	s := start(t, app, func(c *settings.Config) {
		c.Auth.Transport = kit.RoundTripFunc(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })
		c.ClaimHeaders, c.Enrich = claimHeadersOf(t, "X-Forwarded-Email=email, X-Sub=sub"), routes.EnrichUser
	})
	res, _ := s.get(t, "/", "Authorization", "Bearer "+sessionToken(t, nil), "X-Forwarded-Email", "spoofed")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.NotContains(t, app.last(t).Header, "X-Forwarded-Email")
	assert.Equal(t, []string{"user_jane"}, app.last(t).Header["X-Sub"])
	assert.Contains(t, s.log.String(), "user look-up failed")
}
