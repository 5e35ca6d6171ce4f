package streams_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/clerkgate/clerkgate/proxy/internal/forward"
	"github.com/clerkgate/clerkgate/proxy/internal/streams"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clerk says which sessions have ended, and counts how often it is asked.
type clerk struct {
	mu    sync.Mutex
	ended map[string]bool
	fails map[string]bool // "" for all
	asked map[string]int
}

var errDown = errors.New("down")

func newClerk() *clerk {
	return &clerk{ended: map[string]bool{}, fails: map[string]bool{}, asked: map[string]int{}}
}

func (c *clerk) sessionEnded(_ context.Context, id string) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[id]++
	c.asked[""]++
	if c.fails[""] || c.fails[id] {
		return false, errDown
	}
	return c.ended[id], nil
}

func (c *clerk) set(in map[string]bool, id string, to bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	in[id] = to
}

func (c *clerk) count(id string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked[id]
}

// stream is one that counts how often it is ended.
type stream struct {
	revoked atomic.Uint32 // a forward.Ending
	endings chan forward.Ending
	remove  func()
}

func add(r *streams.Registry, session string) *stream {
	s := &stream{endings: make(chan forward.Ending, 10)}
	s.remove = r.Add(streams.Stream{
		SessionID: session, UserID: "user_" + session, Kind: forward.WebSocket, Route: "app",
		Judge: func() forward.Ending { return forward.Ending(s.revoked.Load()) }, End: func(e forward.Ending) { s.endings <- e },
	})
	return s
}

func newRegistry(c *clerk, recheck time.Duration) *streams.Registry {
	return streams.New(streams.Config{Recheck: recheck, Ended: c.sessionEnded})
}

func TestRevokedStreamsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(newClerk(), time.Hour)
		defer r.Close()
		one, two, three := add(r, "a"), add(r, "a"), add(r, "b")
		one.revoked.Store(uint32(forward.SessionEnded))
		two.revoked.Store(uint32(forward.TokenStale))
		r.Revoked()
		synctest.Wait()
		assert.Equal(t, forward.SessionEnded, <-one.endings)
		assert.Equal(t, forward.TokenStale, <-two.endings)
		time.Sleep(time.Second)
		r.Revoked()
		synctest.Wait()
		assert.Empty(t, one.endings, "it is ended once")
		assert.Empty(t, three.endings)
		assert.Equal(t, map[forward.Kind]streams.Count{forward.WebSocket: {Open: 3, Ended: 2}}, r.Counts())
		one.remove()
		two.remove()
		assert.Equal(t, map[forward.Kind]streams.Count{forward.WebSocket: {Open: 1, Ended: 2}}, r.Counts())
		three.remove()
	})
}

// What is revoked between the decision about a request and its stream is not missed.
func TestStreamIsJudgedWhenItBegins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(newClerk(), time.Hour)
		defer r.Close()
		endings := make(chan forward.Ending, 1)
		remove := r.Add(streams.Stream{
			SessionID: "a", Kind: forward.GRPC,
			Judge: func() forward.Ending { return forward.SessionEnded }, End: func(e forward.Ending) { endings <- e },
		})
		synctest.Wait()
		assert.Equal(t, forward.SessionEnded, <-endings)
		remove()
	})
}

// Ten thousand revocations at once cost a few rounds, and none is late.
func TestManyRevocations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRegistry(newClerk(), time.Hour)
		defer r.Close()
		judged := 0
		var revoked atomic.Bool
		endings := make(chan time.Time, 1)
		remove := r.Add(streams.Stream{
			SessionID: "a", Kind: forward.WebSocket, End: func(forward.Ending) { endings <- time.Now() },
			Judge: func() forward.Ending {
				if judged++; revoked.Load() {
					return forward.SessionEnded
				}
				return 0
			},
		})
		for range 10_000 {
			r.Revoked()
			time.Sleep(time.Millisecond)
		}
		revoked.Store(true)
		began := time.Now()
		r.Revoked()
		ended := <-endings
		assert.LessOrEqual(t, ended.Sub(began), 2*time.Second)
		synctest.Wait()
		assert.LessOrEqual(t, judged, 110)
		remove()
	})
}

func TestSessionsAreLookedUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClerk()
		r := newRegistry(c, time.Minute)
		defer r.Close()
		time.Sleep(time.Hour)
		assert.Zero(t, c.count(""), "without streams Clerk is not asked")
		one, two, other := add(r, "a"), add(r, "a"), add(r, "b")
		time.Sleep(59 * time.Second)
		assert.Zero(t, c.count(""))
		time.Sleep(2 * time.Second)
		assert.Equal(t, 1, c.count("a"), "one look-up for all streams of a session")
		assert.Equal(t, 1, c.count("b"))
		c.set(c.ended, "a", true)
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, forward.SessionEnded, <-one.endings)
		assert.Equal(t, forward.SessionEnded, <-two.endings)
		assert.Empty(t, other.endings)
		one.remove()
		two.remove()
		time.Sleep(10 * time.Minute)
		assert.Equal(t, 2, c.count("a"), "a session without streams is not looked up")
		assert.Equal(t, 12, c.count("b"))
		other.remove()
	})
}

