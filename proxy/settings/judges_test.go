package settings

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/internal/exchange"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// What names an upstream is judged alike in the environment and in a routes file.
func TestUpstreamsAreJudgedAlike(t *testing.T) {
	t.Parallel()
	for value, good := range map[string]bool{
		"http://127.0.0.1:3000":                           true,
		"http://127.0.0.1:3000/":                          true,
		"http://App.internal:3000":                        true,
		"https://[::1]:8443":                              true,
		"unix:/run/app.sock":                              true,
		"unix:///run/app.sock":                            true,
		"http://host:99999":                               false,
		"http://host:0x50":                                false,
		"http://host:":                                    false,
		"http://ho st":                                    false,
		"http://127.0.0.1:3000?":                          false,
		"http://user@127.0.0.1":                           false,
		"http://127.0.0.1/app":                            false,
		"ftp://127.0.0.1":                                 false,
		"127.0.0.1:3000":                                  false,
		"unix:app.sock":                                   false,
		"unix:/run/" + strings.Repeat("s", 190):           false,
		"unix:/run/app.sock?x":                            false,
		"http://127.0.0.1:3000#" + strings.Repeat("a", 5): false,
	} {
		cfg, _, err := load(environment(map[string]string{EnvUpstream: value}))
		file, fileErr := routes.Parse("f", []byte("upstreams: { app: '"+value+"' }\nroutes: [{ match: /*, upstream: app }]"))
		assert.Equal(t, good, err == nil, "environment: %s: %v", value, err)
		assert.Equal(t, good, fileErr == nil, "file: %s: %v", value, fileErr)
		if err == nil && fileErr == nil {
			assert.Equal(t, file.Upstreams["app"].URL, cfg.Upstream.String())
		}
	}
}

// What a routes file may name, the exchange asks for.
func TestTemplatesAreJudgedAlike(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"db", "-db", "_db", "db.read", "db-read_2", "dé", "a/b", strings.Repeat("t", 100), strings.Repeat("t", 200)} {
		_, err := routes.Parse("f", []byte("routes: [{ match: /*, authorization: template, token_template: '"+name+"' }]"))
		assert.Equal(t, exchange.ValidTemplate(name), err == nil, "%s: %v", name, err)
	}
}

// Origins that no browser sends would match nothing, in whichever list.
func TestOriginsAreJudgedAlike(t *testing.T) {
	t.Parallel()
	for value, good := range map[string]bool{
		"http://localhost:8080":       true,
		"https://app.example.com":     true,
		"https://App.example.com":     true,
		"capacitor://localhost":       true,
		"chrome-extension://abcdef":   true,
		"http://localhost:8080/":      false,
		"localhost:8080":              false,
		"app.example.com":             false,
		"https://app.example.com:443": false,
		"https://*.example.com":       false,
		"null":                        false,
		"*":                           false,
		"https://user@app.example":    false,
		"https://app.example/path":    false,
		"https://app.example:99999":   false,
	} {
		for _, variable := range []string{EnvAuthorizedParties, EnvTrustedOrigins} {
			cfg, _, err := load(environment(map[string]string{variable: value}))
			if !assert.Equal(t, good, err == nil, "%s=%s: %v", variable, value, err) {
				continue
			}
			if good {
				list := map[string][]string{EnvAuthorizedParties: cfg.Auth.AuthorizedParties, EnvTrustedOrigins: cfg.CSRF.TrustedOrigins}[variable]
				assert.Equal(t, []string{strings.ToLower(value)}, list)
			} else {
				p := problems(t, err)[variable]
				assert.NotEmpty(t, p.Found, value)
				assert.NotEmpty(t, p.Want, value)
			}
		}
		for _, key := range []string{"csrf: { trusted_origins: ['%'] }", "cors: { origins: ['%'] }"} {
			_, err := routes.Parse("f", []byte("routes: [{ match: /*, "+strings.Replace(key, "%", value, 1)+" }]"))
			wildcard := value == "*" && strings.HasPrefix(key, "cors")
			assert.Equal(t, good || wildcard, err == nil, "%s, %s: %v", key, value, err)
		}
	}
	_, _, err := load(environment(map[string]string{EnvAuthorizedParties: "http://localhost:8080/"}))
	assert.Equal(t, Problem{Where: EnvAuthorizedParties, Found: `"http://localhost:8080/"`, Want: "http://localhost:8080"}, problems(t, err)[EnvAuthorizedParties])
	_, _, err = load(environment(map[string]string{EnvAuthorizedParties: "localhost:8080"}))
	assert.Contains(t, problems(t, err)[EnvAuthorizedParties].Want, "http://localhost:8080")
}

