package redisstore_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/middleware/store"
	"github.com/clerkgate/clerkgate/middleware/store/redisstore"
	"github.com/clerkgate/clerkgate/middleware/store/storetest"
)

// open returns a store that has connected.
func open(t *testing.T, url string) *redisstore.Store {
	t.Helper()
	s, err := redisstore.New(url)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	require.Eventually(t, func() bool { return answers(t, s) }, 30*time.Second, 10*time.Millisecond)
	return s
}

func answers(t *testing.T, s store.Store) bool {
	t.Helper()
	_, _, err := s.Get(t.Context(), "anything")
	return err == nil
}

// Times to live of this fake server pass only when it is told so. It moves its clock as little
// as its streams: trimming by age is tested on the real server.
func TestStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	now := time.Now()
	server.SetTime(now)
	pass := func(d time.Duration) {
		now = now.Add(d)
		server.SetTime(now)
		server.FastForward(d)
	}
	storetest.Run(t, storetest.Config{New: func(t *testing.T) store.Store { return open(t, "redis://"+server.Addr()) }, Pass: pass})
}

func TestStoreStartsWithoutAServerAndConnectsLater(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	address := server.Addr()
	server.Close()
	s, err := redisstore.New("redis://" + address)
	require.NoError(t, err)
	defer s.Close()
	_, _, err = s.Get(t.Context(), "key")
	require.ErrorContains(t, err, "redisstore: not connected")

	require.NoError(t, server.Restart())
	require.Eventually(t, func() bool { return answers(t, s) }, 30*time.Second, 10*time.Millisecond)
	server.Close()
	require.Eventually(t, func() bool { return !answers(t, s) }, 30*time.Second, 10*time.Millisecond)
	require.NoError(t, server.Restart())
	require.Eventually(t, func() bool { return answers(t, s) }, 30*time.Second, 10*time.Millisecond)
}

// A start does not find that the store fails.
func TestFirstCallWaitsForTheConnection(t *testing.T) {
	t.Parallel()
	s, err := redisstore.New("redis://" + miniredis.RunT(t).Addr())
	require.NoError(t, err)
	defer s.Close()
	_, _, err = s.Get(t.Context(), "key")
	require.NoError(t, err)
}

func TestFirstCallWaitsForItsTimeAtMost(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	s, err := redisstore.New("redis://" + silent.Addr().String())
	require.NoError(t, err)
	defer s.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, _, err = s.Get(ctx, "key")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "redisstore: not connected yet")
}

func TestAllKeysHaveThePrefixAndExpire(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	s := open(t, "redis://"+server.Addr())
	ctx := t.Context()
	require.NoError(t, s.Put(ctx, "key", []byte("value"), time.Minute))
	claim, err := s.Claim(ctx, "key", time.Minute)
	require.NoError(t, err)
	assert.Len(t, server.Keys(), 3)
	_, err = s.Publish(ctx, "key", claim.Fence, []byte("result"), time.Minute)
	require.NoError(t, err)
	require.NoError(t, s.Append(ctx, "key", []byte("entry"), time.Minute))
	assert.ElementsMatch(t, []string{"cg:v1:{key}:value", "cg:v1:{key}:fence", "cg:v1:{key}:result", "cg:v1:{key}:log"}, server.Keys())
	for _, key := range server.Keys() {
		assert.Positive(t, server.TTL(key), key)
	}
}

func TestStoreUsesTheDatabaseAndThePassword(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	server.RequireUserAuth("app", "p@ss/word")
	s := open(t, "redis://app:p%40ss%2Fword@"+server.Addr()+"/3")
	require.NoError(t, s.Put(t.Context(), "key", []byte("value"), time.Minute))
	assert.True(t, server.DB(3).Exists("cg:v1:{key}:value"))

	refused, err := redisstore.New("redis://app:wrong@" + server.Addr())
	require.NoError(t, err)
	defer refused.Close()
	require.Eventually(t, func() bool {
		_, _, err := refused.Get(t.Context(), "key")
		return assert.Error(t, err) && assert.NotContains(t, err.Error(), "wrong@")
	}, 30*time.Second, 10*time.Millisecond)
}

func TestClosedStoreFails(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	s := open(t, "redis://"+server.Addr())
	waiting := make(chan error)
	go func() {
		_, err := s.Wait(context.Background(), "key", time.Hour)
		waiting <- err
	}()
	s.Close()
	require.Error(t, <-waiting)
	_, _, err := s.Get(t.Context(), "key")
	require.Error(t, err)
}
