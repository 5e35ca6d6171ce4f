package token

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/jwks"
)

// FuzzSession holds that nothing verifies which golang-jwt does not find
// signed, and that nothing usable comes with an error.
func FuzzSession(f *testing.F) {
	text, err := os.ReadFile("testdata/session.json")
	require.NoError(f, err)
	var golden struct {
		PEM   string
		Cases []struct{ Token string }
	}
	require.NoError(f, json.Unmarshal(text, &golden))
	for _, c := range golden.Cases {
		f.Add(c.Token)
	}
	source, err := jwks.NewStatic(golden.PEM)
	require.NoError(f, err)
	key, err := source.Key(f.Context(), &jwt.Token{Header: map[string]any{"alg": "RS256"}})
	require.NoError(f, err)
	v, err := New(Config{Keys: source, Now: func() time.Time { return now }})
	require.NoError(f, err)
	parser := jwt.NewParser(jwt.WithoutClaimsValidation(), jwt.WithValidMethods([]string{"RS256"}))
	f.Fuzz(func(t *testing.T, raw string) {
		ctx := t.Context()
		for _, verify := range []func() (*Verified, error){
			func() (*Verified, error) { return v.Session(ctx, raw) },
			func() (*Verified, error) { return v.M2M(ctx, raw) },
			func() (*Verified, error) { return v.OAuth(ctx, raw) },
		} {
			got, err := verify()
			if err != nil {
				require.Nil(t, got)
				continue
			}
			u, err := Decode(raw)
			require.NoError(t, err)
			signed := raw[:strings.LastIndexByte(raw, '.')]
			require.NoError(t, jwt.SigningMethodRS256.Verify(signed, u.doc.signature, key))
			// golang-jwt reads fewer forms than the reference (no padding, no byte
			// order mark); what it reads must be what we read.
			var claims jwt.MapClaims
			if _, err := parser.ParseWithClaims(raw, &claims, func(*jwt.Token) (any, error) { return key, nil }); err == nil {
				require.Equal(t, claims["sub"], got.Claims().Subject)
			}
		}
		lines, err := v.Handshake(ctx, raw)
		require.True(t, err == nil || lines == nil)
	})
}
