package breaker_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/breaker"
)

// rig is a breaker on a clock of the test.
type rig struct {
	*breaker.Breaker
	tb  testing.TB
	now time.Time
}

func newRig(tb testing.TB, cfg breaker.Config) *rig {
	tb.Helper()
	r := &rig{tb: tb, now: time.Unix(1_790_000_000, 0)}
	cfg.Now = func() time.Time { return r.now }
	if cfg.Random == nil {
		cfg.Random = func() float64 { return 0 }
	}
	r.Breaker = breaker.New(cfg)
	return r
}

// call makes a call that must be allowed.
func (r *rig) call(o breaker.Outcome) {
	r.tb.Helper()
	r.Done(r.begin(), o)
}

func (r *rig) begin() breaker.Call {
	r.tb.Helper()
	require.False(r.tb, r.Refuses())
	c, ok := r.Allow()
	require.True(r.tb, ok)
	return c
}

func (r *rig) calls(n int, o breaker.Outcome) {
	r.tb.Helper()
	for range n {
		r.call(o)
	}
}

// pause goes to the end of a pause and returns its length.
func (r *rig) pause() time.Duration {
	r.tb.Helper()
	began := r.now
	for r.Refuses() {
		_, ok := r.Allow()
		require.False(r.tb, ok)
		r.now = r.now.Add(10 * time.Millisecond)
	}
	return r.now.Sub(began)
}

func TestOpens(t *testing.T) {
	t.Parallel()
	type step struct {
		successes, failures, neither int
		after                        time.Duration
	}
	for name, test := range map[string]struct {
		steps []step
		opens bool
	}{
		"ten failures":                  {[]step{{failures: 10}}, true},
		"nine failures":                 {[]step{{failures: 9}}, false},
		"half of ten":                   {[]step{{successes: 5, failures: 5}}, true},
		"less than half":                {[]step{{successes: 6, failures: 5}}, false},
		"calls that say nothing":        {[]step{{neither: 50, failures: 9}}, false},
		"spread over the window":        {[]step{{failures: 5, after: 9 * time.Second}, {failures: 5}}, true},
		"older than the window":         {[]step{{failures: 9, after: 10 * time.Second}, {failures: 1}}, false},
		"long ago, with nothing since":  {[]step{{failures: 9, after: time.Hour}, {failures: 1}}, false},
		"successes older than the rest": {[]step{{successes: 50, after: 10 * time.Second}, {failures: 10}}, true},
		"a success does not open it":    {[]step{{failures: 9, after: 0}, {successes: 5}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, breaker.Config{})
			for _, s := range test.steps {
				r.calls(s.successes, breaker.Success)
				r.calls(s.neither, breaker.Neither)
				r.calls(s.failures, breaker.Failure)
				r.now = r.now.Add(s.after)
			}
			assert.Equal(t, test.opens, r.Refuses())
			assert.Equal(t, test.opens, r.State().Open)
		})
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	random := 0.0
	r := newRig(t, breaker.Config{Random: func() float64 { return random }})
	late := r.begin()
	began := r.now
	r.calls(10, breaker.Failure)
	assert.Equal(t, 5*time.Second, r.pause())
	random = 0.5
	probe := r.begin()
	assert.True(t, r.Refuses(), "one probe at a time")
	r.Done(late, breaker.Success)
	assert.True(t, r.State().Open, "a call from before says nothing about now")
	r.Done(probe, breaker.Failure)
	assert.Equal(t, 6250*time.Millisecond, r.pause(), "up to half is added at random")
	assert.Equal(t, began, r.State().Since, "it has been open since the first failure")
	assert.Zero(t, r.State().Next)
	r.Done(r.begin(), breaker.Neither)
	r.Done(r.begin(), breaker.Success)
	assert.Equal(t, breaker.State{}, r.State(), "a probe that says nothing is followed by another, a success closes it")
	r.calls(9, breaker.Failure)
	assert.False(t, r.Refuses(), "success begins anew")
	r.call(breaker.Failure)
	assert.Equal(t, 6250*time.Millisecond, r.State().Next)
}

