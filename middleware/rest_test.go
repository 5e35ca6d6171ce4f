package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/middleware/store"
	"github.com/clerkgate/clerkgate/middleware/store/storetest"
)

func anyToken(o *middleware.Options) { o.AcceptsToken = []middleware.TokenType{middleware.AnyToken} }

// TestRetryAfterOf503: Clerk's maintenance mode names a time. It is about the calls that
// were refused: in maintenance, sessions are renewed but nothing is changed.
func TestRetryAfterOf503(t *testing.T) {
	t.Parallel()
	for retryAfter, rest := range map[string]time.Duration{"20": 20 * time.Second, "86400": time.Minute} {
		t.Run(retryAfter, func(t *testing.T) {
			t.Parallel()
			withSlowClerk(t, func(t *testing.T, s *slowClerk) {
				a := s.authenticator(anyToken)
				s.says(func(path, _ string) (int, string) {
					if strings.Contains(path, "api_keys") {
						return http.StatusServiceUnavailable, `{"errors":[{"code":"maintenance_mode"}]}`
					}
					return http.StatusUnauthorized, `{"errors":[{"code":"x"}]}`
				})
				s.retryAfter = retryAfter
				assert.Equal(t, middleware.Unavailable, a.Authenticate(bearer("ak_0")).Status)
				for began, n := time.Now(), 1; time.Since(began) < rest; n++ {
					require.Equal(t, middleware.Unavailable, a.Authenticate(bearer(fmt.Sprint("ak_", n))).Status)
					require.EqualValues(t, 1, s.asked.Load())
					time.Sleep(time.Second)
				}
				a.Authenticate(bearer("ak_0"))
				assert.EqualValues(t, 2, s.asked.Load(), "a probe")
				a.Authenticate(s.expiredPage(a, "sess_1", "rt_1"))
				assert.EqualValues(t, 3, s.asked.Load(), "refreshes go on")
			})
		})
	}
}

// TestLookUpsRestWithTheOthers: Clerk's rate limit is for calls of every kind.
func TestLookUpsRestWithTheOthers(t *testing.T) {
	t.Parallel()
	for name, limited := range map[string]func(a *middleware.Authenticator, s *slowClerk) *http.Request{
		"the look-up": func(_ *middleware.Authenticator, s *slowClerk) *http.Request { return s.live("sess_1") },
		"a refresh": func(a *middleware.Authenticator, s *slowClerk) *http.Request {
			return s.expiredPage(a, "sess_1", "rt_1")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withSlowClerk(t, func(t *testing.T, s *slowClerk) {
				a := s.authenticator(lookUp)
				s.retryAfter = "30"
				s.says(always(http.StatusTooManyRequests))
				a.Authenticate(limited(a, s))
				require.EqualValues(t, 1, s.asked.Load())
				for n := range 29 {
					require.Equal(t, middleware.SignedIn, a.Authenticate(s.live(fmt.Sprint("sess_live", n))).Status)
					a.Authenticate(s.expiredPage(a, fmt.Sprint("sess_", n), "rt_1"))
					time.Sleep(time.Second)
				}
				assert.EqualValues(t, 1, s.asked.Load())
			})
		})
	}
}

// TestGuard: the sidecar makes calls of its own.
func TestGuard(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(nil)
		g, other := a.Guard(), a.Guard()
		user := func() (response *clerkapi.Response, err error) {
			_, response, err = a.Client().GetUser(t.Context(), "user_1")
			return response, err
		}
		_, made := g.Call(t.Context(), user)
		require.True(t, made)

		s.retryAfter = "20"
		s.says(always(http.StatusTooManyRequests))
		unavailable, made := g.Call(t.Context(), user)
		assert.True(t, unavailable)
		assert.True(t, made)
		asked := s.asked.Load()
		_, made = other.Call(t.Context(), user)
		assert.False(t, made)
		a.Authenticate(s.expiredPage(a, "sess_1", "rt_1"))
		assert.Equal(t, asked, s.asked.Load(), "refreshes rest too")

		time.Sleep(20 * time.Second)
		s.retryAfter = ""
		s.says(always(http.StatusInternalServerError))
		for n := range 11 {
			a.Authenticate(s.expiredPage(a, fmt.Sprint("sess_", n), "rt_1"))
		}
		_, made = g.Call(t.Context(), user)
		assert.True(t, made, "it was resting, and probes")
		assert.True(t, g.Refuses(), "and so found out by one call")
	})
}

// signOutRequest is a POST to the page for signing out, with a session.
func signOutRequest(token string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, flowOrigin+"/sign-out", nil)
	r.Header.Set("Cookie", "__session="+token)
	return r
}

