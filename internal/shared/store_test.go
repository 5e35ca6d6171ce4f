package shared_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/seal"
	"github.com/clerkgate/clerkgate/internal/shared"
	"github.com/clerkgate/clerkgate/middleware/store/storetest"
)

func withKeys(keys ...[]byte) func(*shared.Config) {
	return func(cfg *shared.Config) { cfg.Keys = keys }
}

func withInstance(host string) func(*shared.Config) {
	return func(cfg *shared.Config) { cfg.Instance = host }
}

func withSecret(secret string) func(*shared.Config) {
	return func(cfg *shared.Config) { cfg.Secret = secret }
}

func TestReplicasOfOneInstanceShareValues(t *testing.T) {
	t.Parallel()
	memory := storetest.NewMemory(nil)
	require.NoError(t, replica(t, memory).Put(t.Context(), "name", "bound", []byte("value"), time.Minute))

	for _, tt := range []struct {
		what, name, bound string
		reader            *shared.Store
		want              bool
	}{
		{"another replica", "name", "bound", replica(t, memory), true},
		{"another name", "other", "bound", replica(t, memory), false},
		{"another secret that it is bound to", "name", "other", replica(t, memory), false},
		{"none", "name", "", replica(t, memory), false},
		{"another instance", "name", "bound", replica(t, memory, withInstance("clerk.example.org")), false},
		{"another secret key", "name", "bound", replica(t, memory, withSecret("sk_test_other")), false},
		{"other keys", "name", "bound", replica(t, memory, withKeys(keyA)), false},
	} {
		value, ok := tt.reader.Get(t.Context(), tt.name, tt.bound)
		assert.Equal(t, tt.want, ok, tt.what)
		assert.Equal(t, tt.want, string(value) == "value", tt.what)
	}
}

func TestKeysRotateWhileReplicasServe(t *testing.T) {
	t.Parallel()
	memory := storetest.NewMemory(nil)
	old, next := replica(t, memory, withKeys(keyA, keyB)), replica(t, memory, withKeys(keyB, keyA))
	require.NoError(t, old.Put(t.Context(), "name", "", []byte("old"), time.Minute))
	value, _ := next.Get(t.Context(), "name", "")
	assert.Equal(t, "old", string(value))
	require.NoError(t, next.Put(t.Context(), "name", "", []byte("new"), time.Minute))
	value, _ = old.Get(t.Context(), "name", "")
	assert.Equal(t, "new", string(value))
}

func TestStoreSeesNoSecrets(t *testing.T) {
	t.Parallel()
	b := newBroken()
	s := replica(t, b)
	name := "m:" + s.Hash("ak_secret")
	require.NoError(t, s.Put(t.Context(), name, "ak_secret", []byte("user_1"), time.Minute))
	_, lease, err := s.Turn(s.Hash("refresh token"), "refresh token").Take(t.Context())
	require.NoError(t, err)
	lease.Publish(t.Context(), []byte("session token"), time.Minute)
	require.NoError(t, s.Log("log", time.Minute).Append(t.Context(), []byte("sess_1")))
	for _, secret := range []string{"ak_secret", "user_1", "refresh token", "session token", "sess_1"} {
		assert.NotContains(t, b.all(), secret)
	}
	assert.Contains(t, b.all(), name)
}

func TestHashDependsOnEveryPart(t *testing.T) {
	t.Parallel()
	s := replica(t, storetest.NewMemory(nil))
	seen := make(map[string]bool)
	for _, parts := range [][]string{{"a", "b"}, {"b", "a"}, {"ab"}, {"ab", ""}, {"", "ab"}, {"a"}, {}} {
		seen[s.Hash(parts...)] = true
	}
	seen[replica(t, storetest.NewMemory(nil), withSecret("sk_test_other")).Hash("a", "b")] = true
	assert.Len(t, seen, 8)
	assert.Equal(t, s.Hash("a", "b"), replica(t, storetest.NewMemory(nil), withKeys(keyA)).Hash("a", "b"), "keys rotate without changing names")
}

