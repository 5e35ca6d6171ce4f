package jwks

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// clerk is the other end of Fetch.
type clerk struct {
	mu    sync.Mutex
	doc   string
	err   error
	hang  bool // until the fetch's own context ends
	calls atomic.Int64
}

func (c *clerk) set(doc string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.doc, c.err = doc, err
}

func (c *clerk) fetch(ctx context.Context) ([]byte, error) {
	c.calls.Add(1)
	c.mu.Lock()
	doc, err, hang := c.doc, c.err, c.hang
	c.mu.Unlock()
	if hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return []byte(doc), err
}

func jwkOf(kid string, public *rsa.PublicKey) string {
	enc := base64.RawURLEncoding
	return fmt.Sprintf(`{"use":"sig","kty":"RSA","kid":%q,"alg":"RS256","n":%q,"e":%q}`, kid,
		enc.EncodeToString(public.N.Bytes()), enc.EncodeToString(big.NewInt(int64(public.E)).Bytes()))
}

// named is a token that names its key.
func named(kid string) *jwt.Token {
	return &jwt.Token{Header: map[string]any{"alg": "RS256", "kid": kid}}
}

func set(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

func newSource(tb testing.TB, c *clerk) *Source {
	tb.Helper()
	s, err := New(Config{Fetch: c.fetch})
	require.NoError(tb, err)
	tb.Cleanup(s.Close)
	return s
}

func TestNewRefusesBadConfig(t *testing.T) {
	t.Parallel()
	_, err := New(Config{})
	require.Error(t, err)
	_, err = New(Config{Fetch: (&clerk{}).fetch, TTL: -1})
	require.Error(t, err)
}

func TestKeyIsFetchedOnceForAll(t *testing.T) {
	t.Parallel()
	public, _ := rsaKeys(t)
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var calls atomic.Int64
		s, err := New(Config{Fetch: func(context.Context) ([]byte, error) {
			calls.Add(1)
			<-release
			return []byte(set(jwkOf("ins_1", public))), nil
		}})
		require.NoError(t, err)
		defer s.Close()
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				key, err := s.Key(t.Context(), named("ins_1"))
				assert.NoError(t, err)
				assert.True(t, public.Equal(key))
			})
		}
		leaver, leave := context.WithCancel(t.Context())
		wg.Go(func() {
			_, err := s.Key(leaver, named("ins_1"))
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		leave() // one leaves, the others still get their key
		synctest.Wait()
		close(release)
		wg.Wait()
		assert.EqualValues(t, 1, calls.Load())
	})
}

type codedError string

func (e codedError) Error() string     { return "answered " + string(e) }
func (e codedError) ErrorCode() string { return string(e) }

func TestFirstLoadFailures(t *testing.T) {
	t.Parallel()
	odd := errors.New("connection refused")
	ec := `{"kty":"EC","kid":"ins_1","crv":"P-256","x":"AA","y":"AA"}`
	tests := []struct {
		name string
		doc  string
		err  error
		want error
	}{
		{"network", "", odd, ErrUnavailable},
		{"cause survives", "", odd, odd},
		{"code", "", codedError("unexpected_error"), ErrUnavailable},
		{"secret key", "", fmt.Errorf("wrapped: %w", codedError("clerk_key_invalid")), ErrSecretKeyInvalid},
		{"empty set", set(), nil, ErrEmpty},
		{"empty set is unavailable", set(), nil, ErrUnavailable},
		{"no list", `{}`, nil, ErrEmpty},
		{"no JSON", `<html>`, nil, ErrUnavailable},
		{"no usable key", set(ec, `5`, `{"kty":"RSA","kid":"ins_1","n":"!","e":"AQAB"}`), nil, ErrEmpty},
		{"too large", strings.Repeat(" ", maxDocument+1), nil, ErrUnavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSource(t, &clerk{doc: tt.doc, err: tt.err})
			_, err := s.Key(t.Context(), named("ins_1"))
			require.ErrorIs(t, err, tt.want)
			require.ErrorIs(t, s.Ready(t.Context()), tt.want)
		})
	}
}

