package settings

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStrictRoutesNeedAStoreToHearOfOthers(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "clerkgate.yaml")
	require.NoError(t, os.WriteFile(name, []byte("routes:\n  - { match: \"/*\", revocation: strict }\n"), 0o600))
	_, warnings, err := load(environment(map[string]string{EnvConfig: name}))
	require.NoError(t, err)
	require.Len(t, warnings, 1)
	assert.Equal(t, EnvStore, warnings[0].Variable)
	_, warnings, err = load(environment(map[string]string{EnvConfig: name, EnvStore: "redis://127.0.0.1:6379"}))
	require.NoError(t, err)
	assert.Empty(t, warnings)
}
