package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/proxy/routes"
)

func TestClaimHeaders(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "routes.yaml")
	require.NoError(t, os.WriteFile(file, []byte(`
routes:
  - { match: "/own", claim_headers: { X-Own: sub } }
  - { match: "/none", claim_headers: none }
  - { match: "/*", request_headers: { X-Fixed: value }, keep_headers: [Remote-User] }
`), 0o600))
	email := routes.ClaimHeader{Name: "X-Forwarded-Email", Value: "email"}
	cfg, _, err := load(environment(map[string]string{EnvClaimHeaders: "X-Forwarded-Email=email", EnvConfig: file}))
	require.NoError(t, err)
	list := cfg.AllRoutes()
	assert.Equal(t, []routes.ClaimHeader{{Name: "X-Own", Value: "sub"}}, list[0].ClaimHeaders)
	assert.Empty(t, list[1].ClaimHeaders)
	assert.Equal(t, []routes.ClaimHeader{email}, list[2].ClaimHeaders)
	assert.Nil(t, cfg.Routes.Routes[2].ClaimHeaders, "the file stays as it was read")

	cfg, _, err = load(environment(map[string]string{EnvClaimHeaders: "X-Forwarded-Email=email, ", EnvPublicPaths: "/health"}))
	require.NoError(t, err)
	for _, r := range cfg.AllRoutes() {
		assert.Equal(t, []routes.ClaimHeader{email}, r.ClaimHeaders)
	}

	for name, test := range map[string]struct{ variable, kept, config, where, want string }{
		"reserved":            {"X-Forwarded-Proto=email", "", "", EnvClaimHeaders, `the header "X-Forwarded-Proto"`},
		"twice":               {"X-Email=email, x-email=sub", "", "", EnvClaimHeaders, `the header "X-Email" twice`},
		"kept too":            {"Remote-User=email", "REMOTE_USER", "", EnvKeepHeaders, `the header "REMOTE_USER", which CLERKGATE_CLAIM_HEADERS makes`},
		"kept by a route":     {"Remote-User=email", "", file, EnvClaimHeaders, `the header "Remote-User", which the route in line 5 has in request_headers or keep_headers`},
		"set by a route":      {"X-Fixed=email", "", file, EnvClaimHeaders, `which the route in line 5 has`},
		"more than there may": {strings.Repeat("X-A=a,", 33), "", "", EnvClaimHeaders, "33 headers"},
	} {
		_, _, err := load(environment(map[string]string{EnvClaimHeaders: test.variable, EnvKeepHeaders: test.kept, EnvConfig: test.config}))
		var invalid *Error
		require.ErrorAs(t, err, &invalid, name)
		require.Len(t, invalid.Problems, 1, name)
		assert.Equal(t, test.where, invalid.Problems[0].Where, name)
		assert.Contains(t, invalid.Problems[0].Found, test.want, name)
		assert.NotEmpty(t, invalid.Problems[0].Want, name)
	}
}

func TestEnrich(t *testing.T) {
	t.Parallel()
	cfg, _, err := load(environment(map[string]string{EnvClaimHeaders: "X-Email=email", EnvEnrich: "user", EnvEnrichTTL: "1m"}))
	require.NoError(t, err)
	assert.Equal(t, routes.EnrichUser, cfg.AllRoutes()[0].Enrich)
	assert.Equal(t, time.Minute, cfg.EnrichTTL)
	for name, env := range map[string]map[string]string{
		EnvEnrich:    {EnvEnrich: "user", EnvClaimHeaders: "X-Sub=sub"},
		EnvEnrichTTL: {EnvEnrichTTL: "1m", EnvClaimHeaders: "X-Email=email"},
	} {
		_, _, err := load(environment(env))
		var invalid *Error
		require.ErrorAs(t, err, &invalid, name)
		assert.Equal(t, name, invalid.Problems[0].Where)
	}
}
