//go:build unix

package main

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/certificatetest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
)

const adminToken = "0123456789abcdef0123456789abcdef"

func TestRevoke(t *testing.T) {
	clerk := clerktest.NewServer(t, clerktest.Options{})
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "app") }))
	defer app.Close()
	env := serveEnvironment()
	env["CLERK_PUBLISHABLE_KEY"], env["CLERK_SECRET_KEY"], env["CLERK_API_URL"] = clerk.PublishableKey(), clerk.SecretKey(), clerk.URL
	env["CLERKGATE_UPSTREAM"], env["CLERKGATE_ADMIN_LISTEN"], env["CLERKGATE_ADMIN_TOKEN"] = app.URL, "unix:"+filepath.Join(t.TempDir(), "admin"), adminToken
	address, _, stop := serveInTest(t, env)
	defer stop()
	session, mei := clerk.SignIn("jane@example.com"), clerk.SignIn("mei@example.com")
	status := func(token string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res.StatusCode
	}
	token, ofMei := clerk.Token(session.ID, "http://"+address), clerk.Token(mei.ID, "http://"+address)
	require.Equal(t, http.StatusOK, status(token))

	code, stdout, stderr := invoke(t.Context(), env, "revoke", "--session", session.ID)
	assert.Equal(t, 0, code, stderr)
	assert.Equal(t, "here      in force\nreplicas  no store\nClerk     told\n", stdout)
	assert.Equal(t, http.StatusUnauthorized, status(token))
	require.Equal(t, http.StatusOK, status(ofMei))
	clerk.Fail(clerktest.Fault{Path: "/v1/sessions", Status: http.StatusServiceUnavailable})
	code, stdout, stderr = invoke(t.Context(), env, "revoke", "--user", mei.UserID)
	assert.Equal(t, 1, code)
	assert.Contains(t, stdout, "Clerk     failed\n")
	assert.Contains(t, stderr, "others could not be told: list the user's sessions at Clerk")
	assert.Equal(t, http.StatusUnauthorized, status(ofMei))
	code, stdout, stderr = invoke(t.Context(), env, "revoke", "--everyone")
	assert.Equal(t, 0, code, stderr)
	assert.Contains(t, stdout, "Clerk     not needed\n")

	env["CLERKGATE_ADMIN_TOKEN"] = adminToken[1:] + "0"
	code, _, stderr = invoke(t.Context(), env, "revoke", "--everyone")
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "answered 401")
	assert.NotContains(t, stderr, env["CLERKGATE_ADMIN_TOKEN"])
	code, stdout, stderr = invoke(t.Context(), env, "health", "--ready")
	assert.Equal(t, 0, code, stderr)
	assert.Contains(t, stdout, "ready", "probes need no token")
}

func TestRevokeNeedsASubject(t *testing.T) {
	t.Parallel()
	env := map[string]string{"CLERKGATE_ADMIN_LISTEN": kit.Refusing(t)}
	for _, args := range [][]string{nil, {"--session", ""}, {"--session", "sess_1", "--everyone"}, {"--user", "user_1", "--session", "sess_1"}, {"--everyone=false"}} {
		code, _, stderr := invoke(t.Context(), env, append([]string{"revoke"}, args...)...)
		assert.Equal(t, 2, code)
		assert.Contains(t, stderr, "expected one of --session, --user and --everyone")
	}
	code, _, stderr := invoke(t.Context(), env, "revoke", "--everyone")
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "connection refused")
	env["CLERKGATE_ADMIN_TOKEN"] = "planted"
	code, _, stderr = invoke(t.Context(), env, "revoke", "--everyone")
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "CLERKGATE_ADMIN_TOKEN")
	assert.NotContains(t, stderr, "planted")
}

// Where the admin listener speaks HTTPS, it must have the certificate that the variables name.
func TestAdminClientKnowsTheServer(t *testing.T) {
	t.Parallel()
	dir, authority := t.TempDir(), certificatetest.New(t)
	write := func(name string, data []byte) string {
		name = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(name, data, 0o600))
		return name
	}
	cert, key := authority.Issue(t, "clerkgate.internal")
	served, err := tls.X509KeyPair(cert, key)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.NotEmpty(t, r.TLS.VerifiedChains, "it shows its certificate")
		_, _ = io.WriteString(w, "ok\n")
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{served}, ClientCAs: authority.Pool(), ClientAuth: tls.VerifyClientCertIfGiven}
	server.StartTLS()
	defer server.Close()
	env := map[string]string{
		"CLERKGATE_ADMIN_LISTEN": server.Listener.Addr().String(), "CLERKGATE_ADMIN_CLIENT_CA_FILE": write("ca.pem", authority.PEM()),
		"CLERKGATE_TLS_CERT_FILE": write("cert.pem", cert), "CLERKGATE_TLS_KEY_FILE": write("key.pem", key),
	}
	code, stdout, stderr := invoke(t.Context(), env, "health")
	assert.Equal(t, 0, code, stderr)
	assert.Equal(t, "ok\n", stdout)

	cert, key = authority.Issue(t, "clerkgate.internal")
	env["CLERKGATE_TLS_CERT_FILE"], env["CLERKGATE_TLS_KEY_FILE"] = write("cert2.pem", cert), write("key2.pem", key)
	code, _, stderr = invoke(t.Context(), env, "health")
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "the server has another certificate than that of CLERKGATE_TLS_CERT_FILE")
}
