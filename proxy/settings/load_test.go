package settings

import (
	"encoding/base64"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/middleware"
)

// environment is a working configuration that tests change.
func environment(changes map[string]string) map[string]string {
	env := map[string]string{
		"CLERK_PUBLISHABLE_KEY": kit.PublishableKey("test", "mock-emulator-13.clerk.accounts.dev"),
		"CLERK_SECRET_KEY":      "sk_test_planted0secret",
		"CLERKGATE_UPSTREAM":    "http://127.0.0.1:3000",
	}
	for name, value := range changes {
		env[name] = value
	}
	return env
}

func load(env map[string]string) (Config, []Warning, error) {
	var environ []string
	for name, value := range env {
		environ = append(environ, name+"="+value)
	}
	return Load(func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}, environ)
}

func problems(t testing.TB, err error) map[string]Problem {
	t.Helper()
	var invalid *Error
	require.ErrorAs(t, err, &invalid)
	byName := make(map[string]Problem)
	for _, p := range invalid.Problems {
		assert.NotContains(t, byName, p.Where, "one problem per variable")
		assert.NotEmpty(t, p.Want)
		byName[p.Where] = p
	}
	return byName
}

func TestLoadDefaults(t *testing.T) {
	t.Parallel()
	cfg, warnings, err := load(environment(nil))
	require.NoError(t, err)
	assert.Empty(t, warnings)
	assert.Equal(t, []string{":8080"}, cfg.Listen)
	assert.Equal(t, []string{"127.0.0.1:9090"}, cfg.AdminListen)
	assert.Equal(t, PolicyRequired, cfg.Policy)
	assert.Equal(t, "text", cfg.LogFormat)
	assert.Equal(t, "INFO", cfg.LogLevel.String())
	assert.Equal(t, middleware.LookupOff, cfg.Auth.SessionLookup)
	assert.Empty(t, cfg.Auth.TrustedProxies)
}

func TestLoadValues(t *testing.T) {
	t.Parallel()
	key := testPEM(t)
	cfg, _, err := load(environment(map[string]string{
		"CLERK_JWT_KEY":                       strings.ReplaceAll(key, "\n", `\n`),
		"CLERK_API_URL":                       "http://127.0.0.1:8090",
		"CLERK_PROXY_URL":                     "/__clerk",
		"CLERK_FAPI_URL":                      "http://127.0.0.1:8090/",
		"CLERKGATE_POLICY":                    "required",
		"CLERKGATE_PUBLIC_PATHS":              "/health, /assets/*",
		"CLERKGATE_TRUSTED_PROXIES":           "10.1.2.3/8, 192.0.2.7, ::ffff:172.16.0.0/108",
		"CLERKGATE_ACCEPTS_TOKEN":             "session_token,api_key",
		"CLERKGATE_ORGANIZATION_PATTERNS":     "/orgs/:slug",
		"CLERKGATE_PERSONAL_ACCOUNT_PATTERNS": "/me",
		"CLERKGATE_CLOCK_SKEW":                "7s",
		"CLERKGATE_TOKEN_CACHE_SIZE":          "5",
		"CLERKGATE_BACKEND_RATE_LIMIT":        "250",
		"CLERKGATE_SESSION_LOOKUP":            "cached",
		"CLERKGATE_SESSION_LOOKUP_TTL":        "3s",
		"CLERKGATE_LOG_LEVEL":                 "debug",
		"CLERKGATE_LOG_FORMAT":                "json",
		"CLERKGATE_LISTEN":                    "", // set to nothing is not set
	}))
	require.NoError(t, err)
	assert.Equal(t, key, cfg.Auth.JWTKey)
	assert.Equal(t, 250, cfg.Auth.BackendRateLimit)
	assert.Equal(t, "http://127.0.0.1:8090", cfg.FrontendAPI.String())
	assert.Equal(t, []string{"/health", "/assets/*"}, cfg.PublicPaths)
	assert.Equal(t, []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("172.16.0.0/12"),
	}, cfg.Auth.TrustedProxies)
	assert.Equal(t, []middleware.TokenType{middleware.SessionToken, middleware.APIKeyToken}, cfg.Auth.AcceptsToken)
	assert.Equal(t, []string{"/orgs/:slug"}, cfg.Auth.OrganizationPatterns)
	assert.Equal(t, 7*time.Second, cfg.Auth.ClockSkew)
	assert.Equal(t, 5, cfg.Auth.TokenCacheSize)
	assert.Equal(t, middleware.LookupCached, cfg.Auth.SessionLookup)
	assert.Equal(t, 3*time.Second, cfg.Auth.SessionLookupTTL)
	assert.Equal(t, "DEBUG", cfg.LogLevel.String())
	assert.Equal(t, []string{":8080"}, cfg.Listen)
}