func TestLongest(t *testing.T) {
	t.Parallel()
	r := newRig(t, breaker.Config{Calls: 1, Open: time.Second, Longest: 5 * time.Second})
	for _, want := range []time.Duration{1, 2, 4, 5, 5} {
		r.call(breaker.Failure)
		assert.Equal(t, want*time.Second, r.pause())
	}
	r.call(breaker.Success)
	r.call(breaker.Failure)
	assert.Equal(t, time.Second, r.pause())
}

func TestRest(t *testing.T) {
	t.Parallel()
	shared := &breaker.Server{}
	asked, other, apart := newRig(t, breaker.Config{Server: shared}), newRig(t, breaker.Config{Server: shared}), newRig(t, breaker.Config{})
	limited, late := asked.begin(), asked.begin()
	asked.RestFor(30 * time.Second)
	asked.Done(limited, breaker.Neither)
	asked.Done(late, breaker.Success)
	assert.True(t, other.Refuses(), "all calls to the server rest")
	assert.False(t, apart.Refuses())
	assert.Equal(t, 30*time.Second, asked.pause())
	probe := asked.begin()
	assert.True(t, asked.Refuses(), "there is a probe at the end, not a herd")
	asked.RestFor(0)
	asked.Done(probe, breaker.Neither)
	assert.Equal(t, time.Second, asked.pause(), "a server that names no time gets a second")
	asked.call(breaker.Success)
	assert.False(t, asked.State().Open)
	asked.RestFor(24 * time.Hour)
	assert.Equal(t, breaker.MaxRest, asked.pause(), "nobody stops the calls for a day")
	asked.call(breaker.Success)
	asked.RestFor(20 * time.Second)
	asked.RestFor(10 * time.Second)
	assert.Equal(t, 20*time.Second, asked.pause(), "a shorter one does not end a longer one")

	unaware := newRig(t, breaker.Config{Server: shared})
	unaware.now = asked.now
	assert.False(t, unaware.Refuses(), "a rest that is over is nobody's concern")
}

// TestOpenFor: a 503 with Retry-After is about the calls of one kind.
func TestOpenFor(t *testing.T) {
	t.Parallel()
	shared := &breaker.Server{}
	asked, other := newRig(t, breaker.Config{Server: shared}), newRig(t, breaker.Config{Server: shared})
	began := asked.now
	first := asked.begin()
	asked.OpenFor(20 * time.Second)
	asked.Done(first, breaker.Failure)
	assert.False(t, other.Refuses())
	assert.Equal(t, 20*time.Second, asked.pause())
	probe := asked.begin()
	assert.True(t, asked.Refuses(), "a probe, not a herd")
	asked.OpenFor(24 * time.Hour)
	asked.Done(probe, breaker.Failure)
	assert.Equal(t, began, asked.State().Since)
	assert.Equal(t, breaker.MaxRest, asked.pause())
	asked.call(breaker.Failure)
	assert.Equal(t, 5*time.Second, asked.pause(), "without a Retry-After, as after any failed probe")
	asked.OpenFor(10 * time.Second)
	asked.OpenFor(0)
	assert.Equal(t, 10*time.Second, asked.pause(), "a shorter one does not end a longer one")
	asked.call(breaker.Success)
	assert.False(t, asked.State().Open)
}

// TestUnlimited: the JWKS has no rate limit.
func TestUnlimited(t *testing.T) {
	t.Parallel()
	shared := &breaker.Server{}
	limited, unlimited := newRig(t, breaker.Config{Server: shared}), newRig(t, breaker.Config{Server: shared, Unlimited: true})
	limited.RestFor(time.Minute)
	assert.True(t, limited.Refuses())
	assert.False(t, unlimited.Refuses())
	unlimited.OpenFor(time.Minute)
	assert.True(t, unlimited.Refuses())
}

