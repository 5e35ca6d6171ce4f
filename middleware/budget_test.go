package middleware_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/middleware"
)

// These are the numbers of calls that are allowed in ten seconds.
const (
	strangersShare = 1000 / 7 // of what anybody can make up
	unknownShare   = 1000 / 3 // for sessions that are not known
)

// nonceRequest is a request that seems to come from a handshake.
func nonceRequest(nonce string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, flowOrigin+"/?__clerk_handshake_nonce="+nonce, nil)
	r.Header.Set("Sec-Fetch-Dest", "document")
	return r
}

// expiredPage is a page asked for with an expired token of a session.
func (s *slowClerk) expiredPage(a *middleware.Authenticator, sid, refresh string) *http.Request {
	token := s.signed("expired "+sid, with{"sid": sid, "iat": s.now.Unix() - 120, "exp": s.now.Unix() - 60})
	return s.page(token, "__refresh_"+a.CookieSuffix()+"="+refresh)
}

// refreshes answers refreshes of the token rt_good, and knows nothing else.
func (s *slowClerk) refreshes(sid string) func(string, string) (int, string) {
	return func(path, body string) (int, string) {
		if strings.HasSuffix(path, "/refresh") && strings.Contains(body, `"rt_good"`) {
			return http.StatusOK, fmt.Sprintf(`{"object":"cookies","cookies":["__session=%s; Path=/"]}`, s.token(nil, with{"sid": sid, "exp": s.now.Unix() + 86400}))
		}
		return http.StatusUnauthorized, `{"errors":[{"code":"refresh_token_not_found","message":"no"}]}`
	}
}

// TestStrangersHaveABudget floods Clerk for ten seconds with each kind of call that needs no
// account. Calls for known sessions and tokens are still made.
func TestStrangersHaveABudget(t *testing.T) {
	t.Parallel()
	const perSecond = 100
	good := `{"object":"api_key","id":"ak_1","subject":"user_1","name":"n","scopes":[]}`
	for name, flood := range map[string]func(a *middleware.Authenticator, s *slowClerk, n int) *http.Request{
		"nonces": func(_ *middleware.Authenticator, _ *slowClerk, n int) *http.Request {
			return nonceRequest(fmt.Sprint("n", n))
		},
		"opaque tokens": func(_ *middleware.Authenticator, _ *slowClerk, n int) *http.Request {
			return bearer(fmt.Sprint("ak_bad", n))
		},
		"refreshes of unknown sessions": func(a *middleware.Authenticator, s *slowClerk, n int) *http.Request {
			if n < 10*perSecond { // few tokens, but more than the budget can be used up with
				return s.expiredPage(a, fmt.Sprint("sess_unknown", n%50), fmt.Sprint("rt_", n))
			}
			return s.expiredPage(a, fmt.Sprint("sess_new", n), "rt_1")
		},
		"refreshes of one session, by refresh token": func(a *middleware.Authenticator, s *slowClerk, n int) *http.Request {
			return s.expiredPage(a, "sess_1", fmt.Sprint("rt_", n))
		},
		"refreshes of one session, by host": func(a *middleware.Authenticator, s *slowClerk, n int) *http.Request {
			r := s.expiredPage(a, "sess_1", "rt_found")
			r.Host = fmt.Sprintf("h%d.example.com", n)
			return r
		},
		"refreshes of made up sessions, under a real token": func(a *middleware.Authenticator, s *slowClerk, n int) *http.Request {
			r := pageRequest(nil)
			real := s.signed("real", with{"sid": "sess_1", "exp": s.now.Unix() - 60})
			forged := s.unsigned(nil, with{"sid": fmt.Sprint("sess_forged", n)}) + ".c2ln"
			r.Header.Set("Authorization", "Bearer "+real)
			r.Header.Set("Cookie", "__session="+forged+"; __refresh_"+a.CookieSuffix()+"=rt_1")
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withSlowClerk(t, func(t *testing.T, s *slowClerk) {
				s.says(func(path, body string) (int, string) {
					if strings.Contains(body, "ak_good") {
						return http.StatusOK, good
					}
					return s.refreshes("sess_1")(path, body)
				})
				a := s.authenticator(func(o *middleware.Options) { o.AcceptsToken = []middleware.TokenType{middleware.AnyToken} })
				require.Equal(t, middleware.SignedIn, a.Authenticate(s.live("sess_1")).Status)
				require.Equal(t, middleware.SignedIn, a.Authenticate(bearer("ak_good")).Status)
				before := s.asked.Load()
				for n := range 10 * perSecond {
					require.NotEqual(t, middleware.SignedIn, a.Authenticate(flood(a, s, n)).Status)
					time.Sleep(time.Second / perSecond)
				}
				asked := s.asked.Load() - before
				assert.Positive(t, asked)
				most := strangersShare
				if name == "refreshes of unknown sessions" {
					most = unknownShare
				}
				assert.LessOrEqual(t, asked, int64(most))
				for n := range 10 {
					a.Authenticate(flood(a, s, 10*perSecond+n)) // what has come back by now
				}
				before = s.asked.Load()
				assert.Equal(t, middleware.SignedIn, a.Authenticate(bearer("ak_good")).Status)
				assert.EqualValues(t, 1, s.asked.Load()-before, "a known token is asked about again")
				if !strings.Contains(name, "one session") && !strings.Contains(name, "real token") {
					state := a.Authenticate(s.expiredPage(a, "sess_1", "rt_good"))
					assert.True(t, state.Refreshed, state.Reason)
				}
			})
		})
	}
}

