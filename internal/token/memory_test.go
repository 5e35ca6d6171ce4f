package token

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ordinaryToken is the n-th of many tokens of 870 bytes. Nobody signed it: memory
// does not depend on that, and 100 000 signatures take minutes.
func ordinaryToken(n int) string {
	header := encode(`{"alg":"RS256","cat":"cl_B7d4PD111AAA","kid":"ins_3aQm5TpWk1HbZ6cMy8RnSeJgA4U","typ":"JWT"}`)
	claims := fmt.Sprintf(`{"azp":"https://example.com","exp":1790000060,"iat":1790000000,"iss":"https://clerk.example.com",`+
		`"jti":"%05d","nbf":1789999990,"o":{"id":"org_3aQm5TpWk1HbZ6cMy8R%08d","rol":"admin","slg":"ac-%d"},`+
		`"sid":"sess_3aQm8XcVtb2LpR9dWz7%08d","sts":"active","sub":"user_3aQm7HnUe5KdT1gBx4Z%08d","v":2}`, n, n/10, n%10, n, n)
	signature := encode(fmt.Sprintf("%0256d", n))
	return header + "." + encode(claims) + "." + signature
}

// remember lets v know tokens from the first up to the end, as if they had been
// verified, and identities been built of them.
func remember(tb testing.TB, v *Verifier, first, end int) {
	tb.Helper()
	for n := first; n < end; n++ {
		raw := ordinaryToken(n)
		u, err := Decode(raw)
		require.NoError(tb, err)
		exp, _ := u.EXP()
		verified := &Verified{by: v, kind: kindSession, times: times{exp: dateMillis(exp)}}
		verified.keep(u)
		verified.Derived(func(v *Verified) any {
			c := *v.Claims()
			c.Raw = nil // as large as all the rest
			return &c
		})
		v.remember(raw, verified)
	}
}

// heap is what lives on the heap.
func heap() int {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // the first one leaves what finalizers and weak references held
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

func TestMemoryOfRememberedTokens(t *testing.T) {
	require.Len(t, ordinaryToken(1), 870)
	const size = 10_000
	v := newSigner(t).verifier(t, func(c *Config) { c.CacheSize = size })
	before := heap()
	remember(t, v, 0, size)
	full := heap()
	assert.InDelta(t, size, v.cache.len(), size/20) // shards fill unevenly
	perToken := (full - before) / v.cache.len()
	t.Logf("%d bytes for each of %d tokens", perToken, v.cache.len())
	assert.LessOrEqual(t, perToken, bytesPerToken)

	// As many more find no room.
	remember(t, v, size, 2*size)
	assert.LessOrEqual(t, v.cache.len(), size+cacheShards)
	assert.LessOrEqual(t, heap()-before, (size+cacheShards)*bytesPerToken)
	runtime.KeepAlive(v)
}

// TestClaimsAfterDerived reads claims that are no longer held.
func TestClaimsAfterDerived(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	v := s.verifier(t, nil)
	got, err := v.Session(t.Context(), s.signText(t, goodHeader, ordinaryClaims))
	require.NoError(t, err)
	first := got.Claims()
	assert.Same(t, first, got.Claims())
	got.Derived(func(v *Verified) any {
		assert.Same(t, first, v.Claims())
		return nil
	})
	assert.Equal(t, first, got.Claims())
	assert.NotSame(t, first, got.Claims())
	assert.JSONEq(t, ordinaryClaims, string(got.Claims().Raw))
	assert.True(t, got.HasAuthorizedParty())
	assert.False(t, got.Unreadable())
}

// BenchmarkFullCache tells what 100 000 tokens take, and how long the collector
// stops everybody while they are looked up and replaced.
func BenchmarkFullCache(b *testing.B) {
	v := newSigner(b).verifier(b, nil)
	before := heap()
	remember(b, v, 0, DefaultCacheSize)
	perToken := float64(heap()-before) / float64(v.cache.len())

	raw := ordinaryToken(DefaultCacheSize)
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	began := stats.NumGC
	for n := DefaultCacheSize; b.Loop(); n++ {
		v.cache.get(kindSession, raw)
		remember(b, v, n, n+1)
	}
	runtime.GC()
	debug.ReadGCStats(&stats)
	var longest time.Duration
	for _, pause := range stats.Pause[:min(len(stats.Pause), int(stats.NumGC-began))] {
		longest = max(longest, pause)
	}
	b.ReportMetric(perToken, "heap-B/token")
	b.ReportMetric(float64(longest.Microseconds()), "longest-pause-µs")
}
