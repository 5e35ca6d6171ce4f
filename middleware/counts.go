package middleware

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/reason"
	"github.com/clerkgate/clerkgate/internal/revocation"
	"github.com/clerkgate/clerkgate/internal/tally"
)

// counts is what has happened since the start, for [Authenticator.Stats]. An Authenticator
// and its successor share it. Nothing in it is written for a live token.
type counts struct {
	handshakes  [reason.Len]atomic.Uint64
	loops       atomic.Uint64
	staleGrants atomic.Uint64

	mu          sync.Mutex
	calls       map[string]*callCounts // by operation, which are constants of clerkapi
	refreshes   map[RefreshResult]uint64
	revocations map[RevocationSource]uint64

	webhookLag, revocationLag tally.Histogram
}

type callCounts struct {
	outcomes map[CallOutcome]uint64
	duration tally.Histogram
}

func newCounts() *counts {
	return &counts{
		calls: make(map[string]*callCounts), refreshes: make(map[RefreshResult]uint64), revocations: make(map[RevocationSource]uint64),
	}
}

// decided counts what is not an everyday decision.
func (c *counts) decided(s *State) {
	switch {
	case s.Status == Handshake:
		c.handshakes[reason.Index(string(s.Reason))].Add(1)
	case s.looped:
		c.loops.Add(1)
	case s.Status == SignedIn && s.outage != nil:
		c.staleGrants.Add(1)
	}
}

// attempt counts a call to the Backend API. It is a hook of the client.
func (c *counts) attempt(_ context.Context, a clerkapi.Attempt) {
	c.call(a.Operation, outcomeOfCall(a.StatusCode, a.Err), a.Duration)
}

// call counts a call to Clerk.
func (c *counts) call(operation string, o CallOutcome, took time.Duration) {
	c.mu.Lock()
	known := c.calls[operation]
	if known == nil {
		known = &callCounts{outcomes: make(map[CallOutcome]uint64)}
		c.calls[operation] = known
	}
	known.outcomes[o]++
	c.mu.Unlock()
	known.duration.Observe(took)
}

// outcomeOfCall returns how a call ended. status is 0 if there was no response.
func outcomeOfCall(status int, err error) CallOutcome {
	switch {
	case status == http.StatusTooManyRequests:
		return CallLimited
	case status >= http.StatusInternalServerError:
		return CallFailed
	case status >= http.StatusBadRequest:
		return CallRefused
	case err == nil:
		return CallSucceeded
	case errors.Is(err, context.Canceled):
		return CallAbandoned
	case errors.Is(err, context.DeadlineExceeded):
		return CallTimedOut
	case status != 0:
		return CallFailed // the rest of the response did not arrive, or makes no sense
	}
	return CallUnreachable
}

// refreshed counts a request that needed a refresh. asked is whether it made the call
// itself, as far as this process knows.
func (c *counts) refreshed(o *refreshed, asked bool) {
	r := RefreshResult{Result: RefreshSucceeded, Shared: SharedWithReplicas}
	switch {
	case !asked:
		r.Shared = SharedHere
	case !o.byReplica:
		r.Shared = NotShared
	}
	switch {
	case o.abandoned:
		r.Result = RefreshAbandoned
	case o.why == "":
	case o.unavailable, o.why == refreshFetchError, o.why == refreshUnexpectedSDK, o.why == refreshInvalidToken:
		r.Result = RefreshFailed
	default:
		r.Result = RefreshRefused
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refreshes[r]++
}

// revoked counts revocations that have come into force.
func (c *counts) revoked(from RevocationSource, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revocations[from] += uint64(n) //nolint:gosec // not negative
}

// recorder returns record with its entries counted, and their age.
func (c *counts) recorder(record func(context.Context, ...revocation.Entry) error, now func() time.Time) func(context.Context, ...revocation.Entry) error {
	return func(ctx context.Context, entries ...revocation.Entry) error {
		err := record(ctx, entries...)
		if err == nil {
			c.revoked(RevokedByWebhook, len(entries))
			for _, e := range entries {
				c.webhookLag.Observe(now().Sub(e.At))
			}
		}
		return err
	}
}
