package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	name := routesFile(t, sidecarRoutes)
	for request, want := range map[[2]string]string{
		{"GET", "https://app.example.com/admin/users?page=2"}: `GET https://app.example.com/admin/users?page=2

Applies: line 5, /admin/*
  because /admin/users is below /admin/
  - somebody must be signed in
  - with the permission org:admin:access
  - with the reverification strict
  - signed-out browsers are sent to the sign-in page, programs get 401
  - the upstream gets the path without /admin
  - it goes to admin as /users

Passed over
  line 3  /assets/*  /admin/users is not below /assets/
  line 4  /api/*     /admin/users is not below /api/
`,
		{"GET", "/assets/app.js"}: `GET /assets/app.js

Applies: line 3, /assets/*
  because /assets/app.js is below /assets/
  - anybody may pass; clerkgate finds out who is signed in
  - it goes to app as /assets/app.js
`,
		{"POST", "https://app.example.com/assets/..;/admin/users"}: `POST https://app.example.com/assets/..;/admin/users

400: the path can be read in more than one way
  line 3, /assets/*: some server could read the path as /assets/..;/admin/users, which is for this route, and another as /admin/users, which is not
`,
		{"GET", "https://app.example.com/a%2fb"}: `GET https://app.example.com/a%2fb

400: the path can be read in more than one way
  line 6, /*: the path has no canonical form, and the route in line 4 asks for what this one does not; ambiguous_paths: true would let it pass

Passed over
  line 3  /assets/*  /a%2fb is not below /assets/
  line 4  /api/*     /a%2fb is not below /api/
  line 5  /admin/*   /a%2fb is not below /admin/
`,
		{"GET", "https://app.example.com/a%0ab"}: `GET https://app.example.com/a%0ab

400: the path can be read in more than one way
  it has a control character, a bad escape, or escapes within escapes; no route allows that
`,
		{"GET", "https://app.example.com/%zz"}: `GET https://app.example.com/%zz

400: the path has the bad escape "%zz"
`,
	} {
		code, stdout, stderr := invoke(t.Context(), nil, "explain", request[0], request[1], name)
		assert.Equal(t, 0, code)
		assert.Empty(t, stderr)
		assert.Equal(t, want, stdout)
	}
}

// The environment may say how expired sessions are refreshed.
func TestExplainKnowsTheRefreshSetting(t *testing.T) {
	t.Parallel()
	name := routesFile(t, `routes:
  - { match: /own, refresh: auto }
  - { match: "/*" }
`)
	environment := func(value string) map[string]string {
		return map[string]string{
			"CLERK_PUBLISHABLE_KEY": "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k", "CLERK_SECRET_KEY": "sk_test_planted0secret",
			"CLERKGATE_UPSTREAM": "http://127.0.0.1:3000", "CLERKGATE_REFRESH": value,
		}
	}
	const forGet = "expired sessions are renewed for GET only"
	for value, told := range map[string]bool{"": false, "auto": false, "documents": true, "all": false} {
		_, stdout, _ := invoke(t.Context(), environment(value), "explain", "/x", name)
		assert.Contains(t, stdout, "Applies")
		assert.Equal(t, told, strings.Contains(stdout, forGet), "%s: %s", value, stdout)
		_, stdout, _ = invoke(t.Context(), environment(value), "explain", "/own", name)
		assert.NotContains(t, stdout, forGet, value)
	}
	for _, command := range [][]string{{"explain", "/x", name}, {"check", name}} {
		code, _, stderr := invoke(t.Context(), environment("document"), command...)
		assert.Equal(t, 2, code)
		assert.Contains(t, stderr, "  CLERKGATE_REFRESH\n    found     \"document\"\n    expected  auto, documents or all\n")
	}
}

func TestExplainByHostAndMethod(t *testing.T) {
	t.Parallel()
	env := map[string]string{"CLERKGATE_CONFIG": routesFile(t, `routes:
  - { name: api, match: "/*", hosts: [api.example.com], methods: [GET, HEAD] }
  - { match: /health, auth: none }
`)}
	for target, want := range map[string]string{
		"https://API.example.com/x":    "Applies: \"api\", line 2, /*\n  because it is for every path\n",
		"https://www.example.com/x":    "404: no route applies\n\nPassed over\n  line 2  /*       the host www.example.com is not api.example.com\n  line 3  /health  /x is not /health\n",
		"https://[::1]/health":         "  - anybody may pass; requests are not authenticated\n  - it goes to CLERKGATE_UPSTREAM as /health\n",
		"https://api.example.com../x":  "400: the host is not a valid name or address\n",
		"/x":                           "400: some routes are for single hosts; give the URL with its host\n",
		"https://api.example.com#frag": "because it is for every path\n",
	} {
		code, stdout, stderr := invoke(t.Context(), env, "explain", target)
		assert.Equal(t, 0, code, stderr)
		assert.Contains(t, stdout, want)
	}
	_, stdout, _ := invoke(t.Context(), env, "explain", "POST", "https://api.example.com/x")
	assert.Contains(t, stdout, "line 2  /*       the method POST is not GET or HEAD\n")
}