// TestOneSessionDoesNotSpendTheBudgetOfOthers: somebody who finds an expired token cannot
// keep the session's owner or anybody else from a refresh.
func TestOneSessionDoesNotSpendTheBudgetOfOthers(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		s.says(s.refreshes("sess_1"))
		a := s.authenticator(nil)
		require.True(t, a.Authenticate(s.expiredPage(a, "sess_1", "rt_good")).Refreshed)
		time.Sleep(20 * time.Second)
		before := s.asked.Load()
		for n := range 500 {
			state := a.Authenticate(s.expiredPage(a, "sess_1", fmt.Sprint("rt_", n)))
			require.Equal(t, middleware.Handshake, state.Status, "as after a failed call")
		}
		assert.LessOrEqual(t, s.asked.Load()-before, int64(1000/50))
		assert.True(t, a.Authenticate(s.expiredPage(a, "sess_1", "rt_good")).Refreshed, "the owner")
		assert.True(t, a.Authenticate(s.expiredPage(a, "sess_2", "rt_good")).Refreshed, "a session that is not known yet")
	})
}

// TestWhatHasNoBudgetIsUnavailable: a program with a valid token is told to retry.
func TestWhatHasNoBudgetIsUnavailable(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(func(o *middleware.Options) {
			o.AcceptsToken, o.BackendRateLimit = []middleware.TokenType{middleware.APIKeyToken}, 1
		})
		w, reached := serve(a, middleware.Requirement{}, bearer("ak_1"))
		assert.Equal(t, http.StatusUnauthorized, w.Code)
		assert.False(t, reached)
		w, reached = serve(a, middleware.Requirement{}, bearer("ak_2"))
		assert.False(t, reached)
		assert.Equal(t, http.StatusServiceUnavailable, w.Code)
		assert.Equal(t, "10", w.Header().Get("Retry-After"))
		assert.Contains(t, w.Body.String(), `"code":"verification_unavailable"`)
		w, _ = serve(a, middleware.Requirement{Unauthenticated: middleware.Unauthenticated404}, bearer("ak_2"))
		assert.Equal(t, http.StatusNotFound, w.Code)
		time.Sleep(10 * time.Second)
		w, _ = serve(a, middleware.Requirement{}, bearer("ak_2"))
		assert.Equal(t, http.StatusUnauthorized, w.Code)
		assert.EqualValues(t, 2, s.asked.Load())
	})
}

