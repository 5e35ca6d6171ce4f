package middleware_test

import (
	"context"
	"encoding/json"
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

	"github.com/clerkgate/clerkgate/internal/shared"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/middleware/store"
	"github.com/clerkgate/clerkgate/middleware/store/storetest"
)

// replicas are Authenticators that share a store, and a Clerk that takes each expired token
// once.
type replicas struct {
	*forge
	memory    *storetest.Memory
	refreshes atomic.Int64
	verified  atomic.Int64
	begun     atomic.Int64
	slow      chan struct{} // refreshes wait for it to be closed; nil for none
}

func newReplicas(t *testing.T) *replicas {
	t.Helper()
	f := &replicas{forge: newForge(t, 0), memory: storetest.NewMemory(nil)}
	f.answer = func(path, body string) (int, string) {
		switch {
		case strings.HasSuffix(path, "/refresh"):
			if f.begun.Add(1); f.slow != nil {
				<-f.slow
			}
			if f.refreshes.Add(1) > 1 {
				return http.StatusUnauthorized, `{"errors":[{"code":"refresh_token_used","message":"used"}]}`
			}
			return http.StatusOK, f.cookies(with{"iat": f.now.Unix()})
		case strings.HasSuffix(path, "/api_keys/verify"):
			f.verified.Add(1)
			if strings.Contains(body, "ak_bad") {
				return http.StatusNotFound, `{"errors":[{"code":"not_found","message":"none"}]}`
			}
			return http.StatusOK, `{"object":"api_key","id":"key_1","subject":"user_1","name":"n","scopes":["a"],"claims":{"k":1}}`
		}
		return http.StatusNotFound, `{}`
	}
	return f
}

// cookies is the response of Clerk to a refresh.
func (f *replicas) cookies(claims with) string {
	data, err := json.Marshal(map[string]any{"object": "cookies", "cookies": []string{
		"__session=" + f.token(nil, claims) + "; Path=/; Secure", "__note=grüße",
	}})
	require.NoError(f.tb, err)
	return string(data)
}

// replica is one more Authenticator.
func (f *replicas) replica(of store.Store, change ...func(*middleware.Options)) *middleware.Authenticator {
	f.tb.Helper()
	return f.authenticator(func(o *middleware.Options) {
		o.Store = of
		for _, c := range change {
			c(o)
		}
	})
}

// expired is a page request with an expired token.
func (f *replicas) expired(a *middleware.Authenticator) *http.Request {
	token := f.token(nil, with{"iat": f.now.Unix() - 120, "nbf": f.now.Unix() - 130, "exp": f.now.Unix() - 60, "azp": flowOrigin})
	return f.page(token, "__session_"+a.CookieSuffix()+"="+token, "__refresh_"+a.CookieSuffix()+"=rt_1", fmt.Sprintf("__client_uat_%s=%d", a.CookieSuffix(), f.now.Unix()-3600))
}

// same has one request signed by one token, so that every replica gets the same.
func (f *replicas) same(a *middleware.Authenticator) func() *http.Request {
	r := f.expired(a)
	return func() *http.Request { return r.Clone(context.Background()) }
}

func TestReplicasMakeOneRefreshTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // so that a busy machine does not count as a store that hangs
		f := newReplicas(t)
		all := []*middleware.Authenticator{f.replica(f.memory), f.replica(f.memory), f.replica(f.memory)}
		request := f.same(all[0])
		states := make([]*middleware.State, 1000)
		var wait sync.WaitGroup
		for i := range states {
			wait.Go(func() { states[i] = all[i%3].Authenticate(request()) })
		}
		wait.Wait()
		assert.EqualValues(t, 1, f.refreshes.Load(), "refreshes")
		for _, s := range states {
			require.Equal(t, middleware.SignedIn, s.Status, "%s", s.Reason)
			require.Equal(t, states[0].Token, s.Token)
			require.Equal(t, states[0].Header.Values("Set-Cookie"), s.Header.Values("Set-Cookie"))
			require.True(t, s.Refreshed)
		}
	})
}

