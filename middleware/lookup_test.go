package middleware_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/vectors"
	"github.com/clerkgate/clerkgate/middleware"
)

// slowClerk is a Backend API that takes its time, or hangs, or cannot be reached.
type slowClerk struct {
	*forge
	mu       sync.Mutex
	takes    time.Duration
	refuses  bool
	tokens   map[string]string
	inFlight atomic.Int64
	most     atomic.Int64 // calls in flight at one time
	asked    atomic.Int64
	probed   atomic.Int64 // probes of the Frontend API
	gone     atomic.Bool  // whether it is down
}

const forever = time.Duration(1<<63 - 1)

func (s *slowClerk) becomes(takes time.Duration, refuses bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.takes, s.refuses = takes, refuses
}

// says sets the answers from now on; look-ups may be in flight.
func (s *slowClerk) says(answer func(path, body string) (int, string)) {
	s.forge.mu.Lock()
	defer s.forge.mu.Unlock()
	s.answer = answer
}

// RoundTrip delays every call but those for the keys.
func (s *slowClerk) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/v1/jwks" {
		return s.forge.RoundTrip(r)
	}
	if r.URL.Path == "/v1/environment" {
		s.probed.Add(1)
		if s.gone.Load() {
			return nil, errors.New("connection refused")
		}
		return vectors.Answer{Status: http.StatusOK, ContentType: "application/json", Body: "{}"}.Response()
	}
	s.asked.Add(1)
	now := s.inFlight.Add(1)
	defer s.inFlight.Add(-1)
	for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); most = s.most.Load() {
	}
	s.mu.Lock()
	takes, refuses := s.takes, s.refuses
	s.mu.Unlock()
	if refuses {
		return nil, errors.New("connection refused")
	}
	select {
	case <-time.After(takes):
		return s.forge.RoundTrip(r)
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// withSlowClerk runs test on a clock of its own, with a Backend API that knows the
// status of one session, or of all.
func withSlowClerk(t *testing.T, test func(t *testing.T, s *slowClerk)) {
	t.Helper()
	s := &slowClerk{forge: newForge(t, 0), tokens: map[string]string{}}
	synctest.Test(t, func(t *testing.T) {
		s.tb, s.now = t, time.Now()
		test(t, s)
	})
}

func (s *slowClerk) authenticator(change func(*middleware.Options)) *middleware.Authenticator {
	return s.forge.authenticator(func(o *middleware.Options) {
		o.Transport, o.Now = s, time.Now
		if change != nil {
			change(o)
		}
	})
}

func lookUp(o *middleware.Options) { o.SessionLookup = middleware.LookupCached }

func sessionIs(status string) func(string, string) (int, string) {
	return func(path, _ string) (int, string) {
		return http.StatusOK, fmt.Sprintf(`{"object":"session","id":%q,"status":%q}`, path[strings.LastIndex(path, "/")+1:], status)
	}
}

// live is a request of a session whose token lives for a day.
func (s *slowClerk) live(sid string) *http.Request {
	return bearer(s.signed("live "+sid, with{"sid": sid, "exp": s.now.Unix() + 86400}))
}

// signed is a token that is made once for each name, since signing takes long.
func (s *slowClerk) signed(name string, claims with) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tokens[name] == "" {
		s.tokens[name] = s.token(nil, claims)
	}
	return s.tokens[name]
}

// took authenticates r and returns how long that took.
func took(a *middleware.Authenticator, r *http.Request) (*middleware.State, time.Duration) {
	begin := time.Now()
	state := a.Authenticate(r)
	return state, time.Since(begin)
}

// TestLookupServesFirst: while Clerk hangs or cannot be reached, a live session is served
// after a moment, later at once, and few calls are made to Clerk.
func TestLookupServesFirst(t *testing.T) {
	t.Parallel()
	for name, refuses := range map[string]bool{"hangs": false, "refuses": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withSlowClerk(t, func(t *testing.T, s *slowClerk) {
				a := s.authenticator(lookUp)
				s.becomes(forever, refuses)
				r := s.live("sess_1")
				state, d := took(a, r)
				assert.Equal(t, middleware.SignedIn, state.Status, state.Reason)
				assert.LessOrEqual(t, d, 250*time.Millisecond)
				var waited time.Duration
				for range 600 { // a minute
					state, d := took(a, r)
					require.Equal(t, middleware.SignedIn, state.Status, state.Reason)
					require.LessOrEqual(t, d, 250*time.Millisecond)
					waited += d
					time.Sleep(100 * time.Millisecond)
				}
				assert.LessOrEqual(t, s.asked.Load(), int64(20), "calls in a minute")
				assert.LessOrEqual(t, waited, 5*time.Second, "in 600 requests")
				s.becomes(0, false)
				s.says(sessionIs("revoked"))
				time.Sleep(10 * time.Second)
				a.Authenticate(r)
				assert.Equal(t, middleware.ReasonSessionRevoked, a.Authenticate(r).Reason, "the end of the outage is noticed")
			})
		})
	}
}

func TestLookupsInFlightAreBounded(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(lookUp)
		require.NoError(t, a.Ready(t.Context()))
		s.becomes(forever, false)
		var all sync.WaitGroup
		for i := range 80 {
			r := s.live(fmt.Sprint("sess_", i))
			all.Go(func() {
				state, d := took(a, r)
				assert.Equal(t, middleware.SignedIn, state.Status)
				assert.LessOrEqual(t, d, 250*time.Millisecond)
			})
		}
		all.Wait()
		assert.LessOrEqual(t, s.most.Load(), int64(32))
	})
}

