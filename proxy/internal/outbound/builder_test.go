package outbound

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/internal/identity"
	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// signedInState is a session with a value for most identity headers.
func signedInState() *middleware.State {
	return &middleware.State{Status: middleware.SignedIn, TokenType: middleware.SessionToken, Auth: &middleware.Auth{
		TokenType: middleware.SessionToken, UserID: "user_3aQm7HnUe5KdT1gBx4ZwPvRoC6L", SessionID: "sess_3aQm8XcVtb2LpR9dWz7YkEfHs1J",
		OrgID: "org_3aQm5TpWk1HbZ6cMy8RnSeJgA4U", OrgSlug: "acme", OrgRole: "org:admin",
	}}
}

// ordinary returns a Builder for the route of a sidecar without a routes file, a request
// that nobody authenticated, and the same request with an identity.
func ordinary() (b *Builder, unknown, known *Request) {
	origins := origin.New(nil)
	in := httptest.NewRequest(http.MethodGet, "https://app.example.com/api/items", nil)
	in.Header = http.Header{
		"User-Agent": {"bench"}, "Accept": {"application/json"}, "Accept-Language": {"en-GB"}, "Accept-Encoding": {"gzip"},
		"Authorization": {"Bearer token"},
	}
	unknown = &Request{In: in, Public: origins.Public(in)}
	known = &Request{In: in, Public: unknown.Public, State: signedInState()}
	return New(Options{Route: &routes.Route{}, CookieSuffix: "AbCdEfGh", Filter: wire.NewFilter(nil, nil), Origins: origins}), unknown, known
}

func TestIdentityHeadersAllocateLittle(t *testing.T) {
	b, unknown, known := ordinary()
	assert.Len(t, b.Header(known), len(b.Header(unknown))+7)
	without := testing.AllocsPerRun(200, func() { b.Header(unknown) })
	with := testing.AllocsPerRun(200, func() { b.Header(known) })
	assert.LessOrEqual(t, with-without, 6.0)
}

func TestHeaderOfAGatewayIsThatOfTheRoute(t *testing.T) {
	t.Parallel()
	_, _, known := ordinary()
	known.In.Header = http.Header{
		"X-Http-Method-Override": {"DELETE"}, "X_clerk_user_id": {"user_evil"}, "X-Environment": {"evil"}, "Authorization": {"Basic x"},
		"X-Kept": {"1"}, "Cookie": {"__refresh_AbCdEfGh=secret; a=1"},
	}
	route := &routes.Route{Authorization: routes.AuthorizationRemove, Identity: []string{"user_id"}, StripPrefix: "/api", RequestHeaders: map[string]string{"X-Environment": "production"}}
	got := New(Options{Route: route, Filter: wire.NewFilter(nil, nil), Origins: origin.New(nil)}).Header(known)
	delete(got, "User-Agent")
	assert.Equal(t, http.Header{
		"X-Http-Method-Override": {""}, "X-Environment": {"production"}, "X-Kept": {"1"}, "Cookie": {"a=1"},
		"X-Forwarded-For": {"192.0.2.1"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"app.example.com"}, "X-Forwarded-Port": {"443"},
		"X-Forwarded-Prefix": {"/api"}, "X-Real-Ip": {"192.0.2.1"},
		identity.Status: {"signed-in"}, "X-Clerk-User-Id": {"user_3aQm7HnUe5KdT1gBx4ZwPvRoC6L"},
	}, got)
}

func BenchmarkHeader(b *testing.B) {
	builder, unknown, known := ordinary()
	for name, req := range map[string]*Request{"unknown": unknown, "identity": known} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				builder.Header(req)
			}
		})
	}
}
