//go:build unix

package replicas

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/redistest"
	"github.com/clerkgate/clerkgate/middleware/store"
	"github.com/clerkgate/clerkgate/middleware/store/redisstore"
	"github.com/clerkgate/clerkgate/middleware/store/storetest"
)

func contract(t *testing.T, url string) {
	t.Helper()
	s := open(t, url)
	storetest.Run(t, storetest.Config{New: func(*testing.T) store.Store { return s }})
}

func TestOneServer(t *testing.T) {
	t.Parallel()
	contract(t, redistest.Start(t).URL())
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	socket := redistest.File(t, "redis.sock", nil)
	redistest.Start(t, "--unixsocket", socket)
	contract(t, "unix:"+socket+"?db=2")
}

func TestTLSWithFewRights(t *testing.T) {
	t.Parallel()
	_, url := redistest.TLS(t)
	contract(t, url)
}

func TestSentinel(t *testing.T) {
	t.Parallel()
	_, url := redistest.Sentinel(t)
	contract(t, url)
}

// A reader gets every entry that was appended before and after its server died.
func TestLogSurvivesAFailover(t *testing.T) {
	t.Parallel()
	master, url := redistest.Sentinel(t)
	s := open(t, url)
	require.NoError(t, s.Append(t.Context(), "log", []byte("before"), time.Hour))
	master.Must(t, "WAIT", "1", "30000")
	first, err := s.Read(t.Context(), "log", "", 0)
	require.NoError(t, err)
	master.Kill()
	redistest.Eventually(t, func() bool { return s.Append(t.Context(), "log", []byte("after"), time.Hour) == nil }, "the store does not work after a failover")
	rest, err := s.Read(t.Context(), "log", first[0].Position, redistest.Patience)
	require.NoError(t, err)
	require.NotEmpty(t, rest)
	assert.Equal(t, "after", string(rest[0].Value))
}

func TestCluster(t *testing.T) {
	t.Parallel()
	_, url := redistest.Cluster(t)
	contract(t, url)
}

// open returns a store that has connected.
func open(t testing.TB, url string) *redisstore.Store {
	t.Helper()
	s, err := redisstore.New(url)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	redistest.Eventually(t, func() bool { return works(t, s) == nil }, "the store does not connect")
	return s
}

// works writes and reads.
func works(t testing.TB, s *redisstore.Store) error {
	t.Helper()
	err := s.Put(t.Context(), "works", []byte("yes"), time.Minute)
	if err == nil {
		_, _, err = s.Get(t.Context(), "works")
	}
	return err
}