func TestExplainMetadataOfAnOAuthResource(t *testing.T) {
	t.Parallel()
	env := map[string]string{"CLERKGATE_CONFIG": routesFile(t, `routes:
  - { match: /mcp, accepts: [oauth_token] }
  - { match: "/*" }
`)}
	for target, want := range map[string]string{
		"/.well-known/oauth-protected-resource/mcp":  "clerkgate itself tells OAuth clients about /mcp (RFC 9728), the resource of\n  line 2, /mcp\n",
		"/.well-known/oauth-protected-resource/page": "Applies: line 3, /*\n",
		"/mcp": "  - OAuth clients are told where to get a token (RFC 9728)\n",
	} {
		code, stdout, stderr := invoke(t.Context(), env, "explain", target)
		assert.Equal(t, 0, code, stderr)
		assert.Contains(t, stdout, want)
	}
}

func TestExplainWithoutARoutesFile(t *testing.T) {
	t.Parallel()
	keys := map[string]string{"CLERK_PUBLISHABLE_KEY": "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k", "CLERK_SECRET_KEY": "sk_test_planted0secret", "CLERKGATE_UPSTREAM": "http://127.0.0.1:3000"}
	for name, test := range map[string]struct {
		env    map[string]string
		method string
		url    string
		want   string
	}{
		"one rule, and any path": {nil, "GET", "/a/..;/b", `Applies: /*
  because it is for every path
  - somebody must be signed in
  - signed-out browsers are sent to the sign-in page, programs get 401
  - it goes to CLERKGATE_UPSTREAM as /a/..;/b
`},
		"a public path": {map[string]string{"CLERKGATE_PUBLIC_PATHS": "/health,/assets/*"}, "GET", "https://app.example.com/assets/app.js", `Applies: /assets/*
  because /assets/app.js is below /assets/
  - anybody may pass; clerkgate finds out who is signed in
  - it goes to CLERKGATE_UPSTREAM as /assets/app.js

Passed over
  /health  /assets/app.js is not /health
`},
		"an ambiguous path": {map[string]string{"CLERKGATE_PUBLIC_PATHS": "/assets/*"}, "GET", "/assets/..;/admin", `400: the path can be read in more than one way
  /assets/*: some server could read the path as /assets/..;/admin, which is for this route, and another as /admin, which is not
`},
		"other tokens": {map[string]string{"CLERKGATE_ACCEPTS_TOKEN": "session_token,oauth_token", "CLERKGATE_POLICY": "optional"}, "GET", "/", `Applies: /*
  because it is for every path
  - anybody may pass; clerkgate finds out who is signed in
  - by session_token or oauth_token
  - OAuth clients are told where to get a token (RFC 9728)
  - it goes to CLERKGATE_UPSTREAM as /
`},
		"metadata of an OAuth resource": {map[string]string{"CLERKGATE_ACCEPTS_TOKEN": "oauth_token"}, "GET", "/.well-known/oauth-protected-resource/mcp", `clerkgate itself tells OAuth clients about /mcp (RFC 9728), the resource of
  /*
`},
		"gateways only": {map[string]string{"CLERKGATE_UPSTREAM": "none", "CLERKGATE_TRUSTED_PROXIES": "127.0.0.1"}, "GET", "/x", `Applies: /*
  because it is for every path
  - somebody must be signed in
  - signed-out browsers are sent to the sign-in page, programs get 401
  - it gets 404: there is no application, only gateways are answered
`},
		"a gateway's question": {map[string]string{"CLERKGATE_UPSTREAM": "none", "CLERKGATE_TRUSTED_PROXIES": "127.0.0.1"}, "GET", "/.clerkgate/auth", `clerkgate itself answers gateways, which ask at /.clerkgate/auth
`},
		"signing out":           {nil, "GET", "/.clerkgate/sign-out", "clerkgate itself shows a page with a button to sign out\n"},
		"the button":            {map[string]string{"CLERKGATE_AFTER_SIGN_OUT_URL": "/bye"}, "POST", "/.clerkgate/sign-out?x", "clerkgate itself signs the user out, and sends the browser to /bye\n"},
		"another method":        {nil, "PUT", "/.clerkgate/sign-out", "405: signing out takes GET, HEAD and POST\n"},
		"signing out elsewhere": {map[string]string{"CLERKGATE_SIGN_OUT_PATH": "/bye"}, "GET", "/bye", "clerkgate itself shows a page with a button to sign out\n"},
		"TRACE":                 {nil, "TRACE", "/", "405: clerkgate itself refuses the method TRACE\n"},
		"the Frontend API":      {map[string]string{"CLERK_PROXY_URL": "/__clerk"}, "GET", "/__clerk/v1/client", "clerkgate itself passes it on to Clerk's Frontend API, which is at /__clerk\n"},
		"an unclear path there": {map[string]string{"CLERK_PROXY_URL": "/__clerk"}, "GET", "/__clerk/../x", "400: the path can be read in more than one way\n  it begins with the path of Clerk's Frontend API, /__clerk\n"},
		"the Frontend API's host": {map[string]string{"CLERK_PROXY_URL": "https://app.example.com/__clerk"}, "GET", "https://www.example.com/__clerk/v1", `Applies: /*
  because it is for every path
  - somebody must be signed in
  - signed-out browsers are sent to the sign-in page, programs get 401
  - it goes to CLERKGATE_UPSTREAM as /__clerk/v1
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := maps.Clone(keys)
			maps.Copy(env, test.env)
			code, stdout, stderr := invoke(t.Context(), env, "explain", test.method, test.url)
			assert.Equal(t, 0, code, stderr)
			assert.Equal(t, test.method+" "+test.url+"\n\n"+test.want, stdout)
		})
	}
}

func TestExplainReadsBothFileAndEnvironment(t *testing.T) {
	t.Parallel()
	name := routesFile(t, `routes:
  - { match: /health, auth: none }
  - { match: "/*" }
`)
	variables := filepath.Join(t.TempDir(), "clerkgate.env")
	require.NoError(t, os.WriteFile(variables, []byte("CLERK_PUBLISHABLE_KEY=pk_test_Y2xlcmsuZXhhbXBsZS5jb20k\nCLERK_SECRET_KEY=sk_test_planted0secret\n"+
		"CLERKGATE_UPSTREAM=http://127.0.0.1:3000\nCLERKGATE_ACCEPTS_TOKEN=api_key\n"), 0o600))
	code, stdout, stderr := invoke(t.Context(), nil, "explain", "--env-file", variables, "/x", name)
	assert.Equal(t, 0, code, stderr)
	assert.Contains(t, stdout, "Applies: line 3, /*\n  because it is for every path\n  - somebody must be signed in\n  - by api_key\n")
	_, stdout, _ = invoke(t.Context(), nil, "explain", "--env-file", variables, "/health", name)
	assert.Contains(t, stdout, "  - anybody may pass; requests are not authenticated\n  - it goes to")

	code, stdout, stderr = invoke(t.Context(), map[string]string{"CLERKGATE_POLICY": "some"}, "explain", "/x")
	assert.Equal(t, 2, code, "such a clerkgate would not start")
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "CLERKGATE_POLICY\n    found     \"some\"")
}

func TestExplainMisused(t *testing.T) {
	t.Parallel()
	broken := routesFile(t, "routes: []")
	for want, args := range map[string][]string{
		"explain needs a method and a URL":       {"GET"},
		"explain needs a routes file":            {"GET", "/x"},
		"neither http(s)://host/path nor a path": {"GET", "ftp://a/b", broken},
		"is not a URL: invalid port":             {"https://a:b/", broken},
		"explain takes one file":                 {"GET", "/x", broken, broken},
		broken + ":1:9: routes: found no routes": {"GET", "/x", broken},
		"no such file":                           {"GET", "/x", broken + ".missing"},
	} {
		code, stdout, stderr := invoke(t.Context(), nil, append([]string{"explain"}, args...)...)
		assert.Equal(t, 2, code, args)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, want)
	}
}

// The headers and the look-up of the environment count for routes that name none.
func TestExplainClaimHeadersOfTheEnvironment(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"CLERK_PUBLISHABLE_KEY": "pk_test_Y2xlcmsuZXhhbXBsZS5jb20k", "CLERK_SECRET_KEY": "sk_test_planted0secret",
		"CLERKGATE_UPSTREAM": "http://127.0.0.1:3000", "CLERKGATE_CLAIM_HEADERS": "X-Forwarded-Email=email", "CLERKGATE_ENRICH": "user",
	}
	const made, enriched = "  - the upstream gets of the session's claims X-Forwarded-Email (email)\n", "  - what the claims lack is taken from Clerk's user\n"
	_, stdout, stderr := invoke(t.Context(), env, "explain", "/x")
	assert.Contains(t, stdout, made+enriched, stderr)

	name := routesFile(t, `routes:
  - { match: /own, claim_headers: { X-WEBAUTH-USER: username }, enrich: none }
  - { match: /none, claim_headers: none }
  - { match: "/*" }
`)
	_, stdout, stderr = invoke(t.Context(), env, "explain", "/x", name)
	assert.Contains(t, stdout, made+enriched, stderr)
	_, stdout, stderr = invoke(t.Context(), env, "explain", "/own", name)
	assert.Contains(t, stdout, "  - the upstream gets of the session's claims X-Webauth-User (username)\n", stderr)
	assert.NotContains(t, stdout, enriched)
	_, stdout, stderr = invoke(t.Context(), env, "explain", "/none", name)
	assert.Contains(t, stdout, "Applies: line 3, /none\n", stderr)
	assert.NotContains(t, stdout, "claims")
}