func TestAgedLookupIsRenewedBeside(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		s.says(sessionIs("active"))
		a, r := s.authenticator(lookUp), s.live("sess_1")
		require.Equal(t, middleware.SignedIn, a.Authenticate(r).Status)
		s.becomes(time.Second, false)
		time.Sleep(9 * time.Second)
		for range 3 {
			state, d := took(a, r)
			assert.Equal(t, middleware.SignedIn, state.Status)
			assert.Zero(t, d, "nobody waits for an answer that is known")
		}
		time.Sleep(5 * time.Second)
		_, d := took(a, r)
		assert.Zero(t, d, "the renewed answer holds")
		assert.EqualValues(t, 2, s.asked.Load(), "one look-up for all")
	})
}

// TestEndedSessionEndsInTime: whenever a session is revoked while a result is cached, its
// last request is served within ten seconds, at whatever intervals its requests come.
func TestEndedSessionEndsInTime(t *testing.T) {
	t.Parallel()
	for _, every := range []time.Duration{100 * time.Millisecond, 3 * time.Second, 10 * time.Second, 30 * time.Minute} {
		t.Run(every.String(), func(t *testing.T) {
			t.Parallel()
			withSlowClerk(t, func(t *testing.T, s *slowClerk) {
				s.says(sessionIs("active"))
				a, r := s.authenticator(lookUp), s.live("sess_1")
				for range 40 {
					require.Equal(t, middleware.SignedIn, a.Authenticate(r).Status)
					time.Sleep(every)
				}
				s.says(sessionIs("revoked"))
				revoked := time.Now()
				for a.Authenticate(r).Status == middleware.SignedIn {
					require.Less(t, time.Since(revoked), 10*time.Second)
					time.Sleep(every)
				}
				assert.Equal(t, middleware.ReasonSessionRevoked, a.Authenticate(r).Reason)
			})
		})
	}
}

// TestSlowLookupCountsOnceItIsThere: the request that did not wait for it is served, the
// next one is not.
func TestSlowLookupCountsOnceItIsThere(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		s.says(sessionIs("ended"))
		a, r := s.authenticator(lookUp), s.live("sess_1")
		require.NoError(t, a.Ready(t.Context()))
		s.becomes(time.Second, false)
		require.Equal(t, middleware.SignedIn, a.Authenticate(r).Status)
		time.Sleep(750 * time.Millisecond)
		synctest.Wait()
		state, d := took(a, r)
		assert.Equal(t, middleware.ReasonSessionRevoked, state.Reason)
		assert.Zero(t, d)
	})
}

// TestEndedSessionStaysEnded: an outage does not bring back what Clerk has ended.
func TestEndedSessionStaysEnded(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		s.says(sessionIs("removed"))
		a, r := s.authenticator(lookUp), s.live("sess_1")
		require.Equal(t, middleware.ReasonSessionRevoked, a.Authenticate(r).Reason)
		s.becomes(0, true)
		for range 60 {
			time.Sleep(time.Minute)
			state, d := took(a, r)
			require.Equal(t, middleware.ReasonSessionRevoked, state.Reason)
			require.Zero(t, d)
		}
	})
}

// TestLookupRestsAsLongAsClerkAsks: 429 names the time of the next call.
func TestLookupRestsAsLongAsClerkAsks(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		s.says(func(string, string) (int, string) { return http.StatusTooManyRequests, `{}` })
		s.retryAfter = "20"
		a := s.authenticator(lookUp)
		for i := range 100 {
			require.Equal(t, middleware.SignedIn, a.Authenticate(s.live(fmt.Sprint("sess_", i))).Status)
			time.Sleep(190 * time.Millisecond)
		}
		assert.EqualValues(t, 1, s.asked.Load(), "in 19 s")
	})
}

func TestCloseEndsLookups(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a, r := s.authenticator(lookUp), s.live("sess_1")
		require.NoError(t, a.Ready(t.Context()))
		s.becomes(forever, false)
		a.Authenticate(r)
		require.EqualValues(t, 1, s.inFlight.Load())
		begin := time.Now()
		a.Close()
		assert.Zero(t, s.inFlight.Load())
		assert.Zero(t, time.Since(begin))
	})
}

// TestLookUpsLeaveRoomForRefreshes: look-ups stop at four fifths of the rate limit, whatever
// the other calls were, and go on when there is room again.
func TestLookUpsLeaveRoomForRefreshes(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		active := sessionIs("active")
		s.says(func(path, body string) (int, string) {
			if strings.HasSuffix(path, "/refresh") {
				sid := strings.Split(path, "/")[3]
				return http.StatusOK, fmt.Sprintf(`{"object":"cookies","cookies":["__session=%s; Path=/"]}`, s.token(nil, with{"sid": sid, "exp": s.now.Unix() + 86400}))
			}
			return active(path, body)
		})
		a := s.authenticator(func(o *middleware.Options) {
			o.SessionLookup, o.BackendRateLimit = middleware.LookupCached, 100
		})
		require.NoError(t, a.Ready(t.Context()))
		const refreshed, lookedUp = 10, 70
		for n := range refreshed {
			require.True(t, a.Authenticate(s.expiredPage(a, fmt.Sprint("sess_", n), "rt_1")).Refreshed)
		}
		ask := func(times int) int64 {
			before := s.asked.Load()
			for n := range times {
				require.Equal(t, middleware.SignedIn, a.Authenticate(s.live(fmt.Sprint("sess_live", n))).Status)
			}
			return s.asked.Load() - before
		}
		assert.EqualValues(t, lookedUp, ask(100))
		assert.Zero(t, ask(100))
		assert.True(t, a.Authenticate(s.expiredPage(a, "sess_last", "rt_1")).Refreshed)
		time.Sleep(11 * time.Second)
		assert.EqualValues(t, refreshed+lookedUp, ask(100), "the others have their turn")
	})
}
