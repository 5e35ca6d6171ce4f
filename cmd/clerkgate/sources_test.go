package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// TestSourcesOfVariables: what is in force names the place that it comes from, of the several
// that may have a variable.
func TestSourcesOfVariables(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "variables")
	require.NoError(t, os.WriteFile(file, []byte("CLERKGATE_LISTEN=:1\nCLERKGATE_LOG_LEVEL=warn\nCLERKGATE_LOG_FORMAT=json\nCLERKGATE_SHUTDOWN_DELAY=1s\n"), 0o600))
	env := map[string]string{
		"CLERK_PUBLISHABLE_KEY": kit.PublishableKey("test", "mock-emulator-13.clerk.accounts.dev"), "CLERK_SECRET_KEY": "sk_test_planted0secret",
		"CLERKGATE_UPSTREAM": "http://127.0.0.1:3000", "CLERKGATE_LOG_LEVEL": "info", "CLERKGATE_LISTEN": ":2", "CLERKGATE_LOG_FORMAT": " ",
	}
	p := process{lookup: func(name string) (string, bool) { text, ok := env[name]; return text, ok }}
	cfg, _, err := flagValues{"CLERKGATE_LISTEN": ":3", envFileFlag: file}.over(p).load()
	require.NoError(t, err)
	for name, want := range map[string][2]string{
		"CLERKGATE_LISTEN": {":3", "flag"}, "CLERKGATE_LOG_LEVEL": {"info", "environment"},
		"CLERKGATE_LOG_FORMAT": {"json", file}, "CLERKGATE_SHUTDOWN_DELAY": {"1s", file}, "CLERKGATE_UPSTREAM": {"http://127.0.0.1:3000", "environment"},
	} {
		assert.Equal(t, want, [2]string{cfg.Sources[name].Text, cfg.Sources[name].From}, name)
	}
	assert.NotContains(t, cfg.Sources["CLERK_SECRET_KEY"].Text, "planted")
}