func TestOddKeysAreSkipped(t *testing.T) {
	t.Parallel()
	a, b := rsaKeys(t)
	enc := strings.Replace(jwkOf("ins_enc", a), `"sig"`, `"enc"`, 1)
	c := &clerk{doc: set(`null`, enc, jwkOf("ins_1", a), jwkOf("", a), jwkOf("ins_1", b))}
	s := newSource(t, c)
	key, err := s.Key(t.Context(), named("ins_1"))
	require.NoError(t, err)
	assert.True(t, b.Equal(key), "of two with one id the later counts")
	for _, kid := range []string{"ins_enc", "", strings.Repeat("x", maxKID+1)} {
		_, err = s.Key(t.Context(), named(kid))
		require.ErrorIs(t, err, ErrUnknownKey)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	a, b := rsaKeys(t)
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{doc: set(jwkOf("ins_1", a))}
		s, err := New(Config{Fetch: c.fetch})
		require.NoError(t, err)
		defer s.Close()
		require.NoError(t, s.Ready(t.Context()))
		gen := s.Generation()

		_, err = s.Key(t.Context(), named("ins_2"))
		require.ErrorIs(t, err, ErrUnknownKey)
		assert.Equal(t, gen, s.Generation(), "the same keys again")

		// The new key is found at once although its id was asked for before.
		c.set(set(jwkOf("ins_3", b)), nil)
		_, err = s.Key(t.Context(), named("ins_3"))
		require.NoError(t, err)
		assert.NotEqual(t, gen, s.Generation())
		_, err = s.Key(t.Context(), named("ins_1"))
		require.ErrorIs(t, err, ErrUnknownKey, "a removed key stops")
	})
}

func TestJunkIDsDoNotHammerClerk(t *testing.T) {
	t.Parallel()
	a, b := rsaKeys(t)
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{doc: set(jwkOf("ins_1", a))}
		s, err := New(Config{Fetch: c.fetch})
		require.NoError(t, err)
		defer s.Close()
		require.NoError(t, s.Ready(t.Context()))
		for i := range 5000 {
			_, err := s.Key(t.Context(), named(fmt.Sprintf("junk_%d", i)))
			require.ErrorIs(t, err, ErrUnknownKey)
		}
		assert.EqualValues(t, 1+unknownBurst, c.calls.Load())
		assert.LessOrEqual(t, s.unknown.Len(), unknownKIDs)

		// A rotation in the middle of it: its first token may be refused, but not
		// for longer than the budget needs.
		c.set(set(jwkOf("ins_1", a), jwkOf("ins_2", b)), nil)
		_, err = s.Key(t.Context(), named("ins_2"))
		require.ErrorIs(t, err, ErrUnknownKey)
		time.Sleep(unknownFetchEach)
		_, err = s.Key(t.Context(), named("ins_2"))
		require.NoError(t, err)

		// A repeated junk id costs nothing for a while.
		time.Sleep(unknownFetchEach)
		_, err = s.Key(t.Context(), named("junk"))
		require.ErrorIs(t, err, ErrUnknownKey)
		before := c.calls.Load()
		time.Sleep(unknownKIDFor - time.Second)
		_, err = s.Key(t.Context(), named("junk"))
		require.ErrorIs(t, err, ErrUnknownKey)
		assert.Equal(t, before, c.calls.Load())
		time.Sleep(time.Second)
		_, err = s.Key(t.Context(), named("junk"))
		require.ErrorIs(t, err, ErrUnknownKey)
		assert.Equal(t, before+1, c.calls.Load())
	})
}

// TestReplicasOfOneDeploymentSpreadTheirFetches: started together, they do not fetch
// together.
func TestReplicasOfOneDeploymentSpreadTheirFetches(t *testing.T) {
	t.Parallel()
	public, _ := rsaKeys(t)
	synctest.Test(t, func(t *testing.T) {
		const replicas = 300
		began, perSecond := time.Now(), map[int]int{}
		var mu sync.Mutex
		doc := []byte(set(jwkOf("ins_1", public)))
		for range replicas {
			s, err := New(Config{Fetch: func(context.Context) ([]byte, error) {
				mu.Lock()
				defer mu.Unlock()
				perSecond[int(time.Since(began)/time.Second)]++
				return doc, nil
			}})
			require.NoError(t, err)
			t.Cleanup(s.Close)
			require.NoError(t, s.Ready(t.Context()))
			s.Generation() // in use
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		all := 0
		for second, n := range perSecond {
			if second > 0 {
				all += n
				assert.Less(t, n, replicas/10, "in second %d", second)
			}
		}
		assert.Equal(t, replicas, all)
	})
}

func TestRenewedAheadOfTimeWhileInUse(t *testing.T) {
	t.Parallel()
	a, b := rsaKeys(t)
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{doc: set(jwkOf("ins_1", a), jwkOf("ins_2", b))}
		s, err := New(Config{Fetch: c.fetch})
		require.NoError(t, err)
		defer s.Close()
		require.NoError(t, s.Ready(t.Context()))
		gen := s.Generation() // a hit in a cache of tokens is use, too
		c.set(set(jwkOf("ins_1", a)), nil)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		assert.EqualValues(t, 2, c.calls.Load(), "fetched without anybody waiting")
		assert.NotEqual(t, gen, s.Generation())
		_, err = s.Key(t.Context(), named("ins_1"))
		require.NoError(t, err)
		assert.EqualValues(t, 2, c.calls.Load())
	})
}