// A replica that comes later gets the same token from the store.
func TestReplicaGetsTheTokenOfAnEarlierRefresh(t *testing.T) {
	t.Parallel()
	f := newReplicas(t)
	first := f.replica(f.memory)
	request := f.same(first)
	one := first.Authenticate(request())
	require.True(t, one.Refreshed, "%s", one.Reason)
	two := f.replica(f.memory).Authenticate(request())
	assert.Equal(t, one.Token, two.Token)
	assert.EqualValues(t, 1, f.refreshes.Load())
}

// Clerk takes an expired token once: without a store the second replica is refused.
func TestWithoutAStoreEachReplicaWorksForItself(t *testing.T) {
	t.Parallel()
	f := newReplicas(t)
	first := f.replica(nil)
	request := f.same(first)
	assert.True(t, first.Authenticate(request()).Refreshed)
	assert.False(t, f.replica(nil).Authenticate(request()).Refreshed)
	assert.EqualValues(t, 2, f.refreshes.Load())
}

func TestReplicasShareARefusal(t *testing.T) {
	t.Parallel()
	f := newReplicas(t)
	f.refreshes.Store(1)
	one, two := f.replica(f.memory), f.replica(f.memory)
	request := f.same(one)
	s := one.Authenticate(request())
	assert.Equal(t, s.Reason, two.Authenticate(request()).Reason)
	assert.Contains(t, s.Reason, "refresh_token_used")
	assert.EqualValues(t, 2, f.refreshes.Load(), "one call, after the one that used the token")
}

// sharedAs publishes a result as a replica with the secret key would.
func (f *replicas) sharedAs(of store.Store, request *http.Request, suffix string, cookies ...string) {
	f.tb.Helper()
	s, err := shared.New(shared.Config{Store: of, Instance: f.host, Secret: "sk_live_x"})
	require.NoError(f.tb, err)
	defer s.Close()
	session, err := request.Cookie("__session_" + suffix)
	require.NoError(f.tb, err)
	data, err := json.Marshal(map[string]any{"cookies": cookies})
	require.NoError(f.tb, err)
	_, lease, err := s.Turn("refresh:"+s.Hash(middleware.RefreshName("sess_1", session.Value, "rt_1", flowOrigin)), "rt_1").Take(f.tb.Context())
	require.NoError(f.tb, err)
	lease.Publish(f.tb.Context(), data, time.Minute)
}

// What comes from the store is verified like what comes from Clerk, and is not accepted for
// another user or session.
func TestTokenFromTheStoreIsVerified(t *testing.T) {
	t.Parallel()
	foreign := newForge(t, 1)
	for name, tt := range map[string]struct {
		token func(f *replicas) string
		taken bool
	}{
		"good":            {func(f *replicas) string { return f.token(nil, nil) }, true},
		"another session": {func(f *replicas) string { return f.token(nil, with{"sid": "sess_2"}) }, false},
		"another user":    {func(f *replicas) string { return f.token(nil, with{"sub": "user_2"}) }, false},
		"another key":     {func(*replicas) string { return foreign.token(nil, nil) }, false},
		"expired":         {func(f *replicas) string { return f.token(nil, with{"exp": f.now.Unix() - 30}) }, false},
		"a template's":    {func(f *replicas) string { return f.token(with{"cat": categoryTemplate}, nil) }, false},
		"none":            {func(*replicas) string { return "" }, false},
		"a line end":      {func(f *replicas) string { return f.token(nil, nil) + "\r\nSet-Cookie: __session=x" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newReplicas(t)
			a := f.replica(f.memory)
			r := f.expired(a)
			f.sharedAs(f.memory, r, a.CookieSuffix(), "__session="+tt.token(f)+"; Path=/")
			s := a.Authenticate(r)
			assert.True(t, s.Refreshed, "it refreshes itself if need be: %s", s.Reason)
			assert.Equal(t, "user_1", s.Auth.UserID)
			assert.Equal(t, "sess_1", s.Auth.SessionID)
			want := int64(1)
			if tt.taken {
				want = 0
			}
			assert.Equal(t, want, f.refreshes.Load())
		})
	}
}

