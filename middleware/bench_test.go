package middleware_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/middleware/store"
	"github.com/clerkgate/clerkgate/middleware/store/storetest"
)

// newBench makes an Authenticator that knows its keys, and the two requests that
// carry one live token.
func newBench(tb testing.TB) (a *middleware.Authenticator, bearer, cookie *http.Request) {
	return newBenchWith(tb, nil)
}

func newBenchWith(tb testing.TB, shared store.Store) (a *middleware.Authenticator, bearer, cookie *http.Request) {
	clerk := clerktest.NewServer(tb, clerktest.Options{})
	session := clerk.SignIn("jane@example.com")
	a, err := middleware.New(middleware.Options{PublishableKey: clerk.PublishableKey(), SecretKey: clerk.SecretKey(), APIURL: clerk.URL, Now: clerk.Now, Store: shared})
	require.NoError(tb, err)
	tb.Cleanup(a.Close)
	bearer = httptest.NewRequest(http.MethodGet, flowOrigin+"/", nil)
	bearer.Header.Set("Authorization", "Bearer "+clerk.Token(session.ID, flowOrigin))
	cookie = pageRequest(clerk.Cookies(session.ID, flowOrigin))
	for _, r := range []*http.Request{bearer, cookie} {
		require.Equal(tb, middleware.SignedIn, a.Authenticate(r).Status)
	}
	return a, bearer, cookie
}

// TestAllocationsOfADecision: a live known token costs two allocations, the public URL and
// the state, whether it comes in a header or in a cookie.
func TestAllocationsOfADecision(t *testing.T) {
	a, bearer, cookie := newBench(t)
	for name, r := range map[string]*http.Request{"bearer": bearer, "cookie": cookie} {
		allocations := testing.AllocsPerRun(200, func() { a.Authenticate(r) })
		assert.LessOrEqual(t, allocations, 2.0, name)
	}
}

func BenchmarkAuthenticateBearer(b *testing.B) {
	a, r, _ := newBench(b)
	b.ReportAllocs()
	for b.Loop() {
		a.Authenticate(r)
	}
}

// BenchmarkAuthenticateWithRevocations is BenchmarkAuthenticateBearer with a store, and with
// so many sessions denied.
func BenchmarkAuthenticateWithRevocations(b *testing.B) {
	for _, denied := range []int{0, 1000, 100_000} {
		b.Run(fmt.Sprint(denied), func(b *testing.B) {
			a, r, _ := newBenchWith(b, storetest.NewMemory(nil))
			for n := range denied {
				a.Deny(fmt.Sprintf("sess_%027d", n))
			}
			require.Equal(b, middleware.SignedIn, a.Authenticate(r).Status)
			b.ReportAllocs()
			for b.Loop() {
				a.Authenticate(r)
			}
		})
	}
}

func BenchmarkAuthenticateCookie(b *testing.B) {
	a, _, r := newBench(b)
	b.ReportAllocs()
	for b.Loop() {
		a.Authenticate(r)
	}
}

func BenchmarkAuthenticateCookieParallel(b *testing.B) {
	a, _, r := newBench(b)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			a.Authenticate(r)
		}
	})
}

// BenchmarkSessions reports the heap that one more session takes after its first request:
// the token, and the identity that was derived from it.
func BenchmarkSessions(b *testing.B) {
	clerk := clerktest.NewServer(b, clerktest.Options{})
	a, err := middleware.New(middleware.Options{PublishableKey: clerk.PublishableKey(), SecretKey: clerk.SecretKey(), APIURL: clerk.URL, Now: clerk.Now})
	require.NoError(b, err)
	b.Cleanup(a.Close)
	user := clerk.SignIn("jane@example.com")
	requests := make([]*http.Request, 2000)
	for i := range requests {
		clerk.Advance(1e6) // a millisecond, so that no token is like another
		requests[i] = httptest.NewRequest(http.MethodGet, flowOrigin+"/", nil)
		requests[i].Header.Set("Authorization", "Bearer "+clerk.Token(user.ID, flowOrigin))
	}
	before := heapAlloc()
	for _, r := range requests {
		require.Equal(b, middleware.SignedIn, a.Authenticate(r).Status)
	}
	perSession := float64(heapAlloc()-before) / float64(len(requests))
	for b.Loop() {
		a.Authenticate(requests[0])
	}
	b.ReportMetric(perSession, "heap-B/session")
	runtime.KeepAlive(requests)
}

func heapAlloc() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
