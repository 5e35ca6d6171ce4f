package hardening

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
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
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// secrets are planted texts by their names. A text is found if it, or its secret part,
// occurs in any common encoding.
type secrets map[string]string

func (s secrets) in(text string) (found []string) {
	for what, secret := range s {
		if secret == "" {
			continue
		}
		core := secret
		if parts := strings.Split(secret, "."); len(parts) == 3 {
			core = parts[2] // without its signature a JWT is useless
		}
		core = strings.TrimSpace(core)
		for _, form := range []string{core, url.QueryEscape(core), base64.StdEncoding.EncodeToString([]byte(core)), fmt.Sprintf("%x", core)} {
			if strings.Contains(text, form) {
				found = append(found, what)
				break
			}
		}
	}
	return found
}

// pemLine returns the first line of a PEM's content, which is enough to recognize it.
func pemLine(pem string) string {
	for line := range strings.Lines(pem) {
		if !strings.HasPrefix(line, "-----") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

const secretRoutes = `
upstreams: { app: $APP, down: "http://127.0.0.1:1", broken: "unix:$DIR/broken.sock", secure: { url: "https://127.0.0.1:1", certificate_file: client.pem, key_file: client-key.pem } }
assertion: { key_files: [assertion.pem], issuer: https://gate.example.com }
routes:
  - { match: "/down/*", upstream: down }
  - { match: "/broken/*", upstream: broken }
  - { match: "/secure/*", upstream: secure }
  - { match: "/template/*", upstream: app, authorization: template, token_template: mine }
  - { match: "/missing/*", upstream: app, authorization: template, token_template: absent }
  - { match: "/session/*", upstream: app, authorization: session }
  - { match: "/signed/*", upstream: app, audience: "https://api.internal", accepts: any }
  - { match: "/role/*", upstream: app, require: { role: "org:admin" }, cors: { origins: ["https://spa.example.com"], credentials: true } }
  - { match: "/public/*", upstream: app, auth: public }
  - { match: "/all/*", upstream: app, refresh: all, accepts: any }
  - { match: "/*", upstream: app }
`

// CVE-2022-23469 (Authorization in debug logs), CVE-2024-39315 (tokens on a page),
// CVE-2021-29651 (a token in a redirect), CVE-2026-41181 (credentials in other requests):
// makes every kind of request and failure, with a secret wherever one can be, and searches
// all output for them.
func TestCVE_2022_23469_CVE_2024_39315_CVE_2026_41181_PlantedSecrets(t *testing.T) {
	t.Parallel()
	certPEM, keyPEM := certificatetest.New(t).Issue(t, "client")
	files := map[string]string{"assertion.pem": kit.PrivatePEM(t, kit.ECKey(t)), "client.pem": string(certPEM), "client-key.pem": string(keyPEM)}
	reloads := make(chan os.Signal)
	var answers strings.Builder // headers and bodies of all responses to clients
	g := start(t, setup{
		routes: secretRoutes, files: files, reloads: reloads,
		env: map[string]string{
			"CLERK_JWT_KEY": "", "CLERK_MACHINE_SECRET_KEY": "ak_machine0planted0secret", "CLERKGATE_LOG_LEVEL": "debug", "CLERKGATE_UPSTREAM_TIMEOUT": "1s",
			"CLERKGATE_SESSION_LOOKUP": "cached", "CLERK_PROXY_URL": "/__clerk", "CLERK_FAPI_URL": "http://127.0.0.1:1", "CLERKGATE_POLICY": "",
			"CLERKGATE_FORWARD_AUTH_PATH": "/.clerkgate/auth",
		},
		clerk: clerktest.Options{JWTTemplates: []clerktest.JWTTemplate{{Name: "mine"}}},
		answer: func(r request) string {
			switch {
			case strings.Contains(r.Target, "garbage"):
				return "not HTTP at all\r\nConnection: close\r\n\r\n"
			case strings.Contains(r.Target, "half"):
				return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100\r\n\r\nhalf"
			case strings.Contains(r.Target, "switch"):
				return "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: planted\r\n\r\n"
			}
			return plain("{}")
		},
	})
	broken, err := net.Listen("unix", filepath.Join(g.dir, "broken.sock"))
	require.NoError(t, err)
	defer broken.Close()
	go func() { // disconnects during the request
		for {
			conn, err := broken.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()

	session := g.clerk.SignIn(jane)
	known := secrets{
		"secret key": g.clerk.SecretKey(), "machine key": "ak_machine0planted0secret",
		"assertion key": pemLine(files["assertion.pem"]), "client key": pemLine(files["client-key.pem"]),
		"API key": "ak_planted0api0key", "OAuth token": "oat_planted0oauth0token", "M2M token": "mt_planted0machine0token",
		"handshake": "planted0handshake", "nonce": "planted0nonce", "basic": "cGxhbnRlZDpwYXNzd29yZA",
	}
	cookies := func(name string) string {
		var pairs []string
		for _, c := range g.clerk.Cookies(session.ID, appOrigin) {
			pairs = append(pairs, c.Name+"="+c.Value)
			switch {
			case strings.HasPrefix(c.Name, "__session"):
				known["session token "+name] = c.Value
			case strings.HasPrefix(c.Name, "__refresh"):
				known["refresh token "+name] = c.Value
			case strings.HasPrefix(c.Name, "__clerk_db_jwt"):
				known["dev browser "+name] = c.Value
			}
		}
		return "Cookie: " + strings.Join(pairs, "; ")
	}
	handed := secrets{} // secrets that upstreams may know
	ask := func(method, target string, headers ...string) {
		all, _ := kit.Replay(g.dial(t), method+" "+target+" HTTP/1.1\r\nHost: "+appHost+"\r\nConnection: close\r\n"+lines(headers)+"\r\n")
		for _, a := range all {
			fmt.Fprintln(&answers, a.StatusCode, a.Text)
			for name, values := range a.Header {
				if name == "Set-Cookie" { // the browser may have these
					for i := range values {
						name, _, _ := strings.Cut(values[i], "=")
						values[i] = name
					}
				}
				if name == "Location" {
					// In Clerk's protocol the browser's own tokens are sent to Clerk,
					// and a development browser to the sign-in page; what is in the URL
					// of the request is sent back.
					u, err := url.Parse(values[0])
					require.NoError(t, err)
					q := u.Query()
					if strings.HasSuffix(u.Path, "/v1/client/handshake") {
						q.Del("__session")
					}
					q.Del("__clerk_db_jwt")
					back := q.Get("redirect_url")
					q.Del("redirect_url")
					for _, sent := range []string{"planted0handshake", "planted0nonce"} {
						back = strings.ReplaceAll(back, sent, "")
					}
					values = []string{u.Path, q.Encode(), back}
				}
				fmt.Fprintln(&answers, name, values)
			}
		}
	}
	round := func(name string, part int) {
		held := cookies(name)
		bearer := g.bearer(session.ID)
		known["bearer "+name] = strings.TrimPrefix(bearer, "Authorization: Bearer ")
		for _, path := range []string{
			"/x", "/down/x", "/broken/x", "/secure/x", "/template/x", "/missing/x", "/session/x", "/signed/x", "/role/x", "/public/x", "/all/x", "/garbage", "/half", "/switch", "/a%2fb", "/__clerk/v1/client",
			"/x?__clerk_handshake=planted0handshake", "/x?__clerk_handshake_nonce=planted0nonce", "/public/x?__clerk_db_jwt=planted0handshake", "/.clerkgate/auth", "/.well-known/clerkgate/jwks.json",
		} {
			all := []string{held, bearer,
				"Authorization: Bearer ak_planted0api0key", "Authorization: Bearer oat_planted0oauth0token", "Authorization: Bearer mt_planted0machine0token",
				"Cookie: __session=a.b.planted0handshake; __clerk_handshake=planted0handshake; __client_uat=1", "X: y", "Authorization: Basic cGxhbnRlZDpwYXNzd29yZA==",
			}
			for _, credential := range all[:part] {
				ask("GET", path, credential)
				ask("GET", path, document(credential)...)
				ask("POST", path, credential, "Content-Length: 0", "Origin: https://evil.example")
			}
		}
	}

	round("all is well", 8)
	g.clerk.Advance(2 * time.Minute)
	round("expired", 2)
	for _, fault := range []clerktest.Fault{
		{Status: 500}, {Status: 401}, {Status: 429}, {Body: "not JSON"}, {Status: 302, Body: "{}"},
	} {
		remove := g.clerk.Fail(fault)
		g.clerk.Advance(time.Minute + 31*time.Second) // beyond the time that failures are cached
		round(fmt.Sprint("fault ", fault.Status, fault.Body), 3)
		remove()
	}
	g.clerk.EndSession(session.ID)
	g.clerk.Advance(2 * time.Minute)
	round("ended", 2)

	// Refused reloads, each with a secret in the wrong place.
	for _, name := range []string{"client.pem", "assertion.pem"} {
		good, err := os.ReadFile(filepath.Join(g.dir, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(g.dir, name), []byte(strings.ReplaceAll(files["client-key.pem"]+files["assertion.pem"], "A", "!")), 0o600))
		reloads <- syscall.SIGHUP
		reloads <- syscall.SIGHUP // is received when the first has been handled
		_, err = g.load()
		if err != nil {
			fmt.Fprintln(&answers, err)
		}
		require.NoError(t, os.WriteFile(filepath.Join(g.dir, name), good, 0o600))
	}
	metrics, err := http.Get("http://" + g.Admin.String() + "/metrics")
	require.NoError(t, err)
	exposed, err := io.ReadAll(metrics.Body)
	require.NoError(t, err)
	require.NoError(t, metrics.Body.Close())
	g.stop()
	// Variables with a secret in the wrong place, or broken.
	for name, value := range map[string]string{
		"CLERK_SECRET_KEY": "x" + g.clerk.SecretKey(), "CLERK_PUBLISHABLE_KEY": g.clerk.SecretKey(), "CLERK_MACHINE_SECRET_KEY": "x" + known["machine key"],
		"CLERK_JWT_KEY": files["client-key.pem"],
	} {
		env := g.env[name]
		g.env[name] = value
		_, err := g.load()
		g.env[name] = env
		var invalid *settings.Error
		if errors.As(err, &invalid) {
			assert.Empty(t, known.in(err.Error()), name)
		}
	}

	log := g.log.String()
	require.Contains(t, log, "level=DEBUG")
	require.Contains(t, log, "configuration refused")
	require.Contains(t, string(exposed), `outcome="failed"`)
	require.Contains(t, log, "upstream_status=200")
	for _, got := range g.app.take() {
		for _, f := range got.Header {
			if f.Name == "X-Clerk-Assertion" {
				handed["assertion"] = f.Value
			}
			if token, ok := strings.CutPrefix(f.Value, "Bearer "); ok && f.Name == "Authorization" && strings.HasPrefix(got.Target, "/template") {
				handed["template token"] = token
			}
		}
		private := secrets{}
		for what, secret := range known {
			if !strings.HasPrefix(what, "session") && !strings.HasPrefix(what, "bearer") && !strings.HasSuffix(what, " token") && what != "API key" && what != "basic" {
				private[what] = secret
			}
		}
		// Cookies that are not Clerk's may contain anything, and so may a session cookie, which
		// the upstream gets.
		assert.Empty(t, private.in(fmt.Sprint(got)), "the upstream got a secret: %s", got.Target)
	}
	require.Contains(t, handed, "assertion")
	require.Contains(t, handed, "template token")
	for _, set := range []secrets{known, handed} {
		assert.Empty(t, set.in(log), "in the log")
		assert.Empty(t, set.in(answers.String()), "in answers")
		assert.Empty(t, set.in(string(exposed)), "in metrics")
	}
	for _, call := range g.clerk.Calls() {
		assert.Empty(t, call.Header["Cookie"], call.Path)
		authorization := call.Header.Get("Authorization")
		assert.Contains(t, []string{"", "Bearer " + g.clerk.SecretKey(), "Bearer " + known["machine key"]}, authorization, call.Path)
		if call.Path != "/v1/clients/handshake_payload" { // which gets the nonce
			assert.Empty(t, known.in(call.Path+call.Query.Encode()), call.Path)
		}
	}
}

// CVE-2024-45336, CVE-2025-4673: redirects of Clerk's API are not followed, with or without
// a key.
func TestCVE_2024_45336_CVE_2025_4673_RedirectsOfTheBackendAPI(t *testing.T) {
	t.Parallel()
	var elsewhere []string
	other := &http.Server{ReadHeaderTimeout: kit.Patience, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		elsewhere = append(elsewhere, r.URL.Path, r.Header.Get("Authorization"))
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error)
	go func() { done <- other.Serve(l) }()

	api, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	asked := startUpstream(t, api, func(request) string {
		return "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://" + l.Addr().String() + "/planted\r\nContent-Length: 0\r\n\r\n"
	})
	g := start(t, setup{env: map[string]string{"CLERK_JWT_KEY": "", "CLERK_API_URL": "http://" + api.Addr().String(), "CLERKGATE_ACCEPTS_TOKEN": "any"}})
	session := g.clerk.SignIn(jane)
	for _, credential := range []string{g.bearer(session.ID), "Authorization: Bearer ak_x", "Authorization: Bearer oat_x", "Authorization: Bearer mt_x", "Cookie: " + g.cookies(session.ID)} {
		assert.NotEqual(t, 200, g.get(t, "/", credential).StatusCode, credential[:25])
	}
	assert.NotEmpty(t, asked.take())
	require.NoError(t, other.Close())
	require.ErrorIs(t, <-done, http.ErrServerClosed)
	assert.Empty(t, elsewhere)
	assert.Empty(t, g.app.take())
}