// One bad value hides no other.
func TestProblemsOfTheMiddlewareComeTogether(t *testing.T) {
	t.Parallel()
	_, _, err := load(environment(map[string]string{EnvJWTKey: "no key", "CLERK_API_URL": "https://api.clerk.com/v1?x=1"}))
	found := problems(t, err)
	assert.Contains(t, found, EnvJWTKey)
	assert.Contains(t, found, "CLERK_API_URL")
}

// Clerk's dashboard and SDKs take the key with and without its first and last line.
func TestJWTKeyWithoutItsLines(t *testing.T) {
	t.Parallel()
	key := testPEM(t)
	body := strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(key, "-----BEGIN PUBLIC KEY-----"), "-----END PUBLIC KEY-----"))
	for name, value := range map[string]string{"body": body, "one line": strings.ReplaceAll(body, "\n", ""), "literal line ends": strings.ReplaceAll(body, "\n", `\n`)} {
		_, _, err := load(environment(map[string]string{EnvJWTKey: value}))
		assert.NoError(t, err, name)
	}
	for _, path := range []string{"/run/secrets/clerk.pem", "./clerk.pem", "clerk.pem", "~/clerk.pub", `C:\clerk.pem`} {
		_, _, err := load(environment(map[string]string{EnvJWTKey: path}))
		p := problems(t, err)[EnvJWTKey]
		assert.Equal(t, "the name of a file", p.Found, path)
		assert.Contains(t, p.Remedy, `CLERK_JWT_KEY="$(cat `)
		assert.Contains(t, p.Remedy, EnvJWTKey+fileSuffix)
	}
	_, _, err := load(environment(map[string]string{EnvJWTKey: body[:40]}))
	assert.Contains(t, problems(t, err), EnvJWTKey)
}

// Without trusted proxies, a server for gateways alone would refuse every request.
func TestGatewaysNeedTrustedProxies(t *testing.T) {
	t.Parallel()
	for name, values := range map[string]map[string]string{
		"no application": {EnvUpstream: "none"},
		"gRPC":           {EnvExtAuthzListen: "127.0.0.1:0"},
	} {
		_, _, err := load(environment(values))
		p := problems(t, err)[EnvTrustedProxies]
		assert.NotEmpty(t, p.Found, name)
		values[EnvTrustedProxies] = "127.0.0.1"
		_, _, err = load(environment(values))
		assert.NoError(t, err, name)
	}
}

// No variable accepts what a routes file refuses.
func TestHostsAndPortsAreJudgedAlike(t *testing.T) {
	t.Parallel()
	for variable, values := range map[string][]string{
		EnvFAPIURL:            {"https://clerk.example.com:99999", "https://clerk..example.com", "https://clerk.example.com:"},
		EnvProxyURL:           {"https://app.example.com:99999/__clerk", "https://app..example/__clerk"},
		EnvUpstreamServerName: {"app internal", "https://app", "app:443", "a..b"},
	} {
		for _, value := range values {
			env := environment(map[string]string{variable: value})
			if variable == EnvUpstreamServerName {
				env[EnvUpstream] = "https://127.0.0.1:1"
			}
			if variable == EnvFAPIURL {
				env[EnvProxyURL] = "/__clerk"
			}
			_, _, err := load(env)
			if assert.Error(t, err, "%s=%s", variable, value) {
				assert.Contains(t, problems(t, err), variable, value)
			}
		}
	}
}
