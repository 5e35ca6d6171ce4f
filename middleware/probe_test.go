package middleware_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/internal/test/vectors"
	"github.com/clerkgate/clerkgate/middleware"
)

// recorded notes the probes of the Frontend API.
type recorded struct {
	*slowClerk
	mu     sync.Mutex
	probes []string
}

func (r *recorded) RoundTrip(q *http.Request) (*http.Response, error) {
	if q.URL.Path == "/v1/environment" || q.URL.Path == "/__clerk/v1/environment" {
		r.mu.Lock()
		r.probes = append(r.probes, q.URL.String())
		r.mu.Unlock()
		return vectors.Answer{Status: http.StatusOK, ContentType: "application/json", Body: "{}"}.Response()
	}
	return r.slowClerk.RoundTrip(q)
}

// TestWhatIsProbed: the host that browsers are sent to, over the same scheme.
func TestWhatIsProbed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		kind, host string
		change     func(*middleware.Options)
		want       string
		handshake  bool // browsers are sent to the same origin
	}{
		"production":        {"live", "clerk.example.com", nil, "https://clerk.example.com/v1/environment", true},
		"development":       {"test", "x.clerk.accounts.dev", nil, "https://x.clerk.accounts.dev/v1/environment", true},
		"a local host":      {"test", "127.0.0.1:4500", nil, "https://127.0.0.1:4500/v1/environment", true},
		"a proxy elsewhere": {"test", "x.clerk.accounts.dev", func(o *middleware.Options) { o.ProxyURL = "http://127.0.0.1:4500/__clerk/" }, "http://127.0.0.1:4500/__clerk/v1/environment", true},
		"a path, in production": {"live", "clerk.example.com", func(o *middleware.Options) { o.ProxyURL = "/__clerk" },
			"https://frontend-api.clerk.dev/v1/environment", false},
		"a path, in development": {"test", "x.clerk.accounts.dev", func(o *middleware.Options) { o.ProxyURL = "/__clerk" },
			"https://x.clerk.accounts.dev/v1/environment", false},
		"named": {"test", "x.clerk.accounts.dev", func(o *middleware.Options) { o.ProxyURL, o.FrontendAPIURL = "/__clerk", "http://127.0.0.1:4501/" },
			"http://127.0.0.1:4501/v1/environment", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withSlowClerk(t, func(t *testing.T, s *slowClerk) {
				s.kind, s.host = test.kind, test.host
				r := &recorded{slowClerk: s}
				a := s.authenticator(func(o *middleware.Options) {
					o.Transport, o.PublishableKey = r, kit.PublishableKey(test.kind, test.host)
					if test.change != nil {
						test.change(o)
					}
				})
				s.goes(t, a, outages["500"], false)
				require.Equal(t, []string{test.want}, r.probes)
				if test.handshake {
					state := a.Authenticate(s.expiredPage(a, "sess_1", "rt_1"))
					assert.Contains(t, state.Location(), test.want[:len(test.want)-len("environment")]+"client/handshake?", "%s %s", state.Status, state.Reason)
				}
			})
		})
	}
}
