package assertion_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/assertion"
	"github.com/clerkgate/clerkgate/internal/test/kit"
)

const (
	issuer   = "https://app.example.com"
	audience = "https://api.internal"
)

func epoch() time.Time { return time.Unix(1_790_000_000, 0) }

// clock is set by hand.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time          { return epoch().Add(time.Duration(c.offset.Load())) }
func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }

func pkcs8(t testing.TB, private any) []byte {
	t.Helper()
	return []byte(kit.PrivatePEM(t, private))
}

func p256(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return private
}

func ed(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return private
}

func file(t testing.TB, text []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(name, text, 0o600))
	return name
}

func load(t testing.TB, files ...string) *assertion.Keys {
	t.Helper()
	keys, err := assertion.Load(files)
	require.NoError(t, err)
	return keys
}

func signer(t testing.TB, keys *assertion.Keys, c *clock) *assertion.Signer {
	t.Helper()
	s, err := assertion.NewSigner(assertion.Options{Keys: keys, Issuer: issuer, Now: c.now})
	require.NoError(t, err)
	return s
}

func jane() assertion.Subject {
	return assertion.Subject{
		TokenType: "session_token", UserID: "user_jane", SessionID: "sess_1",
		OrgID: "org_acme", OrgSlug: "acme", OrgRole: "org:admin",
	}
}

// verify is an upstream that does all that the package comment asks of it, with
// the key set as its only knowledge.
func verify(t testing.TB, jwks []byte, raw string, now time.Time) (jwt.MapClaims, error) {
	t.Helper()
	storage := storage(t, jwks)
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(raw, claims, func(token *jwt.Token) (any, error) {
		if token.Header["typ"] != assertion.Type {
			return nil, jwt.ErrTokenUnverifiable
		}
		kid, _ := token.Header["kid"].(string)
		key, err := storage.KeyRead(context.Background(), kid)
		if err != nil {
			return nil, err
		}
		if key.Marshal().ALG.String() != token.Method.Alg() {
			return nil, jwt.ErrTokenUnverifiable
		}
		return key.Key(), nil
	},
		jwt.WithValidMethods([]string{"ES256", "EdDSA"}), jwt.WithIssuer(issuer), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithTimeFunc(func() time.Time { return now }))
	return claims, err
}

// storage is the key set as another library reads it.
func storage(t testing.TB, jwks []byte) jwkset.Storage {
	t.Helper()
	s := jwkset.NewMemoryStorage()
	for _, raw := range members(t, jwks) {
		key, err := jwkset.NewJWKFromRawJSON(raw, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
		require.NoError(t, err)
		require.NoError(t, s.KeyWrite(t.Context(), key))
	}
	return s
}