// hostile is a store whose results a test changes.
type hostile struct {
	store.Store
	claim func() (store.Claim, error)
	wait  func() ([]byte, error)
}

func (h *hostile) Claim(ctx context.Context, key string, lease time.Duration) (store.Claim, error) {
	if h.claim != nil {
		return h.claim()
	}
	return h.Store.Claim(ctx, key, lease)
}

func (h *hostile) Wait(ctx context.Context, key string, patience time.Duration) ([]byte, error) {
	if h.wait != nil {
		return h.wait()
	}
	return h.Store.Wait(ctx, key, patience)
}

func TestStoreThatFailsCountsAsNone(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*hostile){
		"fails": func(h *hostile) { h.claim = func() (store.Claim, error) { return store.Claim{}, assert.AnError } },
		"is written by an attacker": func(h *hostile) {
			h.claim = func() (store.Claim, error) { return store.Claim{Result: []byte(`{"cookies":["__session=x"]}`)}, nil }
		},
		"has another version's entries": func(h *hostile) {
			h.claim = func() (store.Claim, error) { return store.Claim{Result: append([]byte{2}, make([]byte, 100)...)}, nil }
		},
		"fails while it waits": func(h *hostile) {
			h.claim = func() (store.Claim, error) { return store.Claim{}, nil }
			h.wait = func() ([]byte, error) { return nil, assert.AnError }
		},
		"has nothing": func(h *hostile) {
			h.claim = func() (store.Claim, error) { return store.Claim{}, nil }
			h.wait = func() ([]byte, error) { return []byte{}, nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newReplicas(t)
			h := &hostile{Store: f.memory}
			change(h)
			a := f.replica(h)
			s := a.Authenticate(f.expired(a))
			assert.True(t, s.Refreshed, "%s", s.Reason)
		})
	}
}

// A replica may lose its lease, and another one the race at Clerk.
func TestRefusalIsNotBelievedIfAnotherReplicaHasTheToken(t *testing.T) {
	t.Parallel()
	f := newReplicas(t)
	f.refreshes.Store(1) // another replica has used it
	h := &hostile{Store: f.memory}
	a := f.replica(h)
	r := f.expired(a)
	f.sharedAs(f.memory, r, a.CookieSuffix(), "__session="+f.token(nil, nil)+"; Path=/")
	h.claim = func() (store.Claim, error) { return store.Claim{Fence: 1}, nil }
	s := a.Authenticate(r)
	assert.True(t, s.Refreshed, "%s", s.Reason)
}

// A replica that the store has failed for a moment asks Clerk at the same time as another one. Only
// one of them gets the token, and the other one waits until it is published.
func TestRefusalIsNotBelievedWhileTheStoreStumbles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newReplicas(t)
		f.refreshes.Store(1) // another replica has used it
		h := &hostile{Store: f.memory, claim: func() (store.Claim, error) { return store.Claim{}, assert.AnError }}
		a := f.replica(h)
		r := f.expired(a)
		var other sync.WaitGroup
		other.Go(func() {
			time.Sleep(time.Second)
			f.sharedAs(f.memory, r, a.CookieSuffix(), "__session="+f.token(nil, nil)+"; Path=/")
		})
		s := a.Authenticate(r)
		other.Wait()
		assert.True(t, s.Refreshed, "%s", s.Reason)
		assert.EqualValues(t, 2, f.refreshes.Load())
	})
}

// stumbling is a store that fails for some time.
type stumbling struct {
	store.Store
	until time.Time
}

func (s stumbling) Claim(ctx context.Context, key string, lease time.Duration) (store.Claim, error) {
	if time.Now().Before(s.until) {
		return store.Claim{}, assert.AnError
	}
	return s.Store.Claim(ctx, key, lease)
}

func (s stumbling) Publish(ctx context.Context, key string, fence uint64, result []byte, ttl time.Duration) (bool, error) {
	if time.Now().Before(s.until) {
		return false, assert.AnError
	}
	return s.Store.Publish(ctx, key, fence, result, ttl)
}

