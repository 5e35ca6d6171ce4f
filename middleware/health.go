package middleware

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/breaker"
)

// outageMemory is how long after a failed call the Backend API counts as down for requests
// that make no call themselves.
const outageMemory = 30 * time.Second

// health is what is known about Clerk's APIs from the calls of this process. With
// [OutageHandshake] it allows every call and never reports an outage, like Clerk's SDK.
type health struct {
	holds    bool
	now      func() time.Time
	keys     guard // the JWKS, which has no rate limit, so that it does not rest with the others
	sessions guard // refreshes and handshake payloads
	machines guard // verifications of opaque tokens
	frontend *frontendProbe
}

func newHealth(o *Options, in *instance) (*health, error) {
	h := &health{holds: o.Outage == OutageHold, now: o.Now}
	rest := &breaker.Rest{}
	h.keys.init(o, h.holds, nil)
	h.sessions.init(o, h.holds, rest)
	h.machines.init(o, h.holds, rest)
	var err error
	h.frontend, err = newFrontendProbe(o, in)
	return h, err
}

// isDown reports whether sessions cannot be renewed at the Backend API, as far as is known
// without a call. Strangers cannot cause that: only calls that Clerk failed to answer count.
func (h *health) isDown() bool {
	if !h.holds {
		return false
	}
	now := h.now()
	sessions, keys := h.sessions.record(), h.keys.record()
	return sessions.failedSince(now) || keys.failedSince(now) && !sessions.succeeded.After(keys.failed)
}

// backendAPI returns how the Backend API is doing.
func (h *health) backendAPI() Condition {
	sessions, keys := h.sessions.record(), h.keys.record()
	if h.holds && !sessions.asked() && !keys.asked() {
		return NotAsked
	}
	return upIf(!h.isDown())
}

// machineTokens returns how the part of it is doing that verifies opaque tokens.
func (h *health) machineTokens() Condition {
	machines := h.machines.record()
	if h.holds && !machines.asked() {
		return NotAsked
	}
	return upIf(!h.holds || !machines.failedSince(h.now()))
}

// isGone reports whether the Frontend API is down too, so that no redirect can help. It may wait
// for the first probe.
func (h *health) isGone(ctx context.Context) bool { return h.isDown() && !h.frontend.answers(ctx) }

// since returns when the current outage began, or zero if there is none.
func (h *health) since() time.Time {
	var first time.Time
	now := h.now()
	for _, g := range []*guard{&h.keys, &h.sessions, &h.machines} {
		if r := g.record(); r.failedSince(now) && (first.IsZero() || r.since.Before(first)) {
			first = r.since
		}
	}
	return first
}

// retryAfter returns how long a client that could not be answered should wait, in seconds:
// until the next call may be made, and a random time more, so that clients do not all come
// back at once.
func (h *health) retryAfter() uint16 {
	next := max(h.keys.State().Next, h.sessions.State().Next, h.machines.State().Next, 2*time.Second)
	return uint16((next + time.Duration(rand.Float64()*float64(min(next, 10*time.Second)))).Seconds() + 1) //nolint:gosec // not for security
}

// guard is a breaker around the calls of one kind, with a record of them.
type guard struct {
	*breaker.Breaker
	on  bool
	now func() time.Time
	// limited is called with the Retry-After of each 429, unless it is nil.
	limited func(time.Duration)

	mu   sync.Mutex
	last record
}

// record is when a call last succeeded and last failed, and since when calls have failed.
type record struct{ succeeded, failed, since time.Time }

// asked reports whether there was a call.
func (r *record) asked() bool { return !r.succeeded.IsZero() || !r.failed.IsZero() }

func (r *record) failedSince(now time.Time) bool {
	return !r.since.IsZero() && now.Sub(r.failed) < outageMemory
}

func (g *guard) init(o *Options, on bool, rest *breaker.Rest) {
	g.Breaker, g.on, g.now = breaker.New(breaker.Config{Now: o.Now, Rest: rest}), on, o.Now
}

func (g *guard) record() record {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.last
}

// refuses reports whether a call would not be made.
func (g *guard) refuses() bool { return g.on && g.Refuses() }

// call makes a call, unless Clerk is known to be down: then made is false. A call that has
// not reached Clerk is retried once, if the budget for retries allows. unavailable reports
// that Clerk did not answer the call properly, for a reason that may be temporary.
func (g *guard) call(ctx context.Context, ask func() (*clerkapi.Response, error)) (unavailable, made bool) {
	if !g.on {
		_, _ = ask()
		return false, true
	}
	for attempt := 1; ; attempt++ {
		c, ok := g.Allow()
		if !ok {
			return true, made
		}
		response, err := ask()
		made = true
		o := outcomeOf(response, err)
		limited := response != nil && response.StatusCode == http.StatusTooManyRequests
		if limited {
			g.RestFor(response.RetryAfter)
			if g.limited != nil {
				g.limited(response.RetryAfter)
			}
		}
		g.Done(c, o)
		g.note(o, limited)
		if attempt == 1 && wasNotSent(err) && ctx.Err() == nil && g.MayRetry() {
			continue
		}
		return o == breaker.Failure || limited, true
	}
}

// note records an outcome.
func (g *guard) note(o breaker.Outcome, limited bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch now := g.now(); {
	case o == breaker.Success:
		g.last = record{succeeded: now}
	case o == breaker.Failure || limited:
		g.last.failed = now
		if g.last.since.IsZero() {
			g.last.since = now
		}
	}
}

// outcomeOf returns how a call counts for a breaker.
func outcomeOf(response *clerkapi.Response, err error) breaker.Outcome {
	if response == nil {
		_, transport := errors.AsType[*clerkapi.TransportError](err)
		switch {
		case err == nil:
			return breaker.Success
		case !transport || errors.Is(err, context.Canceled):
			return breaker.Neither // nothing was asked, or the authenticator is being closed
		}
		return breaker.Failure
	}
	switch status := response.StatusCode; {
	case status == http.StatusTooManyRequests:
		return breaker.Neither
	case status >= http.StatusInternalServerError, status == http.StatusRequestTimeout:
		return breaker.Failure
	}
	if _, lost := errors.AsType[*clerkapi.TransportError](err); lost {
		return breaker.Failure // the connection broke in the middle of the answer
	}
	return breaker.Success
}

// wasNotSent reports whether there was no connection to send a call over. Any other failed
// call may have had an effect: Clerk accepts an expired token once.
func wasNotSent(err error) bool {
	failed, ok := errors.AsType[*net.OpError](err)
	return ok && failed.Op == "dial"
}
