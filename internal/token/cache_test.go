package token

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const shortClaims = `{"sub":"user_1","sid":"sess_1","exp":1790000060,"nbf":1789999990,"iat":1790000000}`

// clock is a clock that a test sets.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.set(now)
	return c
}

func (c *clock) set(t time.Time) { c.nanos.Store(t.UnixNano()) }
func (c *clock) Now() time.Time  { return time.Unix(0, c.nanos.Load()) }

func TestCacheComparesTimesOnEachHit(t *testing.T) {
	t.Parallel()
	s, c := newSigner(t), newClock()
	v := s.verifier(t, func(cfg *Config) { cfg.Now = c.Now })
	raw := s.signText(t, goodHeader, shortClaims)

	first, err := v.Session(t.Context(), raw)
	require.NoError(t, err)
	again, err := v.Session(t.Context(), raw)
	require.NoError(t, err)
	assert.Same(t, first, again)
	assert.EqualValues(t, 1, s.source.asks.Load())

	c.set(now.Add(65 * time.Second))
	_, err = v.Session(t.Context(), raw)
	assert.Equal(t, ReasonExpired, reasonOf(t, err))
	c.set(now.Add(-time.Minute)) // a clock set back
	_, err = v.Session(t.Context(), raw)
	assert.Equal(t, ReasonNotActiveYet, reasonOf(t, err))
	c.set(now.Add(64 * time.Second))
	_, err = v.Session(t.Context(), raw)
	require.NoError(t, err)
	assert.EqualValues(t, 1, s.source.asks.Load(), "time is judged without the key")
}

func TestCacheForgetsWithTheKeys(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	v := s.verifier(t, nil)
	raw := s.signText(t, goodHeader, shortClaims)
	_, err := v.Session(t.Context(), raw)
	require.NoError(t, err)

	s.source.kid = "ins_2"
	s.source.gen.Add(1)
	_, err = v.Session(t.Context(), raw)
	assert.Equal(t, ReasonKIDMismatch, reasonOf(t, err))
}

func TestCacheKeepsOnlyWhatVerified(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	v := s.verifier(t, nil)
	good := s.signText(t, goodHeader, shortClaims)
	for _, raw := range []string{
		"", "a.b.c", good[:len(good)-8] + "AAAAAAAA",
		s.signText(t, goodHeader, `{"sub":"u","exp":1}`),
	} {
		_, err := v.Session(t.Context(), raw)
		require.Error(t, err)
	}
	_, err := v.SessionWithSkew(t.Context(), s.signText(t, goodHeader, `{"sub":"u","exp":1789990000}`), 24*time.Hour)
	require.NoError(t, err)
	long := s.signText(t, goodHeader, `{"sub":"u","exp":1790000060,"x":"`+strings.Repeat("x", maxCached)+`"}`)
	_, err = v.Session(t.Context(), long)
	require.NoError(t, err)
	assert.Zero(t, v.cache.len())

	_, err = v.Session(t.Context(), good)
	require.NoError(t, err)
	assert.Equal(t, 1, v.cache.len())
	_, err = v.Session(t.Context(), good+"=") // decodes alike, but is another token
	require.NoError(t, err)
	assert.Equal(t, 2, v.cache.len())
}

func TestCacheKindsDoNotShare(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	v := s.verifier(t, func(c *Config) { c.AuthorizedParties = []string{"https://a.example"} })
	raw := s.signText(t, goodHeader, `{"sub":"mch_1","exp":1790000060}`)
	_, err := v.M2M(t.Context(), raw)
	require.NoError(t, err, "authorized parties are not for machines")
	_, err = v.Session(t.Context(), raw)
	assert.Equal(t, ReasonInvalidAuthorizedParties, reasonOf(t, err))
	_, err = v.OAuth(t.Context(), raw)
	assert.Equal(t, ReasonVerificationFailed, reasonOf(t, err))
}

// TestCacheCollision puts another token where a hash would find it.
func TestCacheCollision(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	v := s.verifier(t, nil)
	mine, theirs := s.signText(t, goodHeader, shortClaims), s.signText(t, goodHeader, `{"sub":"user_2","exp":1790000060}`)
	other, err := s.verifier(t, nil).Session(t.Context(), theirs)
	require.NoError(t, err)
	sum := v.cache.sum(kindSession, mine)
	v.cache.shard(sum).add(sum, other)
	got, err := v.Session(t.Context(), mine)
	require.NoError(t, err)
	assert.Equal(t, "user_1", got.Claims().Subject)
}

func TestDecodeFromCache(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	v := s.verifier(t, nil)
	raw := s.signText(t, goodHeader, shortClaims)
	u, err := v.Decode(raw)
	require.NoError(t, err)
	verified, err := v.SessionDecoded(t.Context(), u)
	require.NoError(t, err)
	again, err := v.Decode(raw)
	require.NoError(t, err)
	assert.Same(t, verified.Token(), again)
	_, err = v.Decode("x")
	assert.Equal(t, ReasonInvalid, reasonOf(t, err))

	asked := s.source.asks.Load()
	same, err := v.SessionDecoded(t.Context(), again)
	require.NoError(t, err)
	assert.Same(t, verified, same)
	assert.Equal(t, asked, s.source.asks.Load())
}

