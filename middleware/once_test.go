package middleware_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/middleware"
)

// TestOneQuestionAtATime has requests arrive while the same call is in progress: none of
// them may make it again.
func TestOneQuestionAtATime(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		options func(*middleware.Options)
		answer  string
		request func(f *forge, n int) *http.Request
	}{
		"opaque token": {
			func(o *middleware.Options) {
				o.AcceptsToken, o.BackendRateLimit = []middleware.TokenType{middleware.APIKeyToken}, 100_000
			},
			`{"object":"api_key","id":"ak_1","subject":"user_1","name":"n","scopes":[]}`,
			func(_ *forge, n int) *http.Request { return bearer(fmt.Sprint("ak_", n)) },
		},
		"session look-up": {
			func(o *middleware.Options) { o.SessionLookup = middleware.LookupCached },
			`{"object":"session","id":"sess_1","status":"active"}`,
			func(f *forge, n int) *http.Request { return bearer(f.token(nil, with{"sid": fmt.Sprint("sess_", n)})) },
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const rounds = 300
			f := newForge(t, 0)
			f.answer = func(string, string) (int, string) { return http.StatusOK, tt.answer }
			a := f.authenticator(tt.options)
			for n := range rounds {
				first := tt.request(f, n)
				var all sync.WaitGroup
				for range 64 {
					all.Go(func() {
						assert.Equal(t, middleware.SignedIn, a.Authenticate(first.Clone(t.Context())).Status)
					})
				}
				all.Wait()
			}
			assert.Len(t, f.made(), rounds)
		})
	}
}
