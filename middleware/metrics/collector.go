// Package metrics makes Prometheus metrics of what a [middleware.Authenticator] does: its
// decisions, calls to Clerk, refreshes, handshakes, caches and revocations. They have the names
// that the sidecar's metrics have, which docs/metrics.md lists. No label holds anything that a client can choose.
//
// Only an application that imports this package links Prometheus' client.
package metrics

import (
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/clerkgate/clerkgate/internal/exposition"
	"github.com/clerkgate/clerkgate/internal/reason"
	"github.com/clerkgate/clerkgate/middleware"
)

// Collector collects the metrics of one Authenticator. Set its method Observe as
// [middleware.Options.Observer], call Watch with the Authenticator, and register the Collector.
// It is safe for concurrent use.
type Collector struct {
	set       *exposition.Set
	watched   atomic.Pointer[middleware.Authenticator]
	decisions [numStatuses][reason.Len]atomic.Uint64
}

var _ prometheus.Collector = (*Collector)(nil)

const numStatuses = 4

// statuses are the values of the label outcome.
var statuses = []middleware.Status{middleware.SignedIn, middleware.SignedOut, middleware.Handshake, middleware.Unavailable}

// NewCollector returns a Collector that has seen nothing yet.
func NewCollector() *Collector {
	return &Collector{set: exposition.NewSet(append(exposition.OfDecisions(), exposition.OfAuthenticator()...))}
}

// Observe counts a decision. It allocates nothing.
func (c *Collector) Observe(_ *http.Request, s *middleware.State) {
	for i, status := range statuses {
		if s.Status == status {
			c.decisions[i][reason.Index(string(s.Reason))].Add(1)
		}
	}
}

// Watch sets the Authenticator whose [middleware.Authenticator.Stats] are collected. One that
// takes the place of another, such as after a change of keys, should be its
// [middleware.Authenticator.Successor], which goes on counting.
func (c *Collector) Watch(a *middleware.Authenticator) { c.watched.Store(a) }

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(to chan<- *prometheus.Desc) { c.set.Describe(to) }

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	for i, status := range statuses {
		for r := range reason.Len {
			if n := c.decisions[i][r].Load(); n > 0 {
				c.set.Count(to, exposition.Decisions, n, string(status), reason.Name(r))
			}
		}
	}
	if a := c.watched.Load(); a != nil {
		c.collect(to, a.Stats())
	}
}

// collect emits the metrics of OfAuthenticator.
func (c *Collector) collect(to chan<- prometheus.Metric, s *middleware.Stats) {
	set := c.set
	for r, n := range s.Handshakes {
		set.Count(to, exposition.Handshakes, n, string(r))
	}
	set.Count(to, exposition.RedirectLoops, s.RedirectLoops)
	for r, n := range s.Refreshes {
		set.Count(to, exposition.Refreshes, n, r.Result, r.Shared)
	}
	set.Count(to, exposition.StaleGrants, s.StaleGrants)
	for operation, call := range s.Calls {
		for outcome, n := range call.Outcomes {
			set.Count(to, exposition.ClerkCalls, n, operation, string(outcome))
		}
		set.Distribution(to, exposition.ClerkCallDuration, call.Duration, operation)
	}
	for target, open := range s.OpenBreakers {
		set.Bool(to, exposition.BreakerState, open, target)
	}
	set.Bool(to, exposition.ClerkUp, s.Keys != middleware.Down, "keys")
	set.Bool(to, exposition.ClerkUp, s.BackendAPI != middleware.Down, "backend_api")
	set.Bool(to, exposition.ClerkUp, s.MachineTokens != middleware.Down, "machine_tokens")
	set.Bool(to, exposition.ClerkUp, s.FrontendAPI != middleware.Down, "frontend_api")
	if !s.KeysFetched.IsZero() {
		set.Time(to, exposition.KeysFetched, s.KeysFetched)
	}
	set.Count(to, exposition.TokenCacheHits, s.TokenCacheHits)
	set.Count(to, exposition.TokenCacheMisses, s.TokenCacheMisses)
	for source, n := range s.Revocations {
		set.Count(to, exposition.Revocations, n, string(source))
	}
	set.Distribution(to, exposition.WebhookLag, s.WebhookLag)
	set.Distribution(to, exposition.RevocationLag, s.RevocationLag)
	if s.HasStore {
		set.Bool(to, exposition.StoreUp, s.Store == middleware.Up)
	}
}