// TestSignOutDoesNotWaitForAClerkThatIsDown: the session has ended here, and Clerk is told
// when it works again.
func TestSignOutDoesNotWaitForAClerkThatIsDown(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(nil)
		s.goes(t, a, outages["hangs"], true)
		var all sync.WaitGroup
		for n := range 10 {
			r := s.expiredPage(a, fmt.Sprint("sess_", n), "rt_1")
			all.Go(func() { a.Authenticate(r) })
		}
		all.Wait()
		began, asked := time.Now(), s.asked.Load()
		for n := range 50 {
			w := httptest.NewRecorder()
			a.SignOut(w, signOutRequest(s.signed(fmt.Sprint("live ", n), with{"sid": fmt.Sprint("sess_out", n), "exp": s.now.Unix() + 86400})))
			require.Equal(t, http.StatusBadGateway, w.Code)
		}
		require.ErrorContains(t, a.Revoke(t.Context(), middleware.Revocation{UserID: "user_2"}), "no answer from Clerk")
		assert.Zero(t, time.Since(began))
		assert.Equal(t, asked, s.asked.Load())
		assert.Equal(t, middleware.ReasonSessionRevoked, a.Authenticate(s.page(s.signed("live 7", nil))).Reason, "ended here at once")

		time.Sleep(10 * time.Minute)
		assert.LessOrEqual(t, s.asked.Load()-asked, int64(125), "50 sessions are still no reason for more than the probes")
		s.becomes(0, false)
		var told atomic.Int64
		s.says(func(path, _ string) (int, string) {
			if strings.HasSuffix(path, "/revoke") {
				told.Add(1)
			}
			return http.StatusOK, `{"object":"session","id":"sess_1","status":"revoked"}`
		})
		time.Sleep(3 * time.Minute)
		assert.EqualValues(t, 50, told.Load())
	})
}

// unreachableOnce finds no connection for the first call of one session in five.
type unreachableOnce struct {
	*slowClerk
	mu   sync.Mutex
	seen map[string]bool
}

func (u *unreachableOnce) RoundTrip(r *http.Request) (*http.Response, error) {
	u.mu.Lock()
	path := r.URL.Path
	first := !u.seen[path] && (strings.HasSuffix(path, "0/refresh") || strings.HasSuffix(path, "5/refresh"))
	u.seen[path] = true
	u.mu.Unlock()
	if first {
		u.asked.Add(1)
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	}
	return u.slowClerk.RoundTrip(r)
}

// TestRetryBudget: a call that found no connection is repeated, but not all are, or the
// repetitions would become the load that keeps Clerk down.
func TestRetryBudget(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		network := &unreachableOnce{slowClerk: s, seen: map[string]bool{}}
		a := s.authenticator(func(o *middleware.Options) { o.Transport, o.BackendRateLimit = network, 100_000 })
		_, answer := s.refreshes("sess_1")("/refresh", `"rt_good"`)
		s.says(func(string, string) (int, string) { return http.StatusOK, answer })
		refreshed := func(n int) bool { return a.Authenticate(s.expiredPage(a, fmt.Sprint("sess_", n), "rt_good")).Refreshed }
		at := func(from, to int) (repeated int) {
			before := s.asked.Load()
			for n := from; n < to; n++ {
				refreshed(n)
			}
			return int(s.asked.Load()-before) - (to - from)
		}
		assert.Equal(t, 5, at(0, 100), "20 calls found no connection at once, and 5 are repeated")
		repeated := 0
		for second := range 10 {
			time.Sleep(time.Second)
			repeated += at(100+20*second, 120+20*second)
		}
		assert.InDelta(t, 15, repeated, 5, "a tenth of 200 calls, at least one in a second, of 40")
		time.Sleep(20 * time.Second)
		assert.True(t, refreshed(5000), "alone, a call is repeated")
	})
}

// TestRefusedTokenIsNoProof: what Clerk has refused since is not accepted by a grace.
func TestRefusedTokenIsNoProof(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(func(o *middleware.Options) {
			o.AcceptsToken, o.OutageGrace = []middleware.TokenType{middleware.APIKeyToken}, time.Hour
		})
		status := http.StatusOK
		s.says(func(string, string) (int, string) {
			return status, `{"object":"api_key","id":"ak_1","subject":"user_1","name":"n","scopes":[]}`
		})
		require.Equal(t, middleware.SignedIn, a.Authenticate(bearer("ak_1")).Status)
		time.Sleep(15 * time.Second)
		status = http.StatusNotFound
		require.Equal(t, middleware.SignedOut, a.Authenticate(bearer("ak_1")).Status)
		s.becomes(0, true)
		time.Sleep(15 * time.Second)
		assert.Equal(t, middleware.Unavailable, a.Authenticate(bearer("ak_1")).Status, "it was verified 30 s ago, and refused 15 s ago")
	})
}

// countedStore counts what is read, by the end of the name.
type countedStore struct {
	store.Store
	rests atomic.Int64
}

func (c *countedStore) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if strings.HasSuffix(key, ":rest") {
		c.rests.Add(1)
	}
	return c.Store.Get(ctx, key)
}

// brokenNetwork is the network of one replica.
type brokenNetwork struct {
	*slowClerk
	calls  atomic.Int64
	broken atomic.Bool
}

func (b *brokenNetwork) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/refresh") {
		if b.calls.Add(1); b.broken.Load() {
			return nil, errors.New("no route to host")
		}
	}
	return b.slowClerk.RoundTrip(r)
}

