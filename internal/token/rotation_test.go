package token

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/big"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/jwks"
)

func (s signer) document(kid string) string {
	enc := base64.RawURLEncoding
	return fmt.Sprintf(`{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":%q,"n":%q,"e":%q}]}`, kid,
		enc.EncodeToString(s.private.N.Bytes()), enc.EncodeToString(big.NewInt(int64(s.private.E)).Bytes()))
}

// TestRemovedKeyStopsRememberedTokens follows a token through a rotation: it
// stops with the first fetch that lacks its key, remembered or not.
func TestRemovedKeyStopsRememberedTokens(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	synctest.Test(t, func(t *testing.T) {
		var doc atomic.Value
		doc.Store(s.document("ins_1"))
		source, err := jwks.New(jwks.Config{
			Fetch: func(context.Context) ([]byte, error) { return []byte(doc.Load().(string)), nil },
		})
		require.NoError(t, err)
		defer source.Close()
		v := s.verifier(t, func(c *Config) { c.Keys = source })
		raw := s.signText(t, goodHeader, shortClaims)
		first, err := v.Session(t.Context(), raw)
		require.NoError(t, err)
		again, err := v.Session(t.Context(), raw)
		require.NoError(t, err)
		require.Same(t, first, again)

		doc.Store(s.document("ins_2"))
		time.Sleep(5 * time.Minute) // the verifier's own clock stands still
		synctest.Wait()
		_, err = v.Session(t.Context(), raw)
		assert.Equal(t, ReasonKIDMismatch, reasonOf(t, err))
		_, err = v.Session(t.Context(), s.signText(t, `{"alg":"RS256","kid":"ins_2"}`, shortClaims))
		require.NoError(t, err)
	})
}

// TestVerifyDuringRotations has many callers while keys come and go: each
// answer is the token's own, or that its key is unknown.
func TestVerifyDuringRotations(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	var calls atomic.Int64
	source, err := jwks.New(jwks.Config{
		TTL: 5 * time.Millisecond,
		Fetch: func(context.Context) ([]byte, error) {
			return []byte(s.document(fmt.Sprintf("ins_%d", calls.Add(1)%2))), nil
		},
	})
	require.NoError(t, err)
	defer source.Close()
	v := s.verifier(t, func(c *Config) { c.Keys = source })
	var tokens [8]string
	for i := range tokens {
		tokens[i] = s.signText(t, fmt.Sprintf(`{"alg":"RS256","kid":"ins_%d"}`, i%2), fmt.Sprintf(`{"sub":"user_%d","exp":1790000060}`, i))
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 400 {
				got, err := v.Session(t.Context(), tokens[i%len(tokens)])
				if err != nil {
					assert.Equal(t, ReasonKIDMismatch, err.(*Error).Reason)
					continue
				}
				assert.Equal(t, fmt.Sprintf("user_%d", i%len(tokens)), got.Claims().Subject)
			}
		})
	}
	wg.Wait()
}

func BenchmarkHitRemoteKeys(b *testing.B) {
	s := newSigner(b)
	source, err := jwks.New(jwks.Config{Fetch: func(context.Context) ([]byte, error) { return []byte(s.document("ins_1")), nil }})
	require.NoError(b, err)
	defer source.Close()
	v := s.verifier(b, func(c *Config) { c.Keys = source })
	raw := s.signText(b, goodHeader, ordinaryClaims)
	ctx := b.Context()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := v.Session(ctx, raw); err != nil {
				b.Error(err)
			}
		}
	})
}
