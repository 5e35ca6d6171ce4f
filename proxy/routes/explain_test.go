package routes

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/middleware"
)

func TestExplainSaysWhy(t *testing.T) {
	t.Parallel()
	table := mustTable(t,
		Route{Match: "/health"},
		Route{Match: "/api/*", Hosts: []string{"api.example.com", "*.eu.example.com"}},
		Route{Match: "/posts/*", Methods: []string{"GET", "HEAD"}},
		Route{Match: "/in/files/*", StripPrefix: "/in", AmbiguousPaths: true},
		Route{Match: "/*"},
	)
	for target, want := range map[string][]Step{
		"/health": {{Applies: true, Why: "the path is this one"}},
		"/health/": {
			{Why: "/health/ is not /health"}, {Why: "the host app.example.com is not api.example.com or *.eu.example.com"},
			{Why: "the method POST is not GET or HEAD"}, {Why: "/health/ is not below /in/files/"},
			{Applies: true, Why: "it is for every path"},
		},
		"/in/files": {
			{Why: "/in/files is not /health"}, {Why: "the host app.example.com is not api.example.com or *.eu.example.com"},
			{Why: "the method POST is not GET or HEAD"}, {Why: "/in/files itself is not below /in/files/"},
			{Applies: true, Why: "it is for every path"},
		},
		"/in/files/a%2fb": {
			{Why: "/in/files/a%2fb is not /health"}, {Why: "the host app.example.com is not api.example.com or *.eu.example.com"},
			{Why: "the method POST is not GET or HEAD"}, {Applies: true, Why: "the path can be read in 2 ways, and all of them lead here"},
		},
		"/in/files/../../in/files/x": {
			{Why: "/in/files/../../in/files/x is not /health"}, {Why: "the host app.example.com is not api.example.com or *.eu.example.com"},
			{Why: "the method POST is not GET or HEAD"}, {Refuses: true, Why: "without /in, some server could read the path as one outside of /in/files/*"},
		},
		"/health;x": {{Refuses: true, Why: "some server could read the path as /health, which is for this route, and another as /health;x, which is not"}},
		"/x//y": {
			{Why: "/x//y is not /health"}, {Why: "the host app.example.com is not api.example.com or *.eu.example.com"},
			{Why: "the method POST is not GET or HEAD"}, {Why: "/x//y is not below /in/files/"},
			{Applies: true, Why: "the path can be read in 2 ways, and all of them lead here"},
		},
		"/%00": nil,
	} {
		steps := table.Explain("POST", "app.example.com", request(t, target))
		for i := range steps {
			assert.Equal(t, table.entries[i].route, steps[i].Route)
			steps[i].Route = nil
		}
		assert.Equal(t, want, steps, target)
	}
	assert.Empty(t, table.Explain("GET", "not a host", &url.URL{Path: "/"}))
}

func TestAsks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		route Route
		want  []string
	}{
		{Route{}, []string{"somebody must be signed in", "signed-out browsers are sent to the sign-in page, programs get 401"}},
		{Route{Require: middleware.Requirement{Scopes: []string{"a", "b"}}, Accepts: []middleware.TokenType{middleware.APIKeyToken}}, []string{
			"somebody must be signed in", "with the scopes a, b", "by api_key", "signed-out browsers are sent to the sign-in page, programs get 401",
		}},
		{Route{Auth: AuthPublic, CSRF: CSRF{Off: true}, Refresh: RefreshAll}, []string{
			"anybody may pass; clerkgate finds out who is signed in", "unsafe requests of other sites pass (csrf: off)",
			"expired sessions are renewed for every method, without the guard (refresh: all)",
		}},
		{Route{Auth: AuthPublic, Refresh: RefreshDocuments}, []string{"anybody may pass; clerkgate finds out who is signed in", "expired sessions are renewed for GET only"}},
		{Route{Auth: AuthPublic, Refresh: RefreshAll}, []string{"anybody may pass; clerkgate finds out who is signed in"}},
		{Route{Auth: AuthPublic}, []string{"anybody may pass; clerkgate finds out who is signed in"}},
		{Route{Auth: AuthNone, Authorization: AuthorizationRemove}, []string{"anybody may pass; requests are not authenticated", "the upstream gets no Authorization header"}},
		{Route{Require: middleware.Requirement{Role: "org:admin", Unauthenticated: middleware.Unauthenticated404}}, []string{"somebody must be signed in", "with the role org:admin", "signed-out requests get 404"}},
		{Route{Require: middleware.Requirement{Unauthenticated: middleware.UnauthenticatedRedirect}, Accepts: []middleware.TokenType{middleware.AnyToken}},
			[]string{"somebody must be signed in", "by a token of any kind", "OAuth clients are told where to get a token (RFC 9728)", "signed-out requests are sent to the sign-in page"}},
		{Route{Require: middleware.Requirement{Unauthenticated: middleware.UnauthenticatedSignUp}}, []string{"somebody must be signed in", "signed-out browsers are sent to the sign-up page, programs get 401"}},
		{Route{Require: middleware.Requirement{UnauthenticatedURL: "/welcome", Plan: "gold", ForbiddenURL: "/pricing"}}, []string{
			"somebody must be signed in", "with the plan gold", "signed-out browsers are sent to /welcome, programs get 401",
			"browsers of people who lack what is required are sent to /pricing, programs get 403",
		}},
		{Route{Auth: AuthPublic, CSRF: CSRF{Off: true}, CORS: &CORS{Origins: []string{"*"}}, Identity: []string{}, Authorization: AuthorizationSession,
			RequestHeaders: map[string]string{"X-B": "planted0secret", "X-A": "2"}}, []string{
			"anybody may pass; clerkgate finds out who is signed in", "pages of * may call", "unsafe requests of other sites pass (csrf: off)",
			"expired sessions are renewed for GET only", "the upstream gets no identity headers", "the upstream gets the session token as Authorization", "the upstream gets X-A, X-B as well",
		}},
	} {
		assert.Equal(t, c.want, c.route.Asks())
	}
}
