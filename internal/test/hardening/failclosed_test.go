package hardening

import (
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/certificatetest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy"
)

// complete is a configuration whose files all exist.
const completeRoutes = `
upstreams: { app: { url: "https://127.0.0.1:1", ca_file: ca.pem, certificate_file: client.pem, key_file: client-key.pem } }
assertion: { key_files: [assertion.pem], issuer: https://gate.example.com }
routes: [ { match: "/*", upstream: app } ]
`

// CVE-2026-27586 (a missing CA file allowed every certificate), CVE-2026-54762 (a missing
// secret allowed everybody): if a file or a key is missing or malformed, clerkgate neither
// starts nor reloads, and the error names it.
func TestCVE_2026_27586_CVE_2026_54762_NothingStartsWithoutItsFiles(t *testing.T) {
	t.Parallel()
	authority := certificatetest.New(t)
	certPEM, keyPEM := authority.Issue(t, appHost)
	_, otherKey := authority.Issue(t, "other")
	files := map[string]string{
		"ca.pem": string(authority.PEM()), "client.pem": string(certPEM), "client-key.pem": string(keyPEM), "assertion.pem": kit.PrivatePEM(t, kit.ECKey(t)),
		"server.pem": string(certPEM), "server-key.pem": string(keyPEM),
	}
	reloads := make(chan os.Signal)
	g := start(t, setup{routes: completeRoutes, files: files, reloads: reloads, env: map[string]string{
		"CLERKGATE_TLS_CERT_FILE": "$DIR/server.pem", "CLERKGATE_TLS_KEY_FILE": "$DIR/server-key.pem",
	}})
	files["clerkgate.yaml"] = completeRoutes
	startsWith := func() error {
		cfg, err := g.load()
		if err != nil {
			return err
		}
		p, err := proxy.New(cfg, proxy.Deps{})
		if err == nil {
			p.Close()
		}
		return err
	}
	const refusal = "configuration refused; the old one stays in force"
	require.NoError(t, startsWith())
	for name, good := range files {
		path := filepath.Join(g.dir, name)
		bad := map[string]string{"empty": "", "garbage": "garbage", "cut": good[:len(good)/2]}
		if strings.HasSuffix(name, "-key.pem") {
			bad["another's"] = string(otherKey)
		}
		for what, text := range bad {
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			assert.ErrorContains(t, startsWith(), name, "%s %s", what, name)
		}
		require.NoError(t, os.Remove(path))
		assert.ErrorContains(t, startsWith(), name, "no %s", name)
		refused := strings.Count(g.log.String(), refusal)
		reloads <- syscall.SIGHUP
		require.Eventually(t, func() bool { return strings.Count(g.log.String(), refusal) == refused+2 }, time.Minute, time.Millisecond,
			"the reload is dealt with, and refused, in both formats of the log")
		assert.NotContains(t, g.log.String(), "configuration reloaded", name)
		require.NoError(t, os.WriteFile(path, []byte(good), 0o600))
	}
	g.stop()

	env := g.env
	for name, values := range map[string][]string{
		"CLERK_PUBLISHABLE_KEY":     {"", "pk_test_", "pk_test_!!!!"},
		"CLERK_SECRET_KEY":          {"", "sk_test_", "garbage", "sk_live_x"},
		"CLERK_JWT_KEY":             {"garbage", env["CLERK_JWT_KEY"][:100]},
		"CLERKGATE_TRUSTED_PROXIES": {"garbage", "10.0.0.0/99"},
		"CLERKGATE_CONFIG":          {"/nowhere.yaml"},
		"CLERKGATE_TLS_KEY_FILE":    {""},
		"CLERKGATE_TLS_CERT_FILE":   {""},
		"CLERKGATE_POLICY":          {"open"},
		"CLERKGATE_ACCEPTS_TOKEN":   {"everything"},
	} {
		for _, value := range values {
			g.env = maps.Clone(env)
			g.env[name] = value
			assert.ErrorContains(t, startsWith(), name, "%s=%q", name, value)
		}
	}
}