// The replica that the store has failed is the one with the token. It publishes it without a lease,
// for the replica that has the lease and found the old token used.
func TestTokenIsPublishedWithoutALease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newReplicas(t)
		good := f.answer
		f.answer = func(path, body string) (int, string) {
			status, answer := good(path, body)
			return status, strings.ReplaceAll(answer, "refresh_token_used", "session_refresh_expired_session_token_consumed")
		}
		began, now := time.Now(), f.now
		clock := func(o *middleware.Options) { o.Now = func() time.Time { return now.Add(time.Since(began)) } }
		one, two := f.replica(stumbling{f.memory, began.Add(50 * time.Millisecond)}, clock), f.replica(f.memory, clock)
		request := f.same(one)
		assert.True(t, one.Authenticate(request()).Refreshed)
		s := two.Authenticate(request())
		assert.True(t, s.Refreshed, "%s", s.Reason)
		assert.EqualValues(t, 2, f.refreshes.Load())
	})
}

// Nobody waits for what can't come: where the replicas work together, and no other one has the
// token, or the session has ended.
func TestRefusalIsBelievedAtOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		claim func() (store.Claim, error)
		code  string
	}{
		"the store works":   {nil, "refresh_token_used"},
		"the session ended": {func() (store.Claim, error) { return store.Claim{}, assert.AnError }, "session_refresh_inactive_session"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newReplicas(t)
				f.answer = func(string, string) (int, string) {
					return http.StatusUnauthorized, `{"errors":[{"code":"` + test.code + `","message":"no"}]}`
				}
				a := f.replica(&hostile{Store: f.memory, claim: test.claim})
				r, began := f.expired(a), time.Now()
				assert.False(t, a.Authenticate(r).Refreshed)
				assert.Zero(t, time.Since(began))
			})
		})
	}
}

// A refresh continues, and is shared, when the client disconnects.
func TestRefreshOfARequestThatIsGivenUpIsShared(t *testing.T) {
	t.Parallel()
	f := newReplicas(t)
	f.slow = make(chan struct{})
	one, two := f.replica(f.memory), f.replica(f.memory)
	request := f.same(one)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan *middleware.State)
	go func() { left <- one.Authenticate(request().WithContext(ctx)) }()
	require.Eventually(t, func() bool { return f.begun.Load() > 0 }, 30*time.Second, time.Millisecond)
	cancel()
	assert.False(t, (<-left).Refreshed)
	close(f.slow)
	assert.True(t, two.Authenticate(request()).Refreshed)
	assert.EqualValues(t, 1, f.refreshes.Load())
}

func TestReplicasShareTheVerificationOfAToken(t *testing.T) {
	t.Parallel()
	f := newReplicas(t)
	machines := func(o *middleware.Options) { o.AcceptsToken = []middleware.TokenType{middleware.APIKeyToken} }
	var all []*middleware.Authenticator
	for _, key := range []string{"ak_good", "ak_bad"} {
		f.verified.Store(0)
		all = append(all, f.replica(f.memory, machines), f.replica(f.memory, machines))
		one, two := all[len(all)-2].Authenticate(bearer(key)), all[len(all)-1].Authenticate(bearer(key))
		assert.EqualValues(t, 1, f.verified.Load())
		assert.Equal(t, one.Status, two.Status)
		assert.Equal(t, one.Reason, two.Reason)
		assert.Equal(t, one.Message, two.Message)
		assert.Equal(t, one.Auth, two.Auth)
	}
	// The outcome belongs to the key itself, for as long as it would without a store.
	f.verified.Store(0)
	for _, a := range all {
		a.Close()
	}
	f.now = f.now.Add(11 * time.Second)
	f.replica(f.memory, machines).Authenticate(bearer("ak_good"))
	assert.EqualValues(t, 1, f.verified.Load())
}

func TestLiveTokenDoesNotTouchTheStore(t *testing.T) {
	t.Parallel()
	f := newReplicas(t)
	of := &struct{ store.Store }{f.memory}
	a := f.replica(of)
	live := f.page(f.token(nil, nil))
	assert.Equal(t, middleware.SignedIn, a.Authenticate(live).Status)
	f.awaitKeys()
	of.Store = nil // a call panics
	for range 10 {
		assert.Equal(t, middleware.SignedIn, a.Authenticate(live).Status)
		assert.Equal(t, middleware.SignedIn, a.Authenticate(f.page(f.token(nil, with{"jti": "other"}))).Status)
	}
}

