package proxy

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func secretFile(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	return name
}

func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	cfg, warnings, err := load(environment(map[string]string{
		"CLERK_SECRET_KEY": "", "CLERK_SECRET_KEY_FILE": secretFile(t, "sk_test_planted0secret\n"),
		"CLERK_MACHINE_SECRET_KEY_FILE": secretFile(t, " ak_planted\r\n"), "CLERK_JWT_KEY_FILE": secretFile(t, testPEM(t)+"\n"),
	}))
	require.NoError(t, err)
	assert.Empty(t, warnings)
	assert.Equal(t, "sk_test_planted0secret", cfg.Auth.SecretKey)
	assert.Equal(t, "ak_planted", cfg.Auth.MachineSecretKey)
	assert.Equal(t, testPEM(t), cfg.Auth.JWTKey)
}

func TestSecretFilesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env         map[string]string
		where, says string
	}{
		"both":             {map[string]string{"CLERK_SECRET_KEY_FILE": secretFile(t, "sk_test_planted0secret")}, "CLERK_SECRET_KEY_FILE", "CLERK_SECRET_KEY"},
		"missing":          {map[string]string{"CLERK_SECRET_KEY": "", "CLERK_SECRET_KEY_FILE": "/nowhere/key"}, "CLERK_SECRET_KEY_FILE", "/nowhere/key"},
		"empty":            {map[string]string{"CLERK_SECRET_KEY": "", "CLERK_SECRET_KEY_FILE": secretFile(t, "\n")}, "CLERK_SECRET_KEY_FILE", "empty"},
		"too large":        {map[string]string{"CLERK_JWT_KEY_FILE": secretFile(t, strings.Repeat("planted0", 1<<14))}, "CLERK_JWT_KEY_FILE", "larger"},
		"the key":          {map[string]string{"CLERK_SECRET_KEY": "", "CLERK_SECRET_KEY_FILE": "sk_test_planted0secret"}, "CLERK_SECRET_KEY_FILE", "the key itself"},
		"another kind":     {map[string]string{"CLERK_SECRET_KEY": "", "CLERK_SECRET_KEY_FILE": secretFile(t, "pk_test_planted0secret")}, "CLERK_SECRET_KEY_FILE", "publishable key"},
		"quotes":           {map[string]string{"CLERK_SECRET_KEY": `"sk_test_planted0secret"`}, "CLERK_SECRET_KEY", "quotation marks"},
		"single quotes":    {map[string]string{"CLERKGATE_PUBLIC_PATHS": `'/health'`}, "CLERKGATE_PUBLIC_PATHS", "quotation marks"},
		"quotes in a file": {map[string]string{"CLERK_SECRET_KEY": "", "CLERK_SECRET_KEY_FILE": secretFile(t, `"sk_test_planted0secret"`)}, "CLERK_SECRET_KEY_FILE", "quotation marks"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := load(environment(c.env))
			all := problems(t, err)
			assert.Len(t, all, 1, "%v", all)
			p := all[c.where]
			assert.Contains(t, p.Found+p.Want+p.Remedy, c.says)
			assert.NotContains(t, err.Error(), "planted")
		})
	}
}

// Secrets can be rotated without a restart: a reload reads their files again.
func TestReloadReadsSecretFilesAgain(t *testing.T) {
	t.Parallel()
	secrets := make(chan string, 1)
	clerk := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { secrets <- r.Header.Get("Clerk-Secret-Key") }))
	t.Cleanup(clerk.Close)
	app := &received{}
	upstream := httptest.NewServer(app)
	t.Cleanup(upstream.Close)
	file := secretFile(t, "sk_test_first")
	env := environment(map[string]string{
		"CLERK_SECRET_KEY": "", "CLERK_SECRET_KEY_FILE": file, "CLERK_JWT_KEY": testPEM(t), "CLERK_PROXY_URL": "/__clerk", "CLERK_FAPI_URL": clerk.URL,
		"CLERKGATE_UPSTREAM": upstream.URL, "CLERKGATE_LISTEN": "127.0.0.1:0", "CLERKGATE_ADMIN_LISTEN": "127.0.0.1:0",
	})
	cfg, _, err := load(env)
	require.NoError(t, err)
	server := runReloading(t, cfg)
	token := "Bearer " + sessionToken(t, map[string]any{"iss": "https://mock-emulator-13.clerk.accounts.dev"})
	ask := func(path string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+server.Public.String()+path, nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", token)
		res, _ := send(t, r)
		return res.StatusCode
	}
	require.Equal(t, http.StatusOK, ask("/__clerk/v1/client"))
	assert.Equal(t, "sk_test_first", <-secrets)

	require.NoError(t, os.WriteFile(file, []byte("sk_test_second\n"), 0o600))
	changed, _, err := load(env)
	require.NoError(t, err)
	server.reload(accepting(changed))
	server.settled()
	require.Equal(t, http.StatusOK, ask("/__clerk/v1/client"))
	assert.Equal(t, "sk_test_second", <-secrets)
	assert.Equal(t, http.StatusOK, ask("/x"))
	assert.NotContains(t, server.log.String(), "sk_test_")

	server.stop()
	require.NoError(t, <-server.done)
}
