package metrics_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/middleware/metrics"
)

func TestCollector(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	collector := metrics.NewCollector()
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(collector))
	none, err := registry.Gather()
	require.NoError(t, err)
	assert.Empty(t, none, "before there is anything to watch")

	auth, err := middleware.New(middleware.Options{
		PublishableKey: clerk.PublishableKey(), SecretKey: clerk.SecretKey(), APIURL: clerk.URL, Observer: collector.Observe,
	})
	require.NoError(t, err)
	defer auth.Close()
	collector.Watch(auth)

	token := clerk.Token(clerk.SignIn("jane@example.com").ID, "https://app.example.com")
	for _, header := range []string{"Bearer " + token, "Bearer " + token, "", "Bearer x"} {
		r := httptest.NewRequest(http.MethodGet, "https://app.example.com/", nil)
		r.Header.Set("Authorization", header)
		auth.Authenticate(r)
	}
	collector.Observe(nil, &middleware.State{Status: middleware.SignedOut, Reason: "session-token-expired-refresh-made_up"})

	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP clerkgate_decisions_total Decisions about requests. reason is empty if somebody is signed in.
# TYPE clerkgate_decisions_total counter
clerkgate_decisions_total{outcome="signed-in",reason=""} 2
clerkgate_decisions_total{outcome="signed-out",reason="dev-browser-missing"} 1
clerkgate_decisions_total{outcome="signed-out",reason="other"} 1
clerkgate_decisions_total{outcome="signed-out",reason="token-invalid"} 1
# HELP clerkgate_clerk_calls_total Attempts of calls to Clerk's Backend API.
# TYPE clerkgate_clerk_calls_total counter
clerkgate_clerk_calls_total{operation="get JWKS",outcome="success"} 1
# HELP clerkgate_token_cache_hits_total Tokens that had been verified before.
# TYPE clerkgate_token_cache_hits_total counter
clerkgate_token_cache_hits_total 1
`), "clerkgate_decisions_total", "clerkgate_clerk_calls_total", "clerkgate_token_cache_hits_total"))
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	assert.Empty(t, problems)
}

func TestObserveAllocatesNothing(t *testing.T) { // not parallel, see testing.AllocsPerRun
	collector := metrics.NewCollector()
	s := &middleware.State{Status: middleware.SignedOut, Reason: middleware.ReasonSessionTokenMissing}
	assert.Zero(t, int(testing.AllocsPerRun(100, func() { collector.Observe(nil, s) })))
}
