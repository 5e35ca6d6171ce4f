package shared_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/shared"
	"github.com/clerkgate/clerkgate/middleware/store/storetest"
)

// follower keeps what a log applies.
type follower struct {
	*shared.Log
	mu      sync.Mutex
	entries []string
}

func follow(ctx context.Context, s *shared.Store) *follower {
	f := &follower{Log: s.Log("log", time.Hour)}
	go f.Follow(ctx, func(entry []byte) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.entries = append(f.entries, string(entry))
	})
	return f
}

func (f *follower) all() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.entries...)
}

func TestEveryReplicaFollowsTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		memory := storetest.NewMemory(nil)
		writer := replica(t, memory).Log("log", time.Hour)
		require.NoError(t, writer.Append(ctx, []byte("before")))
		one, two := follow(ctx, replica(t, memory)), follow(ctx, replica(t, memory))
		require.Error(t, writer.Err(), "nobody follows it here")
		synctest.Wait()
		require.NoError(t, one.Err())
		for i := range 3 {
			require.NoError(t, writer.Append(ctx, fmt.Append(nil, i)))
			time.Sleep(time.Minute)
		}
		for _, f := range []*follower{one, two} {
			assert.Equal(t, []string{"before", "0", "1", "2"}, f.all())
			require.NoError(t, f.Err())
		}
		cancel()
		synctest.Wait()
	})
}

// Who can write to the store must not be able to sign everybody out.
func TestForgedEntriesAreSkipped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		memory := storetest.NewMemory(nil)
		other := replica(t, memory, withInstance("clerk.example.org")).Log("log", time.Hour)
		require.NoError(t, other.Append(ctx, []byte("of another instance")))
		copied, err := memory.Read(ctx, "clerk.example.org:log", "", 0)
		require.NoError(t, err)
		for _, forged := range [][]byte{nil, []byte("forged"), copied[0].Value} {
			require.NoError(t, memory.Append(ctx, "clerk.example.com:log", forged, time.Hour))
		}
		s := replica(t, memory)
		require.NoError(t, s.Log("log", time.Hour).Append(ctx, []byte("good")))
		f := follow(ctx, s)
		synctest.Wait()
		assert.Equal(t, []string{"good"}, f.all())
		cancel()
		synctest.Wait()
	})
}

func TestLogIsReadAnewAfterAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		b := newBroken()
		writer := replica(t, b.Store).Log("log", time.Hour)
		require.NoError(t, writer.Append(ctx, []byte("one")))
		f := follow(ctx, replica(t, b))
		synctest.Wait()
		b.hangs.Store(true)
		require.NoError(t, writer.Append(ctx, []byte("two")))
		time.Sleep(10 * time.Second)
		require.Error(t, f.Err())
		b.hangs.Store(false)
		time.Sleep(10 * time.Second)
		require.NoError(t, f.Err())
		assert.Equal(t, []string{"one", "two", "one", "two"}, f.all())
		assert.Less(t, b.calls.Load(), int64(30), "a store that fails is not asked again and again")
		cancel()
		synctest.Wait()
	})
}

func TestWaitForTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		b := newBroken()
		idle := replica(t, b).Log("log", time.Hour)
		patience, done := context.WithTimeout(ctx, 2*time.Second)
		defer done()
		start := time.Now()
		idle.Wait(patience)
		assert.Equal(t, 2*time.Second, time.Since(start), "nobody follows it")

		b.hangs.Store(true)
		start = time.Now()
		follow(ctx, replica(t, b)).Wait(ctx)
		assert.Equal(t, time.Second, time.Since(start), "it cannot be read")
		b.hangs.Store(false)
		start = time.Now()
		f := follow(ctx, replica(t, b))
		f.Wait(ctx)
		assert.NoError(t, f.Err())
		assert.Zero(t, time.Since(start))
		cancel()
		synctest.Wait()
	})
}
