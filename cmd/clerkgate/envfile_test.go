package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEnvFile(t *testing.T) {
	t.Parallel()
	write := func(content string) string {
		name := filepath.Join(t.TempDir(), "clerkgate.env")
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
		return name
	}
	good := "# keys\n\nexport CLERK_PUBLISHABLE_KEY=pk_test_Y2xlcmsuZXhhbXBsZS5jb20k\nCLERK_SECRET_KEY='sk_test_planted0secret'\r\n" +
		"CLERKGATE_UPSTREAM=\"http://127.0.0.1:3000\"\nCLERKGATE_POLICY=nonsense\n"
	code, _, stderr := invoke(t.Context(), nil, "check", "--env-file", write(good))
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "CLERKGATE_POLICY")
	assert.Contains(t, stderr, "1 problem\n")

	code, stdout, stderr := invoke(t.Context(), map[string]string{"CLERKGATE_POLICY": "optional"}, "check", "--env-file="+write(good))
	assert.Zero(t, code, "the environment comes first: %s", stderr)
	assert.Contains(t, stdout, "ok")
	code, _, stderr = invoke(t.Context(), nil, "check", "--env-file", write(good), "--policy", "optional")
	assert.Zero(t, code, "so does the command line: %s", stderr)

	for content, says := range map[string]string{
		"CLERK_SECRET_KEY sk_test_planted": ":1 is not NAME=value", "A=1\nA=planted": ":2 sets A a second time", "A B=planted": ":1 is not NAME=value",
	} {
		for _, command := range []string{"check", "serve"} {
			code, _, stderr = invoke(t.Context(), nil, command, "--env-file", write(content))
			assert.Equal(t, 2, code)
			assert.Contains(t, stderr, says)
			assert.Contains(t, stderr, "--env-file")
			assert.NotContains(t, stderr, "planted")
		}
	}
	code, _, stderr = invoke(t.Context(), nil, "serve", "--env-file", "/nowhere/clerkgate.env")
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "/nowhere/clerkgate.env")
	code, _, _ = invoke(t.Context(), nil, "serve", "--env-file", write("CLERK_SECRETKEY=1"))
	assert.Equal(t, 2, code)
}