func TestFailuresAreRemembered(t *testing.T) {
	t.Parallel()
	type question = func(a *middleware.Authenticator, s *slowClerk) *http.Request
	refresh := func(a *middleware.Authenticator, s *slowClerk) *http.Request {
		return s.expiredPage(a, "sess_1", "rt_1")
	}
	nonce := func(*middleware.Authenticator, *slowClerk) *http.Request { return nonceRequest("consumed") }
	token := func(*middleware.Authenticator, *slowClerk) *http.Request { return bearer("ak_1") }
	tests := map[string]struct {
		question   question
		status     int // 0: cannot be reached
		retryAfter string
		// most calls in ten minutes, at a request a second: as Clerk's SDK decides, and by
		// default, where Clerk is left alone once it is known to be down.
		most, held int64
	}{
		"refused refresh":              {refresh, 401, "", 10, 10},
		"refresh of a session gone":    {refresh, 404, "", 10, 10},
		"refresh while Clerk fails":    {refresh, 503, "", 600, 130},
		"refresh without Clerk":        {refresh, 0, "", 600, 130},
		"refresh beyond Clerk's limit": {refresh, 429, "5", 120, 120},
		"a rest of a day":              {refresh, 429, "86400", 60, 11},
		"consumed nonce":               {nonce, 400, "", 1, 1},
		"unknown nonce":                {nonce, 404, "", 1, 1},
		"nonce while Clerk fails":      {nonce, 500, "", 600, 130},
		"nonce beyond Clerk's limit":   {nonce, 429, "10", 60, 60},
		"unknown token":                {token, 404, "", 60, 60},
		"token beyond Clerk's limit":   {token, 429, "3", 200, 200},
		"token while Clerk fails":      {token, 502, "", 600, 130},
	}
	type run struct {
		outage middleware.Outage
		most   int64
	}
	for name, tt := range tests {
		for mode, run := range map[string]run{", as the SDK": {middleware.OutageHandshake, tt.most}, ", held": {middleware.OutageHold, tt.held}} {
			t.Run(name+mode, func(t *testing.T) {
				t.Parallel()
				withSlowClerk(t, func(t *testing.T, s *slowClerk) {
					s.says(func(string, string) (int, string) { return tt.status, `{"errors":[{"code":"x","message":"x"}]}` })
					s.retryAfter = tt.retryAfter
					s.becomes(0, tt.status == 0)
					a := s.authenticator(func(o *middleware.Options) {
						o.AcceptsToken, o.Outage = []middleware.TokenType{middleware.AnyToken}, run.outage
					})
					r := tt.question(a, s)
					first := a.Authenticate(r)
					for range 599 {
						for range 3 {
							state := a.Authenticate(r)
							require.Equal(t, first.Status, state.Status)
							if run.outage == middleware.OutageHandshake {
								require.Equal(t, first.Reason, state.Reason)
							}
						}
						time.Sleep(time.Second)
					}
					assert.LessOrEqual(t, s.asked.Load(), run.most)
					assert.GreaterOrEqual(t, s.asked.Load(), run.most/2, "what may work again is asked again")
				})
			})
		}
	}
}

// TestNonceIsExchangedOnceForAllWhoWait: a nonce works once, and a browser may send it for a
// page and its frames at the same time.
func TestNonceIsExchangedOnceForAllWhoWait(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		s.says(func(string, string) (int, string) {
			return http.StatusOK, fmt.Sprintf(`{"directives":["__session=%s; Path=/"]}`, s.token(nil, nil))
		})
		a := s.authenticator(nil)
		require.NoError(t, a.Ready(t.Context()))
		s.becomes(time.Second, false)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { assert.Equal(t, middleware.SignedIn, a.Authenticate(nonceRequest("n1")).Status) })
		}
		all.Wait()
		assert.EqualValues(t, 1, s.asked.Load())
		a.Authenticate(nonceRequest("n1"))
		assert.EqualValues(t, 2, s.asked.Load(), "a session is not kept for whoever comes later")
	})
}

