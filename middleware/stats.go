package middleware

import (
	"maps"
	"time"

	"github.com/clerkgate/clerkgate/internal/jwks"
	"github.com/clerkgate/clerkgate/internal/reason"
	"github.com/clerkgate/clerkgate/internal/tally"
)

// Stats is what an [Authenticator] has counted since it was made, and how its parts are
// doing. Package [github.com/clerkgate/clerkgate/middleware/metrics] makes Prometheus metrics
// of it; decisions are counted by [Options.Observer].
type Stats struct {
	Health

	// Calls are the attempts of calls to Clerk, by operation as [clerkapi.Attempt] names it.
	Calls map[string]CallStats
	// OpenBreakers says for each kind of call whether it is suspended, because calls of the
	// kind have failed or because Clerk asks for a rest.
	OpenBreakers map[string]bool
	// Refreshes are the requests that needed a refresh.
	Refreshes map[RefreshResult]uint64
	// Handshakes are the redirects to Clerk by reason; a reason that is not known in
	// advance is counted as other.
	Handshakes map[Reason]uint64
	// RedirectLoops are the redirects that the loop guard has stopped.
	RedirectLoops uint64
	// StaleGrants are the tokens that were accepted only because of [Options.OutageGrace].
	StaleGrants uint64
	// KeysFetched is when the keys in use were fetched from Clerk; zero if there are none,
	// or if they do not come from Clerk.
	KeysFetched time.Time
	// TokenCacheHits are the tokens that were verified before, TokenCacheMisses those that
	// had to be verified. They begin at 0 in a [Authenticator.Successor].
	TokenCacheHits, TokenCacheMisses uint64
	// Revocations are those that have come into force.
	Revocations map[RevocationSource]uint64
	// WebhookLag is the time from an event at Clerk until it was in force here, and
	// RevocationLag the time from a revocation at another replica until it was.
	WebhookLag, RevocationLag *Distribution
	// HasStore is whether there is an [Options.Store].
	HasStore bool
}

// Distribution says how long something took.
type Distribution = tally.Distribution

// CallStats are the attempts of one operation.
type CallStats struct {
	Outcomes map[CallOutcome]uint64
	Duration *Distribution
}

// CallOutcome is how an attempt to call Clerk ended.
type CallOutcome string

// The outcomes of a call.
const (
	CallSucceeded   CallOutcome = "success"
	CallRefused     CallOutcome = "refused"      // a 4xx other than 429
	CallLimited     CallOutcome = "rate-limited" // 429
	CallFailed      CallOutcome = "failed"       // a 5xx, or a response that does not make sense
	CallTimedOut    CallOutcome = "timeout"
	CallUnreachable CallOutcome = "unreachable" // no connection, or one that broke
	CallAbandoned   CallOutcome = "abandoned"   // nobody waits for the response any more
)

// RefreshResult is how a request that needed a refresh fared.
type RefreshResult struct {
	Result string // one of RefreshSucceeded and the others
	Shared string // one of NotShared and the others
}

// The results of a refresh, and who shared it.
const (
	RefreshSucceeded = "success"
	RefreshRefused   = "refused"   // Clerk says that there is nothing to refresh
	RefreshFailed    = "failed"    // Clerk could not be asked, or its response is of no use
	RefreshAbandoned = "abandoned" // the request ended first

	NotShared          = "no"       // the request made the call
	SharedHere         = "process"  // another request of this process made it
	SharedWithReplicas = "replicas" // another replica made it
)

// RevocationSource is where a revocation came from.
type RevocationSource string

// The sources of revocations.
const (
	RevokedByWebhook RevocationSource = "webhook"
	RevokedByCall    RevocationSource = "call" // of [Authenticator.Revoke]
	RevokedBySignOut RevocationSource = "sign-out"
	RevokedByReplica RevocationSource = "replica" // from the log that replicas share
)

// Stats returns what a and its variants have counted, together with what the Authenticator
// had counted that a succeeds. It makes no call.
func (a *Authenticator) Stats() *Stats {
	c := a.counts
	s := &Stats{
		Health: a.Health(), HasStore: a.shared != nil, OpenBreakers: a.openBreakers(), Handshakes: make(map[Reason]uint64),
		RedirectLoops: c.loops.Load(), StaleGrants: c.staleGrants.Load(),
		WebhookLag: c.webhookLag.Read(), RevocationLag: c.revocationLag.Read(),
	}
	s.TokenCacheHits, s.TokenCacheMisses = a.verifier.Cached()
	if source, fetched := a.keys.(*jwks.Source); fetched {
		s.KeysFetched = source.Fetched()
	}
	for i := range c.handshakes {
		if n := c.handshakes[i].Load(); n > 0 {
			s.Handshakes[Reason(reason.Name(i))] = n
		}
	}
	c.copyTo(s)
	return s
}

// copyTo copies what is counted under the lock.
func (c *counts) copyTo(s *Stats) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.Refreshes, s.Revocations = maps.Clone(c.refreshes), maps.Clone(c.revocations)
	s.Calls = make(map[string]CallStats, len(c.calls))
	for operation, known := range c.calls {
		s.Calls[operation] = CallStats{Outcomes: maps.Clone(known.outcomes), Duration: known.duration.Read()}
	}
}

// openBreakers returns the breakers of calls to Clerk.
func (a *Authenticator) openBreakers() map[string]bool {
	h := a.health
	return map[string]bool{
		"keys": h.keys.State().Open, "sessions": h.sessions.State().Open, "machines": h.machines.State().Open,
		"lookups": a.sessions.breaker.State().Open,
	}
}
