package seal_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/seal"
)

var (
	secretA = bytes.Repeat([]byte("a"), seal.MinSecret)
	secretB = bytes.Repeat([]byte("b"), seal.MinSecret)
)

func keys(t testing.TB, secrets ...[]byte) *seal.Keys {
	t.Helper()
	ks, err := seal.New(secrets...)
	require.NoError(t, err)
	return ks
}

func sealed(t testing.TB, ks *seal.Keys, value, name, bound string) []byte {
	t.Helper()
	s, err := ks.Seal([]byte(value), name, bound)
	require.NoError(t, err)
	return s
}

func TestSealedValueOpensForItsNameAndSecretAlone(t *testing.T) {
	t.Parallel()
	ks := keys(t, secretA)
	for _, tt := range []struct{ name, bound string }{{"res", ""}, {"res", "refresh token"}, {"", ""}} {
		s := sealed(t, ks, "value", tt.name, tt.bound)
		got, err := ks.Open(s, tt.name, tt.bound)
		require.NoError(t, err)
		assert.Equal(t, "value", string(got))

		_, err = ks.Open(s, tt.name+"x", tt.bound)
		require.ErrorIs(t, err, seal.ErrNotOpened, "for another name")
		_, err = ks.Open(s, tt.name, tt.bound+"x")
		require.ErrorIs(t, err, seal.ErrNotOpened, "with another secret")
		_, err = keys(t, secretB).Open(s, tt.name, tt.bound)
		require.ErrorIs(t, err, seal.ErrNotOpened, "with another key")
	}
}

// A dump of the store and the keys together must not open what is bound to a secret.
func TestBoundValueNeedsItsSecret(t *testing.T) {
	t.Parallel()
	ks := keys(t, secretA)
	_, err := ks.Open(sealed(t, ks, "value", "res", "refresh token"), "res", "")
	require.ErrorIs(t, err, seal.ErrNotOpened)
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	old, both, flipped, only := keys(t, secretA), keys(t, secretA, secretB), keys(t, secretB, secretA), keys(t, secretB)
	for _, tt := range []struct {
		from, to *seal.Keys
		opens    bool
	}{
		{old, both, true},
		{both, old, true}, // a new key is added behind the old one first
		{both, flipped, true},
		{flipped, both, true},
		{flipped, only, true},
		{both, only, false},
	} {
		_, err := tt.to.Open(sealed(t, tt.from, "value", "res", "bound"), "res", "bound")
		assert.Equal(t, tt.opens, err == nil)
	}
}

func TestNoTwoSealedValuesAreAlike(t *testing.T) {
	t.Parallel()
	ks := keys(t, secretA)
	assert.NotEqual(t, sealed(t, ks, "value", "res", ""), sealed(t, ks, "value", "res", ""))
	assert.NotContains(t, string(sealed(t, ks, "a readable value", "res", "")), "readable")
}

func TestEveryByteIsAuthenticated(t *testing.T) {
	t.Parallel()
	ks := keys(t, secretA, secretB)
	s := sealed(t, ks, "value", "res", "")
	for i := range s {
		for _, bit := range []byte{1, 0x80} {
			changed := slices.Clone(s)
			changed[i] ^= bit
			_, err := ks.Open(changed, "res", "")
			require.ErrorIs(t, err, seal.ErrNotOpened, "byte %d", i)
		}
		_, err := ks.Open(s[:i], "res", "")
		require.ErrorIs(t, err, seal.ErrNotOpened, "cut to %d bytes", i)
	}
}

func TestNewRefusesWeakSecrets(t *testing.T) {
	t.Parallel()
	_, err := seal.New()
	require.EqualError(t, err, "seal: no secret")
	_, err = seal.New(secretA, []byte("short"))
	require.EqualError(t, err, "seal: secret 2 has 5 bytes, fewer than 32")
}

func FuzzOpen(f *testing.F) {
	ks := keys(f, secretA, secretB)
	f.Add(sealed(f, ks, "value", "res", ""), "res", "")
	f.Add(sealed(f, ks, "value", "res", "bound"), "res", "bound")
	f.Add(sealed(f, keys(f, secretB), "", "", ""), "", "")
	f.Add([]byte{1, 0, 0, 0, 0}, "res", "")
	f.Fuzz(func(t *testing.T, s []byte, name, bound string) {
		value, err := ks.Open(s, name, bound)
		if err != nil {
			require.ErrorIs(t, err, seal.ErrNotOpened)
			require.Nil(t, value)
			return
		}
		// Only what was sealed here opens: the fuzzer does not know the keys.
		again, err := ks.Seal(value, name, bound)
		require.NoError(t, err)
		require.Len(t, s, len(again))
	})
}
