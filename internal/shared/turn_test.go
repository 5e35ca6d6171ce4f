package shared_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/seal"
	"github.com/clerkgate/clerkgate/internal/shared"
	"github.com/clerkgate/clerkgate/middleware/store/storetest"
)

// took is what a replica got.
type took struct {
	result string
	lease  *shared.Lease
	err    error
}

func take(ctx context.Context, s *shared.Store) chan took {
	got := make(chan took, 1)
	go func() {
		result, lease, err := s.Turn("work", "bound").Take(ctx)
		got <- took{string(result), lease, err}
	}()
	return got
}

func TestOneReplicaDoesTheWorkForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		memory := storetest.NewMemory(nil)
		_, lease, err := replica(t, memory).Turn("work", "bound").Take(t.Context())
		require.NoError(t, err)
		require.NotNil(t, lease)
		var waiters []chan took
		for range 5 {
			waiters = append(waiters, take(t.Context(), replica(t, memory)))
		}
		time.Sleep(20 * time.Second) // far beyond the lease, which is renewed
		synctest.Wait()
		for _, w := range waiters {
			require.Empty(t, w)
		}
		lease.Publish(t.Context(), []byte("result"), time.Minute)
		for _, w := range append(waiters, take(t.Context(), replica(t, memory))) {
			assert.Equal(t, took{result: "result"}, <-w)
		}
	})
}

func TestAnotherReplicaTakesOverFromOneThatStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		memory := storetest.NewMemory(nil)
		_, err := memory.Claim(t.Context(), "clerk.example.com:work", 5*time.Second) // and stops
		require.NoError(t, err)
		began := time.Now()
		got := <-take(t.Context(), replica(t, memory))
		require.NotNil(t, got.lease)
		assert.Equal(t, 5*time.Second, time.Since(began)) // as long as that one's lease
		got.lease.Publish(t.Context(), []byte("result"), time.Minute)
		assert.Equal(t, took{result: "result"}, <-take(t.Context(), replica(t, memory)))
	})
}

func TestWaiterLeavesWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		memory := storetest.NewMemory(nil)
		owner := <-take(t.Context(), replica(t, memory))
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		got := <-take(ctx, replica(t, memory))
		require.ErrorIs(t, got.err, context.DeadlineExceeded)
		assert.Equal(t, 3*time.Second, time.Since(began))
		owner.lease.Publish(t.Context(), []byte("result"), time.Minute)
	})
}

// A waiter notices that the store is gone, and can do the work itself in time.
func TestWaiterNoticesAStoreThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBroken()
		owner := <-take(t.Context(), replica(t, b.Store))
		got := take(t.Context(), replica(t, b))
		synctest.Wait()
		b.hangs.Store(true)
		began := time.Now()
		require.Error(t, (<-got).err)
		assert.LessOrEqual(t, time.Since(began), 2250*time.Millisecond)
		b.hangs.Store(false)
		owner.lease.Publish(t.Context(), []byte("result"), time.Minute)
	})
}

// A failover takes about a second. The other replica may have sent Clerk the token already.
func TestWaiterOutlastsABlip(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBroken()
		owner, waiter := <-take(t.Context(), replica(t, b.Store)), take(t.Context(), replica(t, b))
		synctest.Wait()
		b.fails.Store(true)
		time.AfterFunc(800*time.Millisecond, func() {
			owner.lease.Publish(context.Background(), []byte("result"), time.Minute)
		})
		time.AfterFunc(time.Second, func() { b.fails.Store(false) })
		assert.Equal(t, "result", (<-waiter).result)
	})
}

func TestLeaseThatIsGivenUpIsTakenByAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		memory := storetest.NewMemory(nil)
		owner, waiter := <-take(t.Context(), replica(t, memory)), take(t.Context(), replica(t, memory))
		synctest.Wait()
		began := time.Now()
		owner.lease.GiveUp(t.Context())
		got := <-waiter
		require.NotNil(t, got.lease)
		assert.Less(t, time.Since(began), 100*time.Millisecond)
		got.lease.GiveUp(t.Context())
	})
}

func TestResultIsPublishedAfterABlip(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBroken()
		owner, waiter := <-take(t.Context(), replica(t, b)), take(t.Context(), replica(t, b.Store))
		b.fails.Store(true)
		time.AfterFunc(time.Second, func() { b.fails.Store(false) })
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // the request is given up, but not its result
		owner.lease.Publish(ctx, []byte("result"), time.Minute)
		assert.Equal(t, took{result: "result"}, <-waiter)
	})
}

func TestResultOfARequestThatIsGivenUpIsPublishedAtOnce(t *testing.T) {
	t.Parallel()
	memory := storetest.NewMemory(nil)
	s := replica(t, memory)
	lease := (<-take(t.Context(), s)).lease
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	lease.Publish(ctx, []byte("result"), time.Minute)
	_, ok := s.Turn("work", "bound").Result(t.Context(), 0)
	assert.True(t, ok)
}

func TestResultOfSomebodyElseIsAnError(t *testing.T) {
	t.Parallel()
	memory := storetest.NewMemory(nil)
	_, err := memory.Publish(t.Context(), "clerk.example.com:work", 1<<40, []byte("forged"), time.Minute)
	require.NoError(t, err)
	s := replica(t, memory)
	require.ErrorIs(t, (<-take(t.Context(), s)).err, seal.ErrNotOpened)
	_, ok := s.Turn("work", "bound").Result(t.Context(), 0)
	assert.False(t, ok)
}

func TestResultCanBeReadAgain(t *testing.T) {
	t.Parallel()
	memory := storetest.NewMemory(nil)
	s := replica(t, memory)
	turn := s.Turn("work", "bound")
	_, ok := turn.Result(t.Context(), 0)
	assert.False(t, ok)
	(<-take(t.Context(), replica(t, memory))).lease.Publish(t.Context(), []byte("result"), time.Minute)
	result, ok := turn.Result(t.Context(), 0)
	assert.True(t, ok)
	assert.Equal(t, "result", string(result))
	_, ok = s.Turn("work", "another secret").Result(t.Context(), 0)
	assert.False(t, ok)
}
