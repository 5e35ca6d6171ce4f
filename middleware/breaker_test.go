package middleware

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBreaker(t *testing.T) {
	t.Parallel()
	now, random := time.Unix(1_790_000_000, 0), 0.0
	b := &breaker{now: func() time.Time { return now }, random: func() float64 { return random }}
	begin := func() uint64 {
		t.Helper()
		require.False(t, b.isOpen())
		period, ok := b.begin()
		require.True(t, ok)
		return period
	}
	// pause goes to the end of a pause and returns its length.
	pause := func() time.Duration {
		t.Helper()
		began := now
		for b.isOpen() {
			_, ok := b.begin()
			require.False(t, ok)
			now = now.Add(time.Millisecond)
		}
		return now.Sub(began)
	}
	begin()
	b.succeeded()

	late := begin()
	first := begin()
	b.failed(first, 0)
	b.failed(late, 0)
	assert.Equal(t, 250*time.Millisecond, pause(), "calls that fail together are one failure")
	random = 0.5
	for _, want := range []time.Duration{750 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second, 6 * time.Second, 6 * time.Second, 6 * time.Second} {
		probe := begin()
		assert.True(t, b.isOpen(), "one probe at a time")
		b.failed(probe, 0)
		assert.Equal(t, want, pause())
	}
	b.failed(begin(), 20*time.Second)
	assert.Equal(t, 20*time.Second, pause(), "as long as was asked for")
	b.failed(begin(), 24*time.Hour)
	assert.Equal(t, breakerRest, pause(), "and no longer than that")
	begin()
	b.succeeded()
	begin()
	b.failed(begin(), 0)
	assert.Equal(t, 375*time.Millisecond, pause(), "success begins anew")
}