func TestIdleSourceFetchesOnNextUse(t *testing.T) {
	t.Parallel()
	a, b := rsaKeys(t)
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{doc: set(jwkOf("ins_1", a))}
		s, err := New(Config{Fetch: c.fetch})
		require.NoError(t, err)
		defer s.Close()
		require.NoError(t, s.Ready(t.Context()))
		gen := s.Generation()
		time.Sleep(12 * time.Hour)
		synctest.Wait()
		idle := c.calls.Load()
		assert.LessOrEqual(t, idle, int64(2), "nothing is fetched for nobody")
		assert.NotEqual(t, gen, s.Generation(), "results of before must ask again")

		c.set(set(jwkOf("ins_2", b)), nil)
		_, err = s.Key(t.Context(), named("ins_1"))
		require.ErrorIs(t, err, ErrUnknownKey, "removed while nobody looked")
		assert.Equal(t, idle+1, c.calls.Load())
	})
}

// TestUnusedKeysGrowOld: a set that nobody has used is not renewed, and is no better for that.
func TestUnusedKeysGrowOld(t *testing.T) {
	t.Parallel()
	a, _ := rsaKeys(t)
	for unused, want := range map[time.Duration]error{50 * time.Minute: nil, 61 * time.Minute: ErrUnavailable} {
		synctest.Test(t, func(t *testing.T) {
			c := &clerk{doc: set(jwkOf("ins_1", a))}
			s, err := New(Config{Fetch: c.fetch, StaleFor: time.Hour})
			require.NoError(t, err)
			defer s.Close()
			require.NoError(t, s.Ready(t.Context()))
			c.set("", errors.New("down"))
			time.Sleep(unused)
			_, err = s.Key(t.Context(), named("ins_1"))
			require.ErrorIs(t, err, want)
		})
	}
}

func TestKnownKeysServeOnWhileClerkFails(t *testing.T) {
	t.Parallel()
	a, _ := rsaKeys(t)
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		c := &clerk{doc: set(jwkOf("ins_1", a))}
		s, err := New(Config{Fetch: c.fetch, StaleFor: time.Hour, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		require.NoError(t, err)
		defer s.Close()
		require.NoError(t, s.Ready(t.Context()))
		gen := s.Generation()
		c.set("", errors.New("down"))
		for range 5 {
			time.Sleep(10 * time.Minute)
			_, err = s.Key(t.Context(), named("ins_1"))
			require.NoError(t, err)
		}
		synctest.Wait()
		assert.Equal(t, gen, s.Generation(), "remembered tokens stay good")
		assert.Greater(t, c.calls.Load(), int64(5), "it goes on trying")

		time.Sleep(11 * time.Minute)
		_, err = s.Key(t.Context(), named("ins_1"))
		require.ErrorIs(t, err, ErrUnavailable, "but not for ever")
		assert.NotEqual(t, gen, s.Generation())

		c.set(set(jwkOf("ins_1", a)), nil)
		time.Sleep(failureMemory)
		_, err = s.Key(t.Context(), named("ins_1"))
		require.NoError(t, err)
		s.Close() // before the log is read
		assert.Contains(t, log.String(), "JWKS could not be fetched")
	})
}

func TestIdleThenClerkFails(t *testing.T) {
	t.Parallel()
	a, _ := rsaKeys(t)
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{doc: set(jwkOf("ins_1", a))}
		s, err := New(Config{Fetch: c.fetch})
		require.NoError(t, err)
		defer s.Close()
		require.NoError(t, s.Ready(t.Context()))
		time.Sleep(time.Hour)
		c.mu.Lock()
		c.hang = true
		c.mu.Unlock()
		began := time.Now()
		_, err = s.Key(t.Context(), named("ins_1"))
		require.NoError(t, err)
		assert.Equal(t, 5*time.Second, time.Since(began), "one caller waits for one timeout")
		for range 10 {
			time.Sleep(2 * time.Second)
			began = time.Now()
			_, err = s.Key(t.Context(), named("ins_1"))
			require.NoError(t, err)
			assert.Zero(t, time.Since(began))
		}
		time.Sleep(25 * time.Hour)
		_, err = s.Key(t.Context(), named("ins_1"))
		require.ErrorIs(t, err, ErrUnavailable)
	})
}

func TestOutageDoesNotQueueRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{err: errors.New("down")}
		s, err := New(Config{Fetch: c.fetch})
		require.NoError(t, err)
		defer s.Close()
		for range 100 {
			_, err := s.Key(t.Context(), named("ins_1"))
			require.ErrorIs(t, err, ErrUnavailable)
		}
		assert.EqualValues(t, 1, c.calls.Load())
		time.Sleep(failureMemory)
		_, err = s.Key(t.Context(), named("ins_1"))
		require.ErrorIs(t, err, ErrUnavailable)
		assert.EqualValues(t, 2, c.calls.Load())
	})
}

func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // fails when a goroutine is left
		c := &clerk{hang: true}
		s, err := New(Config{Fetch: c.fetch})
		require.NoError(t, err)
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := s.Key(t.Context(), named("ins_1"))
			assert.ErrorIs(t, err, ErrUnavailable)
		})
		synctest.Wait()
		s.Close()
		wg.Wait()
		s.Close()
		_, err = s.Key(t.Context(), named("ins_1"))
		require.ErrorIs(t, err, ErrUnavailable)
		assert.EqualValues(t, 1, c.calls.Load())
	})
}

func TestKeyWithEndedContext(t *testing.T) {
	t.Parallel()
	a, _ := rsaKeys(t)
	s := newSource(t, &clerk{doc: set(jwkOf("ins_1", a))})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Key(ctx, named("ins_1"))
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, s.Ready(t.Context()))
	_, err = s.Key(ctx, named("ins_1"))
	require.NoError(t, err, "known keys need no waiting")
}

func TestKeyIsForItsOwnAlgorithmOnly(t *testing.T) {
	t.Parallel()
	a, b := rsaKeys(t)
	free := strings.Replace(jwkOf("ins_2", b), `"alg":"RS256",`, "", 1)
	s := newSource(t, &clerk{doc: set(jwkOf("ins_1", a), free)})
	ask := func(header map[string]any) (*rsa.PublicKey, error) {
		return s.Key(t.Context(), &jwt.Token{Header: header})
	}

	key, err := ask(map[string]any{"kid": "ins_1", "alg": "RS256"})
	require.NoError(t, err)
	assert.True(t, a.Equal(key))
	for _, alg := range []any{"RS512", "none", "HS256", "", 5} {
		key, err := ask(map[string]any{"kid": "ins_1", "alg": alg})
		require.ErrorIs(t, err, ErrAlgorithm, "%v", alg)
		assert.Nil(t, key)
	}
	key, err = ask(map[string]any{"kid": "ins_2", "alg": "RS512"})
	require.NoError(t, err, "a key that names no algorithm")
	assert.True(t, b.Equal(key))

	// A token that names no key is not tried with every key that there is.
	for name, header := range map[string]map[string]any{
		"no header": nil, "no kid": {"alg": "RS256"}, "no text": {"alg": "RS256", "kid": []any{"ins_1"}}, "empty": {"alg": "RS256", "kid": ""},
	} {
		_, err := ask(header)
		assert.ErrorIs(t, err, ErrUnknownKey, name)
	}
}

// TestFloodKeepsANewKeyOutShortly rotates keys while somebody sends one unknown id
// after the other.
func TestFloodKeepsANewKeyOutShortly(t *testing.T) {
	a, b := rsaKeys(t)
	synctest.Test(t, func(t *testing.T) {
		c := &clerk{doc: set(jwkOf("ins_1", a))}
		s, err := New(Config{Fetch: c.fetch})
		require.NoError(t, err)
		defer s.Close()
		require.NoError(t, s.Ready(t.Context()))
		junk := func(n int) {
			_, err := s.Key(t.Context(), named(fmt.Sprint("ins_junk_", n)))
			require.ErrorIs(t, err, ErrUnknownKey)
		}
		for n := range 1010 {
			junk(n)
			time.Sleep(10 * time.Millisecond)
		}
		c.set(set(jwkOf("ins_2", b)), nil)
		rotated, before := time.Now(), c.calls.Load()
		for n := 1010; ; n++ {
			if _, err := s.Key(t.Context(), named("ins_2")); err == nil {
				break
			}
			junk(n)
			time.Sleep(10 * time.Millisecond)
			require.LessOrEqual(t, time.Since(rotated), time.Second, "the new key is kept out")
		}
		assert.LessOrEqual(t, c.calls.Load()-before, int64(2), "Clerk is not flooded in turn")
	})
}