// TestCallsInFlightAreBounded: Clerk hangs, and many come with nonces, tokens and
// expired sessions.
func TestCallsInFlightAreBounded(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		request func(a *middleware.Authenticator, s *slowClerk, n int) *http.Request
		most    int64
	}{
		"nonces": {func(_ *middleware.Authenticator, _ *slowClerk, n int) *http.Request {
			return nonceRequest(fmt.Sprint("n", n))
		}, 64},
		"opaque tokens": {func(_ *middleware.Authenticator, _ *slowClerk, n int) *http.Request {
			return bearer(fmt.Sprint("ak_", n))
		}, 64},
		"unknown sessions": {func(a *middleware.Authenticator, s *slowClerk, n int) *http.Request {
			return s.expiredPage(a, fmt.Sprint("sess_", n%50), fmt.Sprint("rt_", n))
		}, 64},
		"known sessions": {func(a *middleware.Authenticator, s *slowClerk, n int) *http.Request {
			sid := fmt.Sprint("sess_", n%50)
			if a.Authenticate(s.live(sid)).Status != middleware.SignedIn {
				t.Error("a live session")
			}
			return s.expiredPage(a, sid, fmt.Sprint("rt_", n))
		}, 128},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withSlowClerk(t, func(t *testing.T, s *slowClerk) {
				a := s.authenticator(func(o *middleware.Options) {
					o.AcceptsToken, o.BackendRateLimit = []middleware.TokenType{middleware.AnyToken}, 100_000
				})
				require.NoError(t, a.Ready(t.Context()))
				s.becomes(forever, false)
				requests := make([]*http.Request, 500)
				for n := range requests {
					requests[n] = tt.request(a, s, n)
				}
				var all sync.WaitGroup
				late := 0
				var mu sync.Mutex
				for _, r := range requests {
					all.Go(func() {
						state, d := took(a, r)
						assert.NotEqual(t, middleware.SignedIn, state.Status)
						assert.LessOrEqual(t, d, 5*time.Second)
						mu.Lock()
						defer mu.Unlock()
						if d > 250*time.Millisecond {
							late++
						}
					})
				}
				all.Wait()
				assert.LessOrEqual(t, s.most.Load(), tt.most)
				assert.LessOrEqual(t, int64(late), tt.most, "who gets no place does not wait for Clerk")
				synctest.Wait()
				assert.Zero(t, s.inFlight.Load())
			})
		})
	}
}

// TestWhatCannotBeClerksIsNotAsked: long or broken values cost no call.
func TestWhatCannotBeClerksIsNotAsked(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		a := s.authenticator(nil)
		require.NoError(t, a.Ready(t.Context()))
		for _, nonce := range []string{strings.Repeat("n", 513), "a%0ab", "a%00", "%7f"} {
			assert.Equal(t, middleware.ReasonSessionTokenMissing, a.Authenticate(nonceRequest(nonce)).Reason, "as after a failed call")
		}
		for _, refresh := range []string{strings.Repeat("r", 4097), "a%0ab"} {
			state := a.Authenticate(s.expiredPage(a, "sess_1", refresh))
			assert.Equal(t, middleware.Reason("session-token-expired-refresh-unexpected-bapi-error"), state.Reason)
			assert.Equal(t, middleware.Handshake, state.Status)
		}
		forged := s.unsigned(nil, with{"exp": s.now.Unix() - 60}) + ".c2ln"
		other := s.token(nil, with{"exp": s.now.Unix() - 60, "azp": "https://other.example"})
		b := s.authenticator(func(o *middleware.Options) { o.AuthorizedParties = []string{flowOrigin} })
		for _, token := range []string{forged, other} {
			assert.Equal(t, middleware.SignedOut, b.Authenticate(s.page(token, "__refresh_"+a.CookieSuffix()+"=rt_1")).Status)
		}
		assert.Zero(t, s.asked.Load())
	})
}

