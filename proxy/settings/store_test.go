package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	storeKey      = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
	otherStoreKey = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY"
)

func TestStore(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		url, keys string
		problem   string // "" for none
	}{
		"one server":            {url: "redis://redis.internal:6379", keys: storeKey + ", " + otherStoreKey},
		"without keys":          {url: "rediss://app:secret@redis.internal/1"},
		"another scheme":        {url: "http://redis.internal", problem: "CLERKGATE_STORE: found a URL that begins with \"http://\"; expected redis://"},
		"a weak key":            {url: "redis://redis.internal", keys: storeKey + ",c2hvcnQ=", problem: "CLERKGATE_STORE_KEYS: found key 2, which has 5 bytes; expected keys of at least 32 random bytes, in base64"},
		"a key in another form": {url: "redis://redis.internal", keys: "not base64!", problem: "CLERKGATE_STORE_KEYS: found key 1, which has 2 bytes"},
		"keys alone":            {keys: storeKey, problem: "CLERKGATE_STORE_KEYS: found keys, without CLERKGATE_STORE; expected nothing, or CLERKGATE_STORE with the URL of a store"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, _, err := load(environment(map[string]string{EnvStore: tt.url, EnvStoreKeys: tt.keys}))
			if tt.problem == "" {
				require.NoError(t, err)
				keys, err := cfg.DecodedStoreKeys()
				require.NoError(t, err)
				assert.Len(t, keys, strings.Count(tt.keys, ",")+min(1, len(tt.keys)))
				return
			}
			var invalid *Error
			require.ErrorAs(t, err, &invalid)
			require.Len(t, invalid.Problems, 1)
			assert.True(t, strings.HasPrefix(invalid.Problems[0].String(), tt.problem), invalid.Problems[0].String())
		})
	}
}

func TestStoreFromFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	url, keys := filepath.Join(folder, "url"), filepath.Join(folder, "keys")
	require.NoError(t, os.WriteFile(url, []byte("redis://app:secret@redis.internal\n"), 0o600))
	require.NoError(t, os.WriteFile(keys, []byte(storeKey+"\n"+otherStoreKey+"\n"), 0o600))
	cfg, _, err := load(environment(map[string]string{EnvStore + "_FILE": url, EnvStoreKeys + "_FILE": keys}))
	require.NoError(t, err)
	assert.Equal(t, "redis://app:secret@redis.internal", cfg.Store)
	decoded, err := cfg.DecodedStoreKeys()
	require.NoError(t, err)
	assert.Len(t, decoded, 2)
}

// A URL in the wrong variable may hold a password.
func TestStoreFileThatIsTheURLIsNotShown(t *testing.T) {
	t.Parallel()
	_, _, err := load(environment(map[string]string{EnvStore + "_FILE": "redis://app:secret@redis.internal"}))
	require.ErrorContains(t, err, "the value itself")
	assert.NotContains(t, err.Error(), "secret@")
}