func TestValuesOfOthersCountAsAbsent(t *testing.T) {
	t.Parallel()
	memory, log := storetest.NewMemory(nil), newRecords()
	s := replica(t, memory, func(cfg *shared.Config) { cfg.Logger = slog.New(log) })
	require.NoError(t, s.Put(t.Context(), "name", "", []byte("value"), time.Minute))
	sealed, _, err := memory.Get(t.Context(), "clerk.example.com:name")
	require.NoError(t, err)
	otherVersion := append([]byte{sealed[0] + 1}, sealed[1:]...)
	for what, value := range map[string][]byte{"nothing": nil, "text": []byte("user_admin"), "another version": otherVersion, "a copy of another name's value": sealed} {
		require.NoError(t, memory.Put(t.Context(), "clerk.example.com:other", value, time.Minute))
		_, ok := s.Get(t.Context(), "other", "")
		assert.False(t, ok, what)
	}
	assert.Equal(t, []string{"a value in the shared store was not written with any of the keys; it is not used"}, log.all(), "told once a minute")
}

func TestPutIfAbsentTellsOneCaller(t *testing.T) {
	t.Parallel()
	memory := storetest.NewMemory(nil)
	var wins atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		s := replica(t, memory)
		all.Go(func() {
			if first, err := s.PutIfAbsent(t.Context(), "hook:msg_1", time.Hour); assert.NoError(t, err) && first {
				wins.Add(1)
			}
		})
	}
	all.Wait()
	assert.EqualValues(t, 1, wins.Load())
}

// Somebody who can write to the store must not be able to have a webhook ignored.
func TestForeignMarkCountsAsAbsent(t *testing.T) {
	t.Parallel()
	memory := storetest.NewMemory(nil)
	require.NoError(t, memory.Put(t.Context(), "clerk.example.com:hook:msg_1", []byte("forged"), time.Hour))
	s := replica(t, memory)
	first, err := s.PutIfAbsent(t.Context(), "hook:msg_1", time.Hour)
	require.NoError(t, err)
	assert.True(t, first)
	first, err = s.PutIfAbsent(t.Context(), "hook:msg_1", time.Hour)
	require.NoError(t, err)
	assert.False(t, first)
}

func TestHangingStoreCostsItsTimeLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBroken()
		b.hangs.Store(true)
		s := replica(t, b)
		began := time.Now()
		_, ok := s.Get(t.Context(), "name", "")
		assert.False(t, ok)
		assert.Equal(t, shared.CallTimeout, time.Since(began))
		_, _, err := s.Turn("name", "").Take(t.Context())
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 3*shared.CallTimeout, time.Since(began), "a second attempt")
	})
}

func TestFailureAndItsEndAreLoggedOnce(t *testing.T) {
	t.Parallel()
	b, log := newBroken(), newRecords()
	s := replica(t, b, func(cfg *shared.Config) { cfg.Logger = slog.New(log) })
	require.NoError(t, s.Check(t.Context()))
	b.fails.Store(true)
	for range 3 {
		require.ErrorIs(t, s.Check(t.Context()), errBroken)
		assert.False(t, s.Works())
	}
	b.fails.Store(false)
	for range 3 {
		require.NoError(t, s.Check(t.Context()))
		assert.True(t, s.Works())
	}
	assert.Equal(t, []string{"the shared store fails; this replica goes on as without one", "the shared store answers again"}, log.all())
}

func TestCallsStopWhileTheStoreFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBroken()
		b.hangs.Store(true)
		s := replica(t, b)
		for range 1000 {
			require.Error(t, s.Check(t.Context()))
		}
		assert.EqualValues(t, 5, b.calls.Load())
		for range 60 { // a minute
			time.Sleep(time.Second)
			require.Error(t, s.Check(t.Context()))
		}
		assert.Less(t, b.calls.Load(), int64(5+20), "probes")
		b.hangs.Store(false)
		time.Sleep(10 * time.Second)
		for range 10 {
			require.NoError(t, s.Check(t.Context()))
		}
	})
}

func TestCallerThatLeavesSaysNothingAboutTheStore(t *testing.T) {
	t.Parallel()
	b, log := newBroken(), newRecords()
	s := replica(t, b, func(cfg *shared.Config) { cfg.Logger = slog.New(log) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Check(ctx), context.Canceled)
	assert.Empty(t, log.all())
}

func TestNewRefusesWeakKeys(t *testing.T) {
	t.Parallel()
	_, err := shared.New(shared.Config{Store: storetest.NewMemory(nil), Instance: "clerk.example.com", Secret: "sk_test_secret", Keys: [][]byte{keyA[:seal.MinSecret-1]}})
	require.EqualError(t, err, "shared: seal: secret 1 has 31 bytes, fewer than 32")
}