// awaitKeys waits until a replica has stored its keys.
func (f *replicas) awaitKeys() {
	f.tb.Helper()
	require.Eventually(f.tb, func() bool {
		_, found, err := f.memory.Get(f.tb.Context(), f.host+":jwks")
		return err == nil && found
	}, 30*time.Second, time.Millisecond)
}

// A replica that starts while Clerk is down uses keys that another replica has fetched, but
// none that somebody else has written.
func TestReplicaStartsWithTheKeysOfAnother(t *testing.T) {
	t.Parallel()
	f := newReplicas(t)
	first := f.replica(f.memory)
	live := f.page(f.token(nil, nil))
	require.Equal(t, middleware.SignedIn, first.Authenticate(live).Status)
	f.awaitKeys()
	down := func(o *middleware.Options) { o.Transport = noTransport{} }

	cold := f.replica(f.memory, down)
	require.NoError(t, cold.Ready(t.Context()))
	assert.Equal(t, middleware.SignedIn, cold.Authenticate(live).Status)
	require.Error(t, f.replica(storetest.NewMemory(nil), down).Ready(t.Context()), "a store without keys")

	attacker := newForge(t, 1)
	require.NoError(t, f.memory.Put(t.Context(), f.host+":jwks", []byte(`{"fetched":"2026-09-21T14:13:20Z","document":{"keys":[]}}`), time.Hour))
	planted := f.replica(f.memory, down)
	require.Error(t, planted.Ready(t.Context()))
	assert.NotEqual(t, middleware.SignedIn, planted.Authenticate(f.page(attacker.token(nil, nil))).Status)
}

func TestKeysOfAnotherReplicaGrowOld(t *testing.T) {
	t.Parallel()
	f := newReplicas(t)
	first := f.replica(f.memory)
	require.NoError(t, first.Ready(t.Context()))
	first.Close() // its keys are stored
	f.now = f.now.Add(23 * time.Hour)
	down := func(o *middleware.Options) { o.Transport = noTransport{} }
	second := f.replica(f.memory, down)
	require.NoError(t, second.Ready(t.Context()))
	second.Close() // it reads the clock
	f.now = f.now.Add(time.Hour)
	require.Error(t, f.replica(f.memory, down).Ready(t.Context()))
}

// noTransport is a network on which nothing can be reached.
type noTransport struct{}

func (noTransport) RoundTrip(*http.Request) (*http.Response, error) { return nil, assert.AnError }

// Clerk's rate limit is for all replicas together, so all of them must obey its Retry-After.
func TestReplicasRestTogether(t *testing.T) {
	t.Parallel()
	f := newReplicas(t)
	good := f.answer
	f.answer = func(path, body string) (int, string) {
		if strings.HasSuffix(path, "/refresh") {
			f.begun.Add(1)
			return http.StatusTooManyRequests, `{"errors":[{"code":"too_many_requests","message":"slow down"}]}`
		}
		return good(path, body)
	}
	f.retryAfter = "30"
	one, two := f.replica(f.memory), f.replica(f.memory)
	one.Authenticate(f.expired(one))
	require.Eventually(t, func() bool {
		_, found, err := f.memory.Get(t.Context(), f.host+":rest")
		return err == nil && found
	}, 30*time.Second, time.Millisecond)
	other := f.token(nil, with{"sid": "sess_2", "iat": f.now.Unix() - 120, "nbf": f.now.Unix() - 130, "exp": f.now.Unix() - 60})
	two.Authenticate(f.page(other, "__session_"+two.CookieSuffix()+"="+other, "__refresh_"+two.CookieSuffix()+"=rt_2",
		fmt.Sprintf("__client_uat_%s=%d", two.CookieSuffix(), f.now.Unix()-3600)))
	assert.EqualValues(t, 1, f.begun.Load(), "the second replica makes no call, though its session is another one")
}