func TestLoadEmptyEnvironment(t *testing.T) {
	t.Parallel()
	_, _, err := load(nil)
	found := problems(t, err)
	assert.Len(t, found, 3)
	for _, name := range []string{"CLERK_PUBLISHABLE_KEY", "CLERK_SECRET_KEY", "CLERKGATE_UPSTREAM"} {
		assert.Equal(t, "nothing", found[name].Found, name)
		assert.Contains(t, err.Error(), name)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ variable, value string }{
		"publishable key, other kind":   {"CLERK_PUBLISHABLE_KEY", "sk_test_planted0secret"},
		"publishable key, not base64":   {"CLERK_PUBLISHABLE_KEY", "pk_test_!!!"},
		"publishable key, no dollar":    {"CLERK_PUBLISHABLE_KEY", "pk_test_" + base64.StdEncoding.EncodeToString([]byte("clerk.example.com"))},
		"publishable key, no dot":       {"CLERK_PUBLISHABLE_KEY", kit.PublishableKey("test", "localhost")},
		"publishable key, a path":       {"CLERK_PUBLISHABLE_KEY", kit.PublishableKey("test", "clerk.example.com/x")},
		"secret key, other kind":        {"CLERK_SECRET_KEY", "pk_test_planted0secret"},
		"secret key, other instance":    {"CLERK_SECRET_KEY", "sk_live_planted0secret"},
		"secret key, only the prefix":   {"CLERK_SECRET_KEY", "sk_test_"},
		"PEM":                           {"CLERK_JWT_KEY", "planted0secret"},
		"API URL":                       {"CLERK_API_URL", "api.clerk.com"},
		"API URL, password":             {"CLERK_API_URL", "https://u:planted0secret@api.clerk.com"},
		"FAPI URL, path":                {"CLERK_FAPI_URL", "https://clerk.example.com/v1"},
		"FAPI URL, scheme":              {"CLERK_FAPI_URL", "ftp://clerk.example.com"},
		"proxy URL, root":               {"CLERK_PROXY_URL", "/"},
		"proxy URL, other host":         {"CLERK_PROXY_URL", "//evil.example/__clerk"},
		"proxy URL, dots":               {"CLERK_PROXY_URL", "/a/../__clerk"},
		"proxy URL, query":              {"CLERK_PROXY_URL", "/__clerk?x=1"},
		"satellite, not a bool":         {"CLERK_IS_SATELLITE", "yes please"},
		"auto sync without satellite":   {"CLERK_SATELLITE_AUTO_SYNC", "true"},
		"webhook secret":                {"CLERK_WEBHOOK_SIGNING_SECRET", "whsec_planted0secret"},
		"webhook path, relative":        {"CLERKGATE_WEBHOOK_PATH", "hook"},
		"config file, later":            {"CLERKGATE_CONFIG", "clerkgate.yaml"},
		"refresh, no such word":         {"CLERKGATE_REFRESH", "every"},
		"upstream, no scheme":           {"CLERKGATE_UPSTREAM", "127.0.0.1:3000"},
		"upstream, path":                {"CLERKGATE_UPSTREAM", "http://127.0.0.1:3000/app"},
		"upstream, password":            {"CLERKGATE_UPSTREAM", "http://u:planted0secret@127.0.0.1"},
		"upstream, relative socket":     {"CLERKGATE_UPSTREAM", "unix:app.sock"},
		"listen":                        {"CLERKGATE_LISTEN", "8080"},
		"listen, port":                  {"CLERKGATE_LISTEN", ":99999"},
		"admin on the public address":   {"CLERKGATE_ADMIN_LISTEN", ":8080"},
		"policy":                        {"CLERKGATE_POLICY", "none"},
		"public paths, relative":        {"CLERKGATE_PUBLIC_PATHS", "health"},
		"public paths, star inside":     {"CLERKGATE_PUBLIC_PATHS", "/a*/b"},
		"public paths, dot segments":    {"CLERKGATE_PUBLIC_PATHS", "/a/../b"},
		"public paths, encoded slash":   {"CLERKGATE_PUBLIC_PATHS", "/a%2fb"},
		"skew":                          {"CLERKGATE_CLOCK_SKEW", "5"},
		"skew, negative":                {"CLERKGATE_CLOCK_SKEW", "-5s"},
		"trusted proxies":               {"CLERKGATE_TRUSTED_PROXIES", "10.0.0.0/40"},
		"trusted proxies, name":         {"CLERKGATE_TRUSTED_PROXIES", "loadbalancer"},
		"token type":                    {"CLERKGATE_ACCEPTS_TOKEN", "cookie"},
		"any beside another":            {"CLERKGATE_ACCEPTS_TOKEN", "any,api_key"},
		"organization pattern":          {"CLERKGATE_ORGANIZATION_PATTERNS", "/orgs/:slug("},
		"cache size":                    {"CLERKGATE_TOKEN_CACHE_SIZE", "0"},
		"rate limit":                    {"CLERKGATE_BACKEND_RATE_LIMIT", "0"},
		"look-up":                       {"CLERKGATE_SESSION_LOOKUP", "always"},
		"look-up time without look-ups": {"CLERKGATE_SESSION_LOOKUP_TTL", "1s"},
		"log level":                     {"CLERKGATE_LOG_LEVEL", "loud"},
		"log format":                    {"CLERKGATE_LOG_FORMAT", "xml"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := load(environment(map[string]string{test.variable: test.value}))
			found := problems(t, err)
			assert.Contains(t, found, test.variable)
			assert.NotContains(t, err.Error(), "planted0secret")
		})
	}
}