// A session whose look-ups always fail does not keep the others from being looked up.
func TestOneFailingSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClerk()
		r := newRegistry(c, 10*time.Millisecond)
		defer r.Close()
		c.set(c.fails, "bad", true)
		bad, good := add(r, "bad"), add(r, "good")
		time.Sleep(time.Minute)
		assert.GreaterOrEqual(t, c.count("good"), 20)
		assert.InDelta(t, c.count("bad"), c.count("good"), 1, "they are asked about in turn")
		c.set(c.ended, "good", true)
		assert.Equal(t, forward.SessionEnded, <-good.endings)
		assert.Empty(t, bad.endings)
		bad.remove()
		good.remove()
	})
}

// While Clerk is down, nothing ends, and Clerk is asked rarely. Afterwards all is as before.
func TestClerkIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newClerk()
		r := newRegistry(c, time.Minute)
		defer r.Close()
		c.set(c.fails, "", true)
		var all []*stream
		for i := range 1000 {
			all = append(all, add(r, fmt.Sprint("sess_", i)))
		}
		time.Sleep(11 * time.Minute)
		assert.LessOrEqual(t, c.count(""), 30, "in ten minutes")
		assert.GreaterOrEqual(t, c.count(""), 15, "the end of the outage must be noticed")
		c.set(c.fails, "", false)
		c.set(c.ended, "sess_999", true)
		assert.Equal(t, forward.SessionEnded, <-all[999].endings)
		for _, s := range all {
			assert.Empty(t, s.endings)
			s.remove()
		}
	})
}

// Once remove has returned, a stream's connection belongs to somebody else.
func TestNothingIsEndedAfterItsEnd(t *testing.T) {
	t.Parallel()
	c := newClerk()
	c.ended["a"] = true
	r := newRegistry(c, time.Microsecond)
	defer r.Close()
	for range 200 {
		var over atomic.Bool
		remove := r.Add(streams.Stream{
			SessionID: "a", Kind: forward.EventStream, Judge: func() forward.Ending { return 0 },
			End: func(forward.Ending) {
				assert.False(t, over.Load())
				time.Sleep(time.Microsecond)
				assert.False(t, over.Load())
			},
		})
		time.Sleep(10 * time.Microsecond)
		remove()
		over.Store(true)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	c := newClerk()
	r := newRegistry(c, time.Microsecond)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 200 {
				s := add(r, fmt.Sprint("sess_", (g+i)%5))
				s.revoked.Store(uint32(i % 3)) //nolint:gosec // small
				r.Revoked()
				r.Counts()
				s.remove()
			}
		})
	}
	all.Wait()
	assert.Zero(t, r.Counts()[forward.WebSocket].Open)
	r.Close()
	add(r, "late").remove()
}

func TestList(t *testing.T) {
	t.Parallel()
	r := newRegistry(newClerk(), time.Hour)
	defer r.Close()
	one, two, three := add(r, "sess_1"), add(r, "sess_1"), add(r, "sess_2")
	type list struct {
		Open, Ended map[string]int
		Sessions    []map[string]any
		LeftOut     int `json:"left_out"`
	}
	ask := func(query string) (l list) {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/-/streams"+query, nil))
		assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &l), w.Body)
		return l
	}
	l := ask("")
	assert.Equal(t, map[string]int{"websocket": 3}, l.Open)
	assert.Equal(t, map[string]int{"websocket": 0}, l.Ended)
	require.Len(t, l.Sessions, 2)
	since, err := time.Parse(time.RFC3339, l.Sessions[0]["since"].(string))
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), since, time.Hour)
	delete(l.Sessions[0], "since")
	assert.Equal(t, map[string]any{
		"session_id": "sess_1", "user_id": "user_sess_1", "count": 2.0, "kinds": map[string]any{"websocket": 2.0}, "routes": []any{"app"},
	}, l.Sessions[0])
	for query, want := range map[string]int{"?session=sess_2": 1, "?user=user_sess_1": 1, "?user=user_3": 0, "?session=sess_2&user=user_sess_1": 0} {
		assert.Len(t, ask(query).Sessions, want, query)
	}
	for i := range 1500 {
		defer add(r, fmt.Sprint("sess_more_", i)).remove()
	}
	l = ask("")
	assert.Len(t, l.Sessions, 1000)
	assert.Equal(t, 502, l.LeftOut)
	assert.Equal(t, "sess_1", l.Sessions[0]["session_id"], "the oldest come first")
	for _, s := range []*stream{one, two, three} {
		s.remove()
	}
	assert.Len(t, ask("?session=sess_1").Sessions, 0)
}