// TestDecodedElsewhere hands tokens that one verifier knows to another, which must
// judge for itself; and to its own, when what it knows no longer holds.
func TestDecodedElsewhere(t *testing.T) {
	t.Parallel()
	s, c := newSigner(t), newClock()
	v := s.verifier(t, func(cfg *Config) { cfg.Now = c.Now })
	raw := s.signText(t, goodHeader, shortClaims)
	verified, err := v.Session(t.Context(), raw)
	require.NoError(t, err)
	known := verified.Token()

	stricter := s.verifier(t, parties("https://a.example"))
	_, err = stricter.SessionDecoded(t.Context(), known)
	assert.Equal(t, ReasonInvalidAuthorizedParties, reasonOf(t, err))
	other := signer{s.private, &keys{kid: "ins_2"}}.verifier(t, nil)
	_, err = other.SessionDecoded(t.Context(), known)
	assert.Equal(t, ReasonKIDMismatch, reasonOf(t, err))

	machine, err := v.M2M(t.Context(), s.signText(t, `{"alg":"RS256","kid":"ins_1","cat":"cl_B7d4PD333AAA"}`, `{"sub":"mch_1","exp":1790000060}`))
	require.NoError(t, err)
	_, err = v.SessionDecoded(t.Context(), machine.Token())
	assert.Equal(t, ReasonInvalid, reasonOf(t, err))

	c.set(now.Add(time.Hour))
	_, err = v.SessionDecoded(t.Context(), known)
	assert.Equal(t, ReasonExpired, reasonOf(t, err))
	c.set(now)
	s.source.gen.Add(1)
	asked := s.source.asks.Load()
	again, err := v.SessionDecoded(t.Context(), known)
	require.NoError(t, err)
	assert.NotSame(t, verified, again)
	assert.Equal(t, asked+1, s.source.asks.Load(), "other keys, another verification")
}

// TestIdentitiesNeverCross runs many users through a small cache at once.
func TestIdentitiesNeverCross(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	v := s.verifier(t, func(c *Config) { c.CacheSize = 64 })
	const users = 200
	tokens := make([]string, users)
	for i := range tokens {
		tokens[i] = s.signText(t, goodHeader, fmt.Sprintf(`{"sub":"user_%d","exp":1790000060}`, i))
	}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range users {
				n := (i*7 + w*31) % users
				got, err := v.Session(context.Background(), tokens[n])
				if assert.NoError(t, err) {
					want := fmt.Sprintf("user_%d", n)
					assert.Equal(t, want, got.Claims().Subject)
					assert.Equal(t, want, got.Derived(func(v *Verified) any { return v.Claims().Subject }))
				}
			}
		})
	}
	wg.Wait()
	assert.LessOrEqual(t, v.cache.len(), 64)
}

func TestDerivedIsBuiltOnce(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	v := s.verifier(t, nil)
	got, err := v.Session(t.Context(), s.signText(t, goodHeader, shortClaims))
	require.NoError(t, err)
	var builds atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() { got.Derived(func(*Verified) any { return builds.Add(1) }) })
	}
	wg.Wait()
	assert.EqualValues(t, 1, got.Derived(nil))
}

func TestHitDoesNotAllocate(t *testing.T) {
	s := newSigner(t)
	v := s.verifier(t, nil)
	raw := s.signText(t, goodHeader, shortClaims)
	ctx := t.Context()
	_, err := v.Session(ctx, raw)
	require.NoError(t, err)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := v.Session(ctx, raw); err != nil {
			t.Error(err)
		}
	}))
}

// TestExpiredTokensLeave has tokens of a minute come and go: what has expired does
// not stay until others need its place.
func TestExpiredTokensLeave(t *testing.T) {
	s := newSigner(t)
	synctest.Test(t, func(t *testing.T) {
		clock := newClock()
		v := s.verifier(t, func(c *Config) { c.Now, c.CacheSize = clock.Now, 10_000 })
		for round := range 3 {
			remember(t, v, 0, 1000)
			clock.set(now.Add(time.Minute))
			time.Sleep(2 * sweepPeriod)
			assert.Equal(t, 1000, v.cache.len(), "within the skew they count")
			clock.set(now.Add(65 * time.Second))
			time.Sleep(sweepPeriod)
			synctest.Wait()
			assert.Zero(t, v.cache.len(), "round %d", round)
			clock.set(now)
		}
	})
}

func TestSweepSparesTheLiving(t *testing.T) {
	s := newSigner(t)
	synctest.Test(t, func(t *testing.T) {
		clock := newClock()
		v := s.verifier(t, func(c *Config) { c.Now = clock.Now })
		remember(t, v, 0, 1000)
		never := s.signText(t, goodHeader, `{"sub":"u","exp":1e15}`)
		later := s.signText(t, goodHeader, `{"sub":"u","exp":1790000160}`)
		for _, raw := range []string{never, later} {
			_, err := v.Session(t.Context(), raw)
			require.NoError(t, err)
		}
		clock.set(now.Add(65 * time.Second))
		time.Sleep(sweepPeriod)
		synctest.Wait()
		assert.Equal(t, 2, v.cache.len())
		assert.NotNil(t, v.cache.get(kindSession, never))
		assert.NotNil(t, v.cache.get(kindSession, later))
	})
}

func TestCacheIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	v := newSigner(t).verifier(t, func(c *Config) { c.CacheSize = 3200 })
	for n := range 3200 {
		raw := ordinaryToken(n)
		raw = strings.Replace(raw, ".", "."+strings.Repeat("A", maxCached-len(raw)), 1) // no JSON, but as long as can be
		verified := &Verified{by: v, kind: kindSession}
		verified.token.raw = raw
		v.cache.add(raw, verified)
	}
	assert.LessOrEqual(t, v.cache.len()*maxCached, 3200*bytesPerToken)
	assert.Greater(t, v.cache.len()*maxCached, 3200*bytesPerToken/2)
	for i := range v.cache.shards {
		shard := &v.cache.shards[i]
		bytes := 0
		for known := shard.ends.next; known != &shard.ends; known = known.next {
			bytes += known.size()
		}
		assert.Equal(t, bytes, shard.bytes)
		assert.LessOrEqual(t, bytes, shard.maxBytes)
	}
}