func TestLoadListsEveryProblem(t *testing.T) {
	t.Parallel()
	_, _, err := load(map[string]string{
		"CLERK_PUBLISHABLE_KEY": "x", "CLERKGATE_POLICY": "y", "CLERKGATE_LOG_LEVEL": "z", "CLERKGATE_LISTEN": "?",
	})
	assert.Len(t, problems(t, err), 6)
}

func TestLoadWarnsOfUnknownNames(t *testing.T) {
	t.Parallel()
	_, warnings, err := load(environment(map[string]string{
		"CLERKGATE_UPSTREM": "planted0secret", "CLERK_SECRETKEY": "planted0secret", "PATH": "/bin",
	}))
	require.NoError(t, err)
	require.Len(t, warnings, 2)
	for _, w := range warnings {
		assert.NotContains(t, w.String(), "planted0secret")
		if w.Variable == "CLERKGATE_UPSTREM" {
			assert.Contains(t, w.Message, "did you mean CLERKGATE_UPSTREAM?")
		} else {
			assert.Contains(t, w.Message, "did you mean CLERK_SECRET_KEY?")
		}
	}
}

func TestLoadWarnsOfOpenProduction(t *testing.T) {
	t.Parallel()
	live := map[string]string{"CLERK_PUBLISHABLE_KEY": kit.PublishableKey("live", "clerk.example.com"), "CLERK_SECRET_KEY": "sk_live_planted0secret"}
	_, warnings, err := load(environment(live))
	require.NoError(t, err)
	require.Len(t, warnings, 1)
	assert.Equal(t, "CLERKGATE_AUTHORIZED_PARTIES", warnings[0].Variable)
	live["CLERKGATE_AUTHORIZED_PARTIES"] = "https://app.example.com"
	_, warnings, err = load(environment(live))
	require.NoError(t, err)
	assert.Empty(t, warnings)
}