// withReplicas has n replicas with networks of their own.
func withReplicas(t *testing.T, n int, test func(t *testing.T, s *slowClerk, all []*middleware.Authenticator, networks []*brokenNetwork, counted *countedStore)) {
	t.Helper()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		counted := &countedStore{Store: storetest.NewMemory(time.Now)}
		all, networks := make([]*middleware.Authenticator, n), make([]*brokenNetwork, n)
		for i := range all {
			networks[i] = &brokenNetwork{slowClerk: s}
			all[i] = s.authenticator(func(o *middleware.Options) { o.Store, o.Transport = counted, networks[i] })
			require.NoError(t, all[i].Ready(t.Context()))
		}
		test(t, s, all, networks, counted)
		for _, a := range all {
			a.Close()
		}
	})
}

// TestReplicasFindOutTogether: where one replica has found Clerk to be down by ten calls, the
// others need one each.
func TestReplicasFindOutTogether(t *testing.T) {
	t.Parallel()
	withReplicas(t, 3, func(t *testing.T, s *slowClerk, all []*middleware.Authenticator, networks []*brokenNetwork, _ *countedStore) {
		for _, network := range networks {
			network.broken.Store(true)
		}
		ask := func(replica, from, to int) {
			for n := from; n < to; n++ {
				all[replica].Authenticate(s.expiredPage(all[replica], fmt.Sprint("sess_", n), "rt_1"))
			}
		}
		ask(0, 0, 20)
		assert.EqualValues(t, 10, networks[0].calls.Load())
		synctest.Wait() // it is in the store
		ask(1, 20, 40)
		ask(2, 40, 60)
		assert.EqualValues(t, 1, networks[1].calls.Load())
		assert.EqualValues(t, 1, networks[2].calls.Load())
		time.Sleep(8 * time.Second)
		ask(1, 60, 80)
		assert.EqualValues(t, 2, networks[1].calls.Load(), "a probe of its own")
	})
}

// TestOneBrokenNetworkStopsNobodyElse: only the replica that cannot reach Clerk stops.
func TestOneBrokenNetworkStopsNobodyElse(t *testing.T) {
	t.Parallel()
	withReplicas(t, 2, func(t *testing.T, s *slowClerk, all []*middleware.Authenticator, networks []*brokenNetwork, _ *countedStore) {
		networks[0].broken.Store(true)
		for n := range 60 {
			for range 5 {
				a := all[0]
				a.Authenticate(s.expiredPage(a, fmt.Sprint("sess_a", n), "rt_1"))
			}
			a, sid := all[1], fmt.Sprint("sess_b", n)
			s.says(s.refreshes(sid))
			require.True(t, a.Authenticate(s.expiredPage(a, sid, "rt_good")).Refreshed, "second %d", n)
			time.Sleep(time.Second)
		}
		assert.EqualValues(t, 60, networks[1].calls.Load())
	})
}

// TestStoreIsSeldomAskedForRests: once a second, and only before calls to Clerk.
func TestStoreIsSeldomAskedForRests(t *testing.T) {
	t.Parallel()
	withReplicas(t, 1, func(t *testing.T, s *slowClerk, all []*middleware.Authenticator, networks []*brokenNetwork, counted *countedStore) {
		a := all[0]
		for range 100 {
			require.Equal(t, middleware.SignedIn, a.Authenticate(s.live("sess_1")).Status)
		}
		assert.Zero(t, counted.rests.Load())
		for second := range 3 {
			for n := range 20 {
				a.Authenticate(s.expiredPage(a, fmt.Sprint("sess_", second, "_", n), "rt_1"))
			}
			assert.EqualValues(t, second+1, counted.rests.Load())
			time.Sleep(time.Second)
		}
		assert.EqualValues(t, 60, networks[0].calls.Load())
	})
}

// TestLookUpsObeyRetryAfterOf503: otherwise they pause for half a second.
func TestLookUpsObeyRetryAfterOf503(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(lookUp)
		s.retryAfter = "20"
		s.says(always(http.StatusServiceUnavailable))
		for n := range 20 {
			require.Equal(t, middleware.SignedIn, a.Authenticate(s.live(fmt.Sprint("sess_", n))).Status)
			require.EqualValues(t, 1, s.asked.Load())
			time.Sleep(time.Second)
		}
		a.Authenticate(s.live("sess_21"))
		assert.EqualValues(t, 2, s.asked.Load(), "a probe")
	})
}

// TestNoGraceForATokenFromTheFuture: the grace is for tokens that have expired, not for those
// whose times make no sense.
func TestNoGraceForATokenFromTheFuture(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(func(o *middleware.Options) { o.OutageGrace = 10 * time.Minute })
		s.goes(t, a, outages["500"], true)
		for name, iat := range map[string]int64{"before": -120, "after": 60} {
			token := s.signed(name, with{"iat": s.now.Unix() + iat, "nbf": s.now.Unix() - 130, "exp": s.now.Unix() - 60})
			status := a.Authenticate(as("GET", "empty", bearer(token))).Status
			assert.Equal(t, name == "before", status == middleware.SignedIn, "%s: %s", name, status)
		}
	})
}
