package proxy

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

const (
	hookSecret  = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	otherSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

func TestWebhook(t *testing.T) {
	t.Parallel()
	r := startRoutes(t, `
upstreams: { app: APP }
routes:
  - { match: "/*", upstream: app }
`)
	cfg := r.load(t)
	cfg.Auth.Now = r.clerk.Now
	cfg.WebhookSecrets = []string{otherSecret, hookSecret}
	require.NoError(t, r.proxy.Reload(cfg))
	r.clerk.AddWebhook(clerktest.Webhook{URL: r.URL + "/.clerkgate/webhook", Secret: hookSecret})

	session := r.clerk.SignIn("jane@example.com")
	token := "Bearer " + r.clerk.Token(session.ID, r.URL)
	res, _ := r.do(t, http.MethodGet, "/", "Authorization", token)
	require.Equal(t, http.StatusOK, res.StatusCode)
	passed := r.app.count()
	r.clerk.RevokeSession(session.ID)
	for _, d := range r.clerk.Deliveries() {
		require.Equal(t, http.StatusNoContent, d.Status, d.Event)
	}
	assertRevoked := func() {
		t.Helper()
		res, _ := r.do(t, http.MethodGet, "/", "Authorization", token)
		assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
		assert.Equal(t, "session-revoked", res.Header.Get("X-Clerk-Auth-Reason"))
		assert.Equal(t, passed, r.app.count(), "no webhook reaches the application either")
	}
	assertRevoked()

	// A reload with another secret key replaces the authenticator, but forgets nothing.
	cfg.Auth.JWTKey = testPEM(t)
	require.NoError(t, r.proxy.Reload(cfg))
	cfg.Auth.JWTKey = ""
	require.NoError(t, r.proxy.Reload(cfg))
	assertRevoked()
}

// Without a secret there is no endpoint, and the path is one of the application.
func TestWebhookWithoutSecret(t *testing.T) {
	t.Parallel()
	r := startRoutes(t, `
upstreams: { app: APP }
routes:
  - { match: "/*", upstream: app, auth: none }
`)
	res, text := r.do(t, http.MethodPost, "/.clerkgate/webhook")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, "hello from the app", text)
}

func TestWebhookSettings(t *testing.T) {
	t.Parallel()
	file := secretFile(t, hookSecret+"\n"+otherSecret+"\n")
	for name, env := range map[string]map[string]string{
		"value": {"CLERK_WEBHOOK_SIGNING_SECRET": hookSecret + ", " + otherSecret},
		"file":  {"CLERK_WEBHOOK_SIGNING_SECRET_FILE": file},
	} {
		cfg, _, err := load(environment(env))
		require.NoError(t, err, name)
		assert.Equal(t, []string{hookSecret, otherSecret}, cfg.WebhookSecrets)
		assert.Equal(t, "/.clerkgate/webhook", cfg.Webhook())
	}
	cfg, _, err := load(environment(map[string]string{"CLERK_WEBHOOK_SIGNING_SECRET": hookSecret, "CLERKGATE_WEBHOOK_PATH": "/hooks/clerk"}))
	require.NoError(t, err)
	assert.Equal(t, "/hooks/clerk", cfg.Webhook())
	for variable, value := range map[string]string{
		"CLERK_WEBHOOK_SIGNING_SECRET": "sk_test_planted0secret", "CLERK_WEBHOOK_SIGNING_SECRET_FILE": secretFile(t, "whsec_planted0secret"),
	} {
		_, _, err := load(environment(map[string]string{variable: value}))
		require.ErrorContains(t, err, variable)
		assert.NotContains(t, err.Error(), "planted")
	}
}