// TestDoubt: what another breaker has found out makes this one quicker, and never opens it.
func TestDoubt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		successes int
		after     time.Duration
		opens     bool
	}{
		"the first call fails":               {0, 0, true},
		"half of the calls fail":             {1, 0, true},
		"most calls succeed":                 {2, 0, false},
		"just before the doubt ends":         {0, breaker.MaxDoubt - 1, true},
		"the doubt is over":                  {0, breaker.MaxDoubt, false},
		"successes, and the doubt has ended": {1, breaker.MaxDoubt, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shared := &breaker.Server{}
			finds, r := newRig(t, breaker.Config{Server: shared}), newRig(t, breaker.Config{Server: shared})
			for range 9 {
				assert.False(t, finds.Done(finds.begin(), breaker.Failure))
			}
			require.True(t, finds.Done(finds.begin(), breaker.Failure))
			finds.Doubt()
			assert.False(t, r.Refuses(), "a doubt stops no calls")
			r.now = r.now.Add(test.after)
			r.calls(test.successes, breaker.Success)
			r.call(breaker.Failure)
			assert.Equal(t, test.opens, r.Refuses())
		})
	}
}

// TestDoubtFromElsewhere is bounded, and a breaker does not doubt because of itself.
func TestDoubtFromElsewhere(t *testing.T) {
	t.Parallel()
	shared := &breaker.Server{}
	r := newRig(t, breaker.Config{Server: shared})
	shared.Doubt(r.now, 24*time.Hour)
	_, until := shared.Until()
	assert.Equal(t, r.now.Add(breaker.MaxDoubt), until)
	shared.Doubt(r.now, time.Second)
	_, again := shared.Until()
	assert.Equal(t, until, again, "a shorter one does not end a longer one")
	r.now = until
	r.calls(10, breaker.Failure)
	r.Doubt()
	r.pause()
	assert.False(t, r.Done(r.begin(), breaker.Success))
	r.call(breaker.Failure)
	assert.False(t, r.Refuses(), "it has begun anew")
}

func TestRetries(t *testing.T) {
	t.Parallel()
	r := newRig(t, breaker.Config{})
	allowed := func() (n int) {
		for r.MayRetry() {
			n++
		}
		return n
	}
	allowed()
	for range 10 {
		r.calls(3, breaker.Success)
		r.now = r.now.Add(time.Second)
		assert.Equal(t, 1, allowed(), "one in a second always may")
	}
	for range 10 {
		r.calls(100, breaker.Success)
		r.now = r.now.Add(time.Second)
	}
	allowed()
	many := 0
	for range 10 {
		r.calls(100, breaker.Success)
		r.now = r.now.Add(500 * time.Millisecond)
		many += allowed()
		r.now = r.now.Add(500 * time.Millisecond)
		many += allowed()
	}
	assert.InDelta(t, 100, many, 15, "a tenth of the calls")
	r.now = r.now.Add(time.Minute)
	r.calls(10, breaker.Failure)
	assert.False(t, r.MayRetry(), "never while it is open")
}

// TestConcurrentProbes: of many callers that come when the pause is over, one probes.
func TestConcurrentProbes(t *testing.T) {
	t.Parallel()
	r := newRig(t, breaker.Config{})
	r.calls(10, breaker.Failure)
	r.pause()
	var allowed atomic.Int64
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			if _, ok := r.Allow(); ok {
				allowed.Add(1)
			}
			r.State()
			r.MayRetry()
		})
	}
	callers.Wait()
	assert.EqualValues(t, 1, allowed.Load())
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	b := breaker.New(breaker.Config{})
	for range 10 {
		c, ok := b.Allow()
		require.True(t, ok)
		b.Done(c, breaker.Failure)
	}
	assert.Greater(t, b.State().Next, time.Second)
	assert.LessOrEqual(t, b.State().Next, 7500*time.Millisecond)
}
