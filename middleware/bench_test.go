package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
)

// newBench makes an Authenticator that knows its keys, and the two requests that
// carry one live token.
func newBench(tb testing.TB) (a *middleware.Authenticator, bearer, cookie *http.Request) {
	clerk := clerktest.NewServer(tb, clerktest.Options{})
	session := clerk.SignIn("jane@example.com")
	a, err := middleware.New(middleware.Options{PublishableKey: clerk.PublishableKey(), SecretKey: clerk.SecretKey(), APIURL: clerk.URL, Now: clerk.Now})
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

func BenchmarkAuthenticateBearer(b *testing.B) {
	a, r, _ := newBench(b)
	b.ReportAllocs()
	for b.Loop() {
		a.Authenticate(r)
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
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			a.Authenticate(r)
		}
	})
}
