package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const sidecarRoutes = `upstreams: { app: http://127.0.0.1:3000, admin: unix:/run/admin.sock }
routes:
  - { match: "/assets/*", auth: public, upstream: app }
  - { match: "/api/*", unauthenticated: "401", accepts: [session_token, api_key], upstream: app }
  - { match: "/admin/*", require: { permission: "org:admin:access", reverification: strict }, upstream: admin, strip_prefix: /admin }
  - { match: "/*", upstream: app }
`

// routesFile writes a routes file for one test.
func routesFile(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "clerkgate.yaml")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

func TestCheckTheFileAlone(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := invoke(t.Context(), nil, "check", routesFile(t, sidecarRoutes))
	assert.Equal(t, 0, code)
	assert.Empty(t, stderr)
	assert.Equal(t, `ok: 4 routes, 2 upstreams
Only the file was checked: the environment has no variables of clerkgate.

  LINE  MATCH      HOSTS  METHODS  NEEDS                                 UPSTREAM
  3     /assets/*  any    any      public                                app
  4     /api/*     any    any      required                              app
  5     /admin/*   any    any      required + org:admin:access + strict  admin
  6     /*         any    any      required                              app
`, stdout)
}

func TestCheckWithTheEnvironment(t *testing.T) {
	t.Parallel()
	env := serveEnvironment()
	env["CLERKGATE_CONFIG"] = routesFile(t, sidecarRoutes)
	env["CLERKGATE_AUTHORIZED_PARTIES"] = "https://app.example.com"
	code, stdout, stderr := invoke(t.Context(), env, "check")
	assert.Equal(t, 0, code, stderr)
	assert.Empty(t, stderr)
	assert.Contains(t, stdout, "ok: 4 routes, 2 upstreams\n\n")

	t.Run("a file of the arguments wins", func(t *testing.T) {
		t.Parallel()
		code, stdout, _ := invoke(t.Context(), env, "check", routesFile(t, `routes: [{ match: "/*" }]`))
		assert.Equal(t, 0, code)
		assert.Contains(t, stdout, "ok: 1 route, 0 upstreams\n")
		assert.Contains(t, stdout, "CLERKGATE_UPSTREAM")
	})
	t.Run("without a file", func(t *testing.T) {
		t.Parallel()
		code, stdout, _ := invoke(t.Context(), serveEnvironment(), "check")
		assert.Equal(t, 0, code)
		assert.Equal(t, "ok: the environment; it names no routes file\n", stdout)
	})
}

// TestCheckTellsEverything: problems of the file and of the environment are reported
// together, each once.
func TestCheckTellsEverything(t *testing.T) {
	t.Parallel()
	name := routesFile(t, "routes:\n  - { match: /a*, auht: public }\n")
	env := serveEnvironment()
	env["CLERK_SECRET_KEY"] = "sk_test_planted0secret"
	code, stdout, stderr := invoke(t.Context(), env, "check", name)
	assert.Equal(t, 2, code)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "clerkgate: the routes file has 2 problems\n"+
		name+`:2:14: routes[0].match: found "/a*", which has a * that is not a whole segment at the end; expected an exact path such as "/health", "/prefix/*" for all below, or "/*"`+"\n"+
		name+`:2:19: routes[0].auht: found the key "auht". Did you mean auth?`+"\n")
	assert.Contains(t, stderr, "clerkgate: the configuration has 1 problem\n\n  CLERK_SECRET_KEY\n")
	assert.NotContains(t, stderr, "planted0secret")
}

func TestCheckTellsOfAMissingFileOnce(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := invoke(t.Context(), serveEnvironment(), "check", filepath.Join(t.TempDir(), "missing.yaml"))
	assert.Equal(t, 2, code)
	assert.Empty(t, stdout)
	assert.Equal(t, 1, strings.Count(stderr, "no such file"), stderr)
}

// TestCheckOpensWhatTheFileNames: a missing file is found before the start.
func TestCheckOpensWhatTheFileNames(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"certificate authority": "upstreams: { app: { url: https://127.0.0.1:1, ca_file: missing.pem } }\nroutes: [{ match: /*, upstream: app }]\n",
		"assertion key":         "assertion: { key_files: [missing.pem] }\nroutes: [{ match: /*, audience: billing }]\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := invoke(t.Context(), serveEnvironment(), "check", routesFile(t, text))
			assert.Equal(t, 2, code)
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, "missing.pem")
		})
	}
}

func TestCheckMisused(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"check needs a routes file": {"check"},
		"check takes one file":      {"check", "a.yaml", "b.yaml"},
		"check has no flag -v":      {"check", "-v"},
		"no such file":              {"check", filepath.Join(t.TempDir(), "missing.yaml")},
	} {
		code, stdout, stderr := invoke(t.Context(), nil, args...)
		assert.Equal(t, 2, code, args)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, want)
	}
}
