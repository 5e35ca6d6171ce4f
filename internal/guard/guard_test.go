package guard_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/breaker"
	"github.com/clerkgate/clerkgate/internal/guard"
)

// rig is a guard on a clock of the test, and what it has called.
type rig struct {
	*guard.Guard
	now         time.Time
	heard, told int
	calls       int
}

func newRig(cfg guard.Config) *rig {
	r := &rig{now: time.Unix(1_790_000_000, 0)}
	cfg.Breaker.Now = func() time.Time { return r.now }
	cfg.Breaker.Random = func() float64 { return 0 }
	cfg.Hear, cfg.Tell = func(context.Context) { r.heard++ }, func() { r.told++ }
	r.Guard = guard.New(cfg)
	return r
}

// answer is how a call ends.
type answer func() (*clerkapi.Response, error)

func (r *rig) call(ctx context.Context, a answer) (unavailable, made bool) {
	return r.Call(ctx, func() (*clerkapi.Response, error) { r.calls++; return a() })
}

// status answers as Clerk does.
func status(code int, retryAfter time.Duration) answer {
	return func() (*clerkapi.Response, error) {
		response := &clerkapi.Response{StatusCode: code, RetryAfter: retryAfter}
		if code >= 400 {
			return response, &clerkapi.APIError{Response: response}
		}
		return response, nil
	}
}

func lost(err error) answer {
	return func() (*clerkapi.Response, error) { return nil, &clerkapi.TransportError{Err: err} }
}

var unreachable = lost(&net.OpError{Op: "dial", Err: errors.New("connection refused")})

func TestWhatMeansThatClerkIsDown(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer            answer
		unavailable, down bool // down: ten of them stop the calls
	}{
		"success":                {status(200, 0), false, false},
		"refused":                {status(401, 0), false, false},
		"unknown":                {status(404, 0), false, false},
		"timeout of Clerk's":     {status(408, 0), true, true},
		"error":                  {status(500, 0), true, true},
		"gateway":                {status(502, 0), true, true},
		"maintenance":            {status(503, 0), true, true},
		"hangs":                  {lost(context.DeadlineExceeded), true, true},
		"reset":                  {lost(errors.New("connection reset")), true, true},
		"given up":               {lost(context.Canceled), false, false},
		"nothing that Clerk did": {func() (*clerkapi.Response, error) { return nil, clerkapi.ErrInvalidID }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(guard.Config{})
			for range 10 {
				unavailable, made := r.call(t.Context(), test.answer)
				require.True(t, made)
				require.Equal(t, test.unavailable, unavailable)
			}
			assert.Equal(t, test.down, r.Refuses())
			assert.Equal(t, test.down, r.told == 1)
			record := r.Record()
			assert.Equal(t, test.unavailable, record.FailedSince(r.now))
			r.now = r.now.Add(30 * time.Second)
			assert.False(t, record.FailedSince(r.now), "long ago")
			assert.Equal(t, 10, r.heard)
		})
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer answer
		all    bool // calls of other kinds rest too
	}{
		"429": {status(429, 20*time.Second), true},
		"503": {status(503, 20*time.Second), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := &breaker.Server{}
			r, other := newRig(guard.Config{Breaker: breaker.Config{Server: server}}), newRig(guard.Config{Breaker: breaker.Config{Server: server}})
			unavailable, made := r.call(t.Context(), test.answer)
			assert.True(t, unavailable)
			assert.True(t, made)
			assert.Equal(t, 20*time.Second, r.State().Next)
			assert.Equal(t, test.all, other.Refuses())
			assert.Equal(t, test.all, r.told == 1)
			unavailable, made = r.call(t.Context(), status(200, 0))
			assert.True(t, unavailable)
			assert.False(t, made)
		})
	}
}

func TestNoConnectionIsTriedAgain(t *testing.T) {
	t.Parallel()
	r := newRig(guard.Config{})
	unavailable, _ := r.call(t.Context(), func() (*clerkapi.Response, error) {
		if r.calls == 1 {
			return unreachable()
		}
		return status(200, 0)()
	})
	assert.False(t, unavailable)
	assert.Equal(t, 2, r.calls)

	unavailable, _ = r.call(t.Context(), unreachable)
	assert.True(t, unavailable)
	assert.Equal(t, 4, r.calls, "once")
	_, _ = r.call(t.Context(), lost(errors.New("connection reset")))
	assert.Equal(t, 5, r.calls, "it may have had an effect")
	given, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = r.call(given, unreachable)
	assert.Equal(t, 6, r.calls, "nobody waits")
}

// TestWith: calls that can wait are not made while others show that Clerk is down.
func TestWith(t *testing.T) {
	t.Parallel()
	first := newRig(guard.Config{})
	r := newRig(guard.Config{With: first.Guard})
	for range 10 {
		_, _ = first.call(t.Context(), status(500, 0))
	}
	assert.True(t, r.Refuses())
	unavailable, made := r.call(t.Context(), status(200, 0))
	assert.True(t, unavailable)
	assert.False(t, made)
	first.now = first.now.Add(5 * time.Second)
	_, made = r.call(t.Context(), status(500, 0))
	assert.True(t, made)
	assert.False(t, first.Refuses(), "and not the other way round")
}

func TestOff(t *testing.T) {
	t.Parallel()
	r := newRig(guard.Config{Off: true})
	for range 20 {
		unavailable, made := r.call(t.Context(), status(429, time.Minute))
		assert.False(t, unavailable)
		assert.True(t, made)
	}
	assert.False(t, r.Refuses())
	assert.Zero(t, r.heard+r.told)
	assert.Equal(t, guard.Record{}, r.Record())
}

// TestPanic: the call may be the only probe.
func TestPanic(t *testing.T) {
	t.Parallel()
	r := newRig(guard.Config{})
	_, _ = r.call(t.Context(), status(503, time.Second))
	r.now = r.now.Add(time.Second)
	assert.Panics(t, func() { _, _ = r.call(t.Context(), func() (*clerkapi.Response, error) { panic("x") }) })
	assert.False(t, r.Refuses())
	r.Failed()
	record := r.Record()
	assert.True(t, record.FailedSince(r.now))
}
