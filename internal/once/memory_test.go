package once_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/once"
)

func newMemory(t testing.TB, change func(*once.Config[string, string])) *once.Memory[string, string] {
	t.Helper()
	cfg := once.Config[string, string]{Entries: 100, Timeout: 5 * time.Second}
	if change != nil {
		change(&cfg)
	}
	m, err := once.New(cfg)
	require.NoError(t, err)
	return m
}

// asker answers each question with its own number, and counts.
type asker struct {
	calls atomic.Int64
	takes time.Duration
	holds time.Duration
}

func (a *asker) ask(ctx context.Context) (string, time.Time) {
	n := a.calls.Add(1)
	select {
	case <-time.After(a.takes):
		return fmt.Sprint(n), time.Now().Add(a.holds)
	case <-ctx.Done():
		return ctx.Err().Error(), time.Now().Add(a.holds)
	}
}

func TestAnswerIsSharedAndRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, a := newMemory(t, nil), &asker{takes: time.Second, holds: 10 * time.Second}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				got, err := m.Do(t.Context(), "k", a.ask)
				assert.NoError(t, err)
				assert.Equal(t, "1", got)
			})
		}
		wg.Wait()
		time.Sleep(10*time.Second - 1)
		got, err := m.Do(t.Context(), "k", a.ask)
		require.NoError(t, err)
		assert.Equal(t, "1", got)
		remembered, ok := m.Remembered("k")
		assert.True(t, ok)
		assert.Equal(t, "1", remembered)

		time.Sleep(time.Nanosecond)
		_, ok = m.Remembered("k")
		assert.False(t, ok, "an answer holds until its time, not longer")
		got, err = m.Do(t.Context(), "k", a.ask)
		require.NoError(t, err)
		assert.Equal(t, "2", got)
		got, err = m.Do(t.Context(), "other", a.ask)
		require.NoError(t, err)
		assert.Equal(t, "3", got)
	})
}

func TestAnswerThatDoesNotHoldIsSharedOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, a := newMemory(t, nil), &asker{takes: time.Second}
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() { _, _ = m.Do(t.Context(), "k", a.ask) })
		}
		wg.Wait()
		assert.EqualValues(t, 1, a.calls.Load())
		assert.Zero(t, m.Len())
		_, _ = m.Do(t.Context(), "k", a.ask)
		assert.EqualValues(t, 2, a.calls.Load())
	})
}

// TestNoGapBetweenFlightAndMemory has callers arrive all the time while answers
// land: a question whose answer holds is never asked again.
func TestNoGapBetweenFlightAndMemory(t *testing.T) {
	t.Parallel()
	for range 200 {
		m, a := newMemory(t, nil), &asker{holds: time.Hour}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 20 {
					_, _ = m.Do(t.Context(), "k", a.ask)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, a.calls.Load())
	}
}

func TestCallerLeavesAloneWithItsOwnContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, a := newMemory(t, nil), &asker{takes: 2 * time.Second, holds: time.Minute}
		type key struct{}
		first, leave := context.WithTimeout(context.WithValue(t.Context(), key{}, "kept"), time.Second)
		defer leave()
		var value any
		ask := func(ctx context.Context) (string, time.Time) {
			value = ctx.Value(key{})
			return a.ask(ctx)
		}
		begin := time.Now()
		_, err := m.Do(first, "k", ask)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(begin))
		got, err := m.Do(t.Context(), "k", a.ask)
		require.NoError(t, err)
		assert.Equal(t, "1", got, "the question went on")
		assert.Equal(t, "kept", value)

		_, err = m.Do(first, "other", a.ask)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.EqualValues(t, 1, a.calls.Load(), "nobody is there to ask for")
		got, err = m.Do(first, "k", a.ask)
		require.NoError(t, err, "what is remembered needs no time")
		assert.Equal(t, "1", got)
	})
}

func TestQuestionEndsWithTheTimeLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, a := newMemory(t, nil), &asker{takes: time.Hour}
		begin := time.Now()
		got, err := m.Do(t.Context(), "k", a.ask)
		require.NoError(t, err)
		assert.Equal(t, context.DeadlineExceeded.Error(), got)
		assert.Equal(t, 5*time.Second, time.Since(begin))
	})
}

func TestMemoryIsBoundedInEntries(t *testing.T) {
	t.Parallel()
	m, a := newMemory(t, func(c *once.Config[string, string]) { c.Entries = 3 }), &asker{holds: time.Hour}
	for _, key := range []string{"1", "2", "3", "1", "4"} {
		_, err := m.Do(t.Context(), key, a.ask)
		require.NoError(t, err)
	}
	assert.Equal(t, 3, m.Len())
	_, ok := m.Remembered("2")
	assert.False(t, ok, "the one not used for longest leaves")
	_, ok = m.Remembered("1")
	assert.True(t, ok)
}

func TestMemoryIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	m := newMemory(t, func(c *once.Config[string, string]) {
		c.Bytes, c.Size = 100, func(_, v string) int { return len(v) }
	})
	put := func(key string, size int) {
		_, err := m.Do(t.Context(), key, func(context.Context) (string, time.Time) {
			return string(make([]byte, size)), time.Now().Add(time.Hour)
		})
		require.NoError(t, err)
	}
	for i := range 10 {
		put(fmt.Sprint(i), 30)
	}
	assert.Equal(t, 3, m.Len())
	put("large", 90)
	assert.Equal(t, 1, m.Len())
	put("too large", 101)
	assert.Equal(t, 1, m.Len())
	_, ok := m.Remembered("large")
	assert.True(t, ok)
	put("small", 10)
	assert.Equal(t, 2, m.Len())
}

func TestWhatHasExpiredLeavesByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, func(c *once.Config[string, string]) {
			c.Entries, c.Bytes, c.Size = 5000, 5000, func(string, string) int { return 1 }
		})
		for round := range 2 {
			short, long := &asker{holds: 10 * time.Second}, &asker{holds: time.Minute}
			for i := range 3000 {
				_, _ = m.Do(t.Context(), fmt.Sprint(round, "short", i), short.ask)
			}
			_, _ = m.Do(t.Context(), fmt.Sprint(round, "long"), long.ask)
			assert.Equal(t, 3001, m.Len())
			time.Sleep(10*time.Second + once.SweepPeriod)
			assert.Equal(t, 1, m.Len())
			time.Sleep(time.Minute)
			assert.Zero(t, m.Len())
		}
	})
}

// A memory that nobody holds any more goes, whatever is in it.
func TestSweepingKeepsNothingAlive(t *testing.T) {
	t.Parallel()
	m, a := newMemory(t, nil), &asker{holds: time.Hour}
	_, err := m.Do(t.Context(), "k", a.ask)
	require.NoError(t, err)
	reference := weak.Make(m)
	m = nil
	assert.Eventually(t, func() bool {
		runtime.GC()
		return reference.Value() == nil
	}, 5*time.Second, time.Millisecond)
}

func TestCallerDoesNotWaitLongerThanItsPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, a := newMemory(t, nil), &asker{takes: time.Second, holds: time.Minute}
		begin := time.Now()
		_, err := m.DoWithin(t.Context(), "k", 250*time.Millisecond, a.ask)
		require.ErrorIs(t, err, once.ErrPending)
		assert.Equal(t, 250*time.Millisecond, time.Since(begin))
		_, err = m.DoWithin(t.Context(), "k", 250*time.Millisecond, a.ask)
		require.ErrorIs(t, err, once.ErrPending)
		assert.Equal(t, 250*time.Millisecond, time.Since(begin), "who comes later does not wait anew")
		got, err := m.DoWithin(t.Context(), "k", 2*time.Second, a.ask)
		require.NoError(t, err)
		assert.Equal(t, "1", got)
		got, err = m.DoWithin(t.Context(), "k", 0, a.ask)
		require.NoError(t, err, "what is remembered needs no patience")
		assert.Equal(t, "1", got)
		left, leave := context.WithCancel(t.Context())
		leave()
		_, err = m.DoWithin(left, "other", time.Hour, a.ask)
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestRenewAsksBesideWhatIsRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, a := newMemory(t, nil), &asker{takes: time.Second, holds: time.Minute}
		_, err := m.Do(t.Context(), "k", a.ask)
		require.NoError(t, err)
		ctx, leave := context.WithCancel(t.Context())
		begin := time.Now()
		for range 5 {
			m.Renew(ctx, "k", a.ask)
		}
		leave()
		assert.Zero(t, time.Since(begin))
		got, ok := m.Remembered("k")
		assert.True(t, ok)
		assert.Equal(t, "1", got, "the old answer holds meanwhile")
		time.Sleep(time.Second)
		synctest.Wait()
		got, _ = m.Remembered("k")
		assert.Equal(t, "2", got, "one question, whoever asked it leaves")
		assert.EqualValues(t, 2, a.calls.Load())
	})
}

func TestCloseEndsQuestions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, a := newMemory(t, nil), &asker{holds: time.Hour}
		_, err := m.Do(t.Context(), "known", a.ask)
		require.NoError(t, err)
		slow := &asker{takes: time.Hour}
		m.Renew(t.Context(), "k", slow.ask)
		begin := time.Now()
		m.Close()
		assert.Zero(t, time.Since(begin))
		_, err = m.Do(t.Context(), "k", a.ask)
		require.ErrorIs(t, err, once.ErrClosed)
		m.Renew(t.Context(), "k", a.ask)
		got, err := m.Do(t.Context(), "known", a.ask)
		require.NoError(t, err)
		assert.Equal(t, "1", got)
		assert.EqualValues(t, 1, a.calls.Load())
		m.Close()
	})
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]once.Config[string, int]{
		"no time limit": {Entries: 1},
		"no entries":    {Timeout: 1},
	} {
		_, err := once.New(cfg)
		assert.Error(t, err, name)
	}
}

func BenchmarkRemembered(b *testing.B) {
	m, a := newMemory(b, nil), &asker{holds: time.Hour}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Do(b.Context(), "k", a.ask); err != nil {
			b.Fatal(err)
		}
	}
}
