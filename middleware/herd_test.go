package middleware_test

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/vectors"
	"github.com/clerkgate/clerkgate/middleware"
)

// limitedClerk answers refreshes in 50 ms, and limits them as Clerk does: 1,000 calls in ten
// seconds, then 429.
type limitedClerk struct {
	*slowClerk
	mu            sync.Mutex
	calls         []time.Time
	atOnce        []int // in flight at the begin of each call
	limited, most int   // how many got 429, and the most in ten seconds
	flying        atomic.Int64
}

func (l *limitedClerk) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/v1/jwks" || r.URL.Path == "/v1/environment" {
		return l.slowClerk.RoundTrip(r)
	}
	defer l.flying.Add(-1)
	if wait := l.count(time.Now()); wait > 0 {
		res, err := vectors.Answer{Status: http.StatusTooManyRequests, ContentType: "application/json", Body: `{"errors":[{"code":"too_many_requests"}]}`}.Response()
		res.Header.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		return res, err
	}
	return l.slowClerk.RoundTrip(r)
}

// count counts a call. If it is over the limit, wait is how long until there is room.
func (l *limitedClerk) count(now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.atOnce = append(l.atOnce, int(l.flying.Add(1)))
	for len(l.calls) > 0 && now.Sub(l.calls[0]) >= 10*time.Second {
		l.calls = l.calls[1:]
	}
	if len(l.calls) >= middleware.DefaultBackendRateLimit {
		l.limited++
		return 10*time.Second - now.Sub(l.calls[0])
	}
	l.calls = append(l.calls, now)
	l.most = max(l.most, len(l.calls))
	return 0
}

// herd lets all requests come at once, and those that were not served again after five seconds, as
// pages do. It returns how often each status was the answer, and how many were served by then.
func herd(a *middleware.Authenticator, requests []*http.Request, rounds int) (statuses map[middleware.Status]int, served []int) {
	statuses = map[middleware.Status]int{}
	var mu sync.Mutex
	for waiting := requests; len(waiting) > 0 && len(served) < rounds; time.Sleep(5 * time.Second) {
		var all sync.WaitGroup
		var again []*http.Request
		for _, r := range waiting {
			all.Go(func() {
				status := a.Authenticate(r).Status
				mu.Lock()
				defer mu.Unlock()
				if statuses[status]++; status != middleware.SignedIn {
					again = append(again, r)
				}
			})
		}
		all.Wait()
		waiting = again
		served = append(served, statuses[middleware.SignedIn])
	}
	return statuses, served
}

// TestHerdAfterAnOutage: 3,000 sessions have expired while Clerk was down, and all come at the
// moment it works again. A probe goes first, the rate limit holds, nobody is signed out, and
// all are served within as long as the limit takes.
func TestHerdAfterAnOutage(t *testing.T) {
	t.Parallel()
	tokens := map[string]string{} // for both, since each is a second of work
	for _, test := range []struct {
		name     string
		known    bool
		sessions int
		most     int // rounds
	}{{"known sessions", true, 3000, 10}, {"after a restart, so that none is known", false, 1000, 15}} {
		sessions := test.sessions
		withSlowClerk(t, func(t *testing.T, s *slowClerk) {
			s.tokens = tokens
			clerk := &limitedClerk{slowClerk: s}
			_, good := s.refreshes("sess_1")("/refresh", `"rt_good"`)
			s.says(func(string, string) (int, string) { return http.StatusOK, good })
			a := s.authenticator(func(o *middleware.Options) { o.Transport = clerk })
			requests := make([]*http.Request, sessions)
			for i := range requests {
				requests[i] = as("GET", "empty", s.expiredPage(a, fmt.Sprint("sess_", i), "rt_good"))
			}
			if test.known {
				for _, r := range requests { // slowly
					require.True(t, a.Authenticate(r).Refreshed)
					time.Sleep(70 * time.Millisecond)
				}
				time.Sleep(time.Minute) // what was refreshed is no longer remembered
			}
			s.becomes(0, true)
			s.gone.Store(true)
			for _, r := range requests[:40] {
				require.Equal(t, middleware.Unavailable, a.Authenticate(r).Status)
			}
			time.Sleep(8 * time.Second) // the pause is over, and nobody has come meanwhile
			s.becomes(50*time.Millisecond, false)
			s.gone.Store(false)
			clerk.calls, clerk.atOnce, clerk.limited, clerk.most = nil, nil, 0, 0

			statuses, served := herd(a, requests, test.most)
			t.Logf("%s: %d served in %d s by %d calls, %d of them over the limit, %d in the busiest ten seconds; %d answers 503; served every five seconds: %v",
				test.name, served[len(served)-1], 5*(len(served)-1), len(clerk.atOnce), clerk.limited, clerk.most, statuses[middleware.Unavailable], served)
			assert.Equal(t, map[middleware.Status]int{middleware.SignedIn: sessions, middleware.Unavailable: statuses[middleware.Unavailable]}, statuses,
				"all are served, and nobody is signed out")
			assert.Equal(t, 1, served[0], "a probe goes first")
			assert.Equal(t, []int{1, 1}, clerk.atOnce[:2], "and is over before the next call")
			assert.LessOrEqual(t, clerk.limited, 300, "the first that are refused have all rest")
			assert.Equal(t, sessions+clerk.limited, len(clerk.atOnce), "one call for each, but for those that were limited")
		})
	}
}