// Whatever fails while it runs, nobody gets in without a verified session, and requests
// that need what has failed get an error.
func TestFailClosedWhileRunning(t *testing.T) {
	t.Parallel()
	const routes = `
upstreams: { app: $APP, down: "http://127.0.0.1:1", gone: "unix:$DIR/gone.sock", strange: { url: "https://$TLS", server_name: app.example.com, ca_file: ca.pem } }
routes:
  - { match: "/template/*", upstream: app, authorization: template, token_template: mine }
  - { match: "/absent/*", upstream: app, authorization: template, token_template: absent }
  - { match: "/machines/*", upstream: app, accepts: any }
  - { match: "/down/*", upstream: down }
  - { match: "/gone/*", upstream: gone }
  - { match: "/strange/*", upstream: strange }
  - { match: "/*", upstream: app }
`
	// An upstream whose certificate is not trusted.
	stranger, _ := serveTLS(t, setup{})
	other := start(t, stranger)
	for name, fault := range map[string]*clerktest.Fault{
		"all is well": nil, "no answer": {Body: " "}, "500": {Status: 500}, "503": {Status: 503}, "401": {Status: 401}, "404": {Status: 404}, "429": {Status: 429},
		"garbage": {Body: "garbage"}, "empty object": {Body: "{}"}, "null": {Body: "null"}, "list": {Body: "[]"}, "true": {Body: "true"}, "HTML": {Body: "<html>", ContentType: "text/html"},
		"signed in?": {Body: `{"status":"active","jwt":"","token":"","object":"session","user_id":"user_planted","subject":"user_planted","cookies":[],"keys":[{"kty":"none"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := start(t, setup{
				routes: strings.ReplaceAll(routes, "$TLS", other.Public.String()), env: map[string]string{"CLERK_JWT_KEY": "", "CLERKGATE_SESSION_LOOKUP": "cached"},
				files: map[string]string{"ca.pem": string(certificatetest.New(t).PEM())},
				clerk: clerktest.Options{JWTTemplates: []clerktest.JWTTemplate{{Name: "mine"}}}, fault: fault,
			})
			session := g.clerk.SignIn(jane)
			good := g.bearer(session.ID)
			for _, credential := range []string{
				"X: y", "Authorization: Bearer ak_forged", "Authorization: Bearer mt_forged", "Authorization: Bearer oat_forged", "Authorization: Bearer a.b.c",
				"Authorization: Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ1c2VyXzEiLCJleHAiOjk5OTk5OTk5OTl9.",
				"Authorization: Bearer " + strings.TrimPrefix(good, "Authorization: Bearer ")[:200] + "x" + strings.TrimPrefix(good, "Authorization: Bearer ")[200:],
				"Cookie: __session=a.b.c; __client_uat=1", "Cookie: __clerk_handshake=a.b.c", "Cookie: __clerk_handshake_nonce=x",
			} {
				for _, path := range []string{"/x", "/machines/x", "/template/x", "/down/x", "/x?__clerk_handshake_nonce=x", "/x?__clerk_handshake=a.b.c"} {
					for _, headers := range [][]string{{credential}, document(credential)} {
						res := g.get(t, path, headers...)
						assert.GreaterOrEqual(t, res.StatusCode, 300, "%s with %.40s: %s", path, credential, res.Text)
						assert.NotContains(t, strings.Join(res.Header["Set-Cookie"], ";"), "__session=ey")
					}
				}
			}
			assert.Empty(t, g.app.take())
			if fault != nil {
				// Without keys, even a good token is refused.
				assert.GreaterOrEqual(t, g.get(t, "/x", good).StatusCode, 300)
				assert.Empty(t, g.app.take())
				return
			}
			for path, want := range map[string]int{
				"/x": 200, "/template/x": 200, "/absent/x": 502, "/down/x": 502, "/gone/x": 502, "/strange/x": 502,
			} {
				assert.Equal(t, want, g.get(t, path, good).StatusCode, path)
			}
			g.clerk.Fail(clerktest.Fault{Path: "/v1/sessions", Status: 500})
			g.clerk.Advance(55 * time.Second) // the template's token is old now, the session's is not
			assert.Equal(t, 502, g.get(t, "/template/x", g.bearer(session.ID)).StatusCode)
			for _, got := range g.app.take() {
				if strings.HasPrefix(got.Target, "/template") {
					assert.NotEqual(t, good, "Authorization: "+got.one(t, "Authorization"), "the session token instead of the template's")
				}
			}
		})
	}
}

// If a port is in use, startup fails and leaves nothing open.
func TestTakenPortEndsTheStart(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	g := start(t, setup{})
	for _, name := range []string{"CLERKGATE_LISTEN", "CLERKGATE_ADMIN_LISTEN"} {
		g.env[name] = l.Addr().String()
		cfg, err := g.load()
		require.NoError(t, err)
		require.ErrorContains(t, proxy.Run(t.Context(), cfg, proxy.RunOptions{}), name)
		g.env[name] = "127.0.0.1:0"
	}
}