func TestLoadTranslatesTheMiddleware(t *testing.T) {
	t.Parallel()
	_, _, err := load(environment(map[string]string{"CLERK_IS_SATELLITE": "true"}))
	found := problems(t, err)
	assert.Equal(t, Problem{Where: "CLERK_DOMAIN", Found: "nothing", Want: "the satellite's own domain, or a proxy URL"}, found["CLERK_DOMAIN"])
	assert.Contains(t, found, "CLERK_SIGN_IN_URL")
}

func TestServerOptionsAreRead(t *testing.T) {
	t.Parallel()
	cfg, _, err := load(environment(map[string]string{
		"CLERKGATE_READ_HEADER_TIMEOUT": "1s", "CLERKGATE_BODY_IDLE_TIMEOUT": "2s", "CLERKGATE_IDLE_TIMEOUT": "3s", "CLERKGATE_SHUTDOWN_TIMEOUT": "4s",
		"CLERKGATE_MAX_HEADER_BYTES": "8KiB", "CLERKGATE_MAX_BODY_BYTES": "10 MiB", "CLERKGATE_MAX_CONNECTIONS": "5", "CLERKGATE_MAX_STREAMS": "6", EnvH2C: "true",
		"CLERKGATE_UPSTREAM_CONNECT_TIMEOUT": "7s", "CLERKGATE_UPSTREAM_TIMEOUT": "8s", EnvUpstreamProtocol: "h2c", "CLERKGATE_UPSTREAM_TRANSPORT": "direct",
	}))
	require.NoError(t, err)
	assert.Equal(t, Limits{time.Second, 2 * time.Second, 3 * time.Second, 8 << 10, 10 << 20, 5, 6}, cfg.Limits)
	assert.Equal(t, 4*time.Second, cfg.ShutdownTimeout)
	assert.True(t, cfg.H2C)
	up := cfg.AllUpstreams()[""]
	assert.Equal(t, 7*time.Second, up.ConnectTimeout)
	assert.Equal(t, 8*time.Second, up.ResponseTimeout)
	assert.Equal(t, "h2c", string(up.Protocol))
	assert.Equal(t, TransportDirect, cfg.UpstreamTransport)
}

func TestLimitsDefaults(t *testing.T) {
	t.Parallel()
	want := Limits{
		ReadHeaderTimeout: 10 * time.Second, BodyIdleTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, MaxStreams: 250,
	}
	assert.Equal(t, want, Config{}.WithDefaults().Limits)
	assert.Equal(t, want, Config{Limits: Limits{MaxBodyBytes: -1, MaxConnections: -1, IdleTimeout: -1}}.WithDefaults().Limits)
	own := Limits{1, 2, 3, 4, 5, 6, 7}
	assert.Equal(t, own, Config{Limits: own}.WithDefaults().Limits)
}

func TestFrontendOrigin(t *testing.T) {
	t.Parallel()
	own, err := url.Parse("http://127.0.0.1:8090")
	require.NoError(t, err)
	for name, test := range map[string]struct {
		cfg  Config
		want string
	}{
		"development": {configWithKey(kit.PublishableKey("test", "x-y-13.clerk.accounts.dev")), "https://x-y-13.clerk.accounts.dev"},
		"production":  {configWithKey(kit.PublishableKey("live", "clerk.example.com")), "https://frontend-api.clerk.dev"},
		"configured":  {Config{FrontendAPI: own}, "http://127.0.0.1:8090"},
	} {
		assert.Equal(t, test.want, test.cfg.FrontendOrigin().String(), name)
	}
}

func configWithKey(key string) Config {
	var c Config
	c.Auth.PublishableKey = key
	return c
}

func testPEM(t testing.TB) string {
	t.Helper()
	return strings.TrimSpace(kit.PublicPEM(t, &kit.RSAKey(t, 0).PublicKey))
}