// TestHandshakeIsReliefAtTheLimit: a handshake in place of a refresh that was not made, for
// lack of budget, needs no call that may not be made either.
func TestHandshakeIsReliefAtTheLimit(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		flood func(a *middleware.Authenticator, s *slowClerk, n int) *http.Request
		then  func(a *middleware.Authenticator, s *slowClerk) *http.Request
	}{
		"refreshes": {
			func(a *middleware.Authenticator, s *slowClerk, n int) *http.Request {
				return s.expiredPage(a, fmt.Sprint("sess_", n), "rt_1")
			},
			func(a *middleware.Authenticator, s *slowClerk) *http.Request {
				return s.expiredPage(a, "sess_new", "rt_good")
			},
		},
		"nonces": {
			func(_ *middleware.Authenticator, _ *slowClerk, n int) *http.Request {
				return nonceRequest(fmt.Sprint("n", n))
			},
			func(*middleware.Authenticator, *slowClerk) *http.Request {
				return pageRequest([]*http.Cookie{{Name: "__client_uat", Value: "1"}})
			},
		},
	}
	for name, tt := range tests {
		for mode, nonce := range map[middleware.Outage]bool{middleware.OutageHold: false, middleware.OutageHandshake: true} {
			t.Run(name+string(mode), func(t *testing.T) {
				t.Parallel()
				withSlowClerk(t, func(t *testing.T, s *slowClerk) {
					s.says(s.refreshes("sess_new"))
					a := s.authenticator(func(o *middleware.Options) { o.Outage, o.BackendRateLimit = mode, 100 })
					for n := range 100 {
						require.NotEqual(t, middleware.SignedIn, a.Authenticate(tt.flood(a, s, n)).Status)
					}
					asked := s.asked.Load()
					state := a.Authenticate(tt.then(a, s))
					assert.Equal(t, middleware.Handshake, state.Status, state.Reason)
					assert.Equal(t, nonce, strings.Contains(state.Location(), "format=nonce"), state.Location())
					assert.Equal(t, asked, s.asked.Load())
				})
			})
		}
	}
}

// TestNonceWithoutABudgetIsHeld: nobody is signed out because strangers make up nonces.
func TestNonceWithoutABudgetIsHeld(t *testing.T) {
	t.Parallel()
	for mode, status := range map[middleware.Outage]middleware.Status{
		middleware.OutageHold: middleware.Unavailable, middleware.OutageHandshake: middleware.SignedOut,
	} {
		withSlowClerk(t, func(t *testing.T, s *slowClerk) {
			a := s.authenticator(func(o *middleware.Options) { o.Outage, o.BackendRateLimit = mode, 1 })
			assert.Equal(t, middleware.SignedOut, a.Authenticate(nonceRequest("made_up")).Status)
			asked := s.asked.Load()
			assert.Equal(t, status, a.Authenticate(nonceRequest("real")).Status)
			assert.Equal(t, asked, s.asked.Load())
		})
	}
}

// TestABudgetOfOthersCostsASessionNothing: who is told to come back, because strangers have
// used up their budget, is not turned away for coming back.
func TestABudgetOfOthersCostsASessionNothing(t *testing.T) {
	t.Parallel()
	withSlowClerk(t, func(t *testing.T, s *slowClerk) {
		s.says(s.refreshes("sess_new"))
		a := s.authenticator(func(o *middleware.Options) { o.BackendRateLimit = 10 })
		call := func() *middleware.State {
			r := s.expiredPage(a, "sess_new", "rt_good")
			r.Header.Set("Sec-Fetch-Dest", "empty")
			return a.Authenticate(r)
		}
		for n := range 10 {
			require.NotEqual(t, middleware.SignedIn, a.Authenticate(s.expiredPage(a, fmt.Sprint("sess_", n), "rt_1")).Status)
		}
		for range 5 {
			require.Equal(t, middleware.Unavailable, call().Status)
			time.Sleep(time.Second)
		}
		time.Sleep(5 * time.Second)
		assert.True(t, call().Refreshed)
	})
}
