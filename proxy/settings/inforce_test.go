package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const upstreamTimeout = "CLERKGATE_UPSTREAM_TIMEOUT"

func inForce(c *Config) map[string]Setting {
	all := make(map[string]Setting)
	for _, s := range c.InForce() {
		all[s.Name] = s
	}
	return all
}

func TestInForceSaysWhereValuesComeFrom(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "machine-key")
	require.NoError(t, os.WriteFile(file, []byte("ak_planted0machine\n"), 0o600))
	cfg, _, err := load(environment(map[string]string{
		"CLERK_MACHINE_SECRET_KEY_FILE": file, upstreamTimeout: " 90s ", EnvStore: "redis://app:planted0password@redis.internal:6379",
		EnvStoreKeys: "cGxhbnRlZDBrZXlwbGFudGVkMGtleXBsYW50ZWQwa2V5cGxhbnRlZDA=",
	}))
	require.NoError(t, err)
	all := inForce(&cfg)
	assert.Len(t, all, len(Variables()), "every variable")
	assert.Equal(t, Setting{upstreamTimeout, "90s", "environment"}, all[upstreamTimeout])
	assert.Equal(t, Setting{EnvListen, ":8080", "default"}, all[EnvListen])
	assert.Equal(t, Setting{"CLERK_MACHINE_SECRET_KEY_FILE", file, "environment"}, all["CLERK_MACHINE_SECRET_KEY_FILE"])
	assert.Equal(t, Setting{"CLERK_MACHINE_SECRET_KEY", Fingerprint("ak_planted0machine"), "CLERK_MACHINE_SECRET_KEY_FILE"}, all["CLERK_MACHINE_SECRET_KEY"])
	assert.Equal(t, Fingerprint(cfg.Auth.SecretKey), all[EnvSecretKey].Value)
	assert.Regexp(t, `^fingerprint [0-9a-f]{6}$`, all[EnvStore].Value)
	for _, s := range all {
		for _, secret := range []string{"planted0", cfg.Auth.SecretKey, cfg.StoreKeys} {
			assert.NotContains(t, s.Value, secret, s.Name)
		}
	}
}

// A Config that a program has made has no sources.
func TestInForceOfAProgram(t *testing.T) {
	t.Parallel()
	cfg := Config{UpstreamTimeout: 90 * time.Second}
	cfg.Auth.SecretKey, cfg.Auth.JWTKey = "sk_test_planted0secret", "-----BEGIN PUBLIC KEY-----"
	cfg = cfg.WithDefaults()
	all := inForce(&cfg)
	assert.Equal(t, Setting{upstreamTimeout, "1m30s", "program"}, all[upstreamTimeout])
	assert.Equal(t, Setting{EnvSecretKey, Fingerprint("sk_test_planted0secret"), "program"}, all[EnvSecretKey])
	assert.Equal(t, Setting{EnvJWTKey, Fingerprint("-----BEGIN PUBLIC KEY-----"), "program"}, all[EnvJWTKey])
	assert.Equal(t, Setting{EnvSecretKey + fileSuffix, "", "default"}, all[EnvSecretKey+fileSuffix])
	assert.Equal(t, "default", all[EnvListen].From)
}

func TestShownHidesPasswords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://user:planted@app.example/x": "https://…@app.example/x", "a,redis://:planted@b": "a,redis://…@b",
		"https://app.example/a@b": "https://app.example/a@b", "10.0.0.0/8": "10.0.0.0/8",
	} {
		assert.Equal(t, want, shown(row{}, text))
	}
	assert.NotEqual(t, Fingerprint("a"), Fingerprint("b"))
	assert.False(t, strings.Contains(shown(row{secret: true}, "planted"), "planted"))
}
