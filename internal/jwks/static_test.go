package jwks

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// rsaKeys returns two different keys.
func rsaKeys(t testing.TB) (a, b *rsa.PublicKey) {
	t.Helper()
	return &kit.RSAKey(t, 0).PublicKey, &kit.RSAKey(t, 1).PublicKey
}

func TestStaticReadsPEMAsVariablesCarryIt(t *testing.T) {
	t.Parallel()
	public, _ := rsaKeys(t)
	text := kit.PublicPEM(t, public)
	for name, form := range map[string]string{
		"as it is":           text,
		"windows lines":      strings.ReplaceAll(text, "\n", "\r\n"),
		"literal n":          strings.ReplaceAll(text, "\n", `\n`),
		"literal r and n":    strings.ReplaceAll(text, "\n", `\r\n`),
		"spaces":             strings.ReplaceAll(text, "\n", " "),
		"joined":             strings.ReplaceAll(text, "\n", ""),
		"indented":           strings.ReplaceAll(text, "\n", "\n    "),
		"quoted":             `"` + strings.ReplaceAll(text, "\n", `\n`) + `"`,
		"spaces around":      "  \n" + text + "\n\n",
		"without line break": strings.TrimSpace(text),
		"without its lines":  strings.NewReplacer(pemBegin, "", pemEnd, "").Replace(text),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := NewStatic(form)
			require.NoError(t, err)
			for _, kid := range []string{"", "ins_1", "anything"} {
				key, err := s.Key(t.Context(), named(kid))
				require.NoError(t, err)
				assert.True(t, public.Equal(key))
			}
		})
	}
}

func TestStaticRefuses(t *testing.T) {
	t.Parallel()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	public, _ := rsaKeys(t)
	good := kit.PublicPEM(t, public)
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	for name, tt := range map[string]struct{ text, want string }{
		"empty":       {"", "does not begin with"},
		"secret key":  {"sk_test_secret", "does not begin with"},
		"no end":      {strings.Split(good, "-----END")[0], "does not end with"},
		"other block": {strings.ReplaceAll(good, "PUBLIC KEY", "CERTIFICATE"), "does not begin with"},
		"private key": {strings.ReplaceAll(good, "PUBLIC KEY", "PRIVATE KEY"), "does not begin with"},
		"bad base64":  {strings.Replace(good, "MII", "M!I", 1), "between the PEM lines"},
		"bad key":     {strings.Replace(good, "MII", "MIA", 1), "public key"},
		"ec key":      {kit.PublicPEM(t, &ec.PublicKey), "not RSA"},
		"two keys":    {good + good, "between the PEM lines"},
		"short key":   {kit.PublicPEM(t, &short.PublicKey), "shorter than 2048"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := NewStatic(tt.text)
			require.ErrorContains(t, err, tt.want)
			assert.Nil(t, s)
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}
