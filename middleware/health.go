package middleware

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/clerkgate/clerkgate/internal/breaker"
	"github.com/clerkgate/clerkgate/internal/guard"
	"github.com/clerkgate/clerkgate/internal/shared"
)

// health is what is known about Clerk's APIs from the calls of this process. With
// [OutageHandshake] it allows every call and never reports an outage, like Clerk's SDK.
type health struct {
	holds    bool
	now      func() time.Time
	server   breaker.Server // the Backend API
	others   *others
	keys     *guard.Guard // the JWKS, which has no rate limit, so that it does not rest with the others
	sessions *guard.Guard // refreshes and handshake payloads
	machines *guard.Guard // verifications of opaque tokens
	endings  *guard.Guard // of sessions
	frontend *frontendProbe
}

func newHealth(o *Options, in *instance, store *shared.Store) (*health, error) {
	h := &health{holds: o.Outage == OutageHold, now: o.Now}
	h.others = &others{shared: store, server: &h.server, now: o.Now}
	h.keys = guard.New(guard.Config{Off: !h.holds, Breaker: breaker.Config{Now: o.Now, Server: &h.server, Unlimited: true}, Tell: h.others.tell})
	h.sessions, h.machines = h.guard(nil), h.guard(nil)
	h.endings = h.guard(h.sessions) // nobody has to wait: the session has ended here, and Clerk is told later
	var err error
	h.frontend, err = newFrontendProbe(o, in)
	return h, err
}

// guard returns a guard for one more kind of calls, which also refuses them while with does.
func (h *health) guard(with *guard.Guard) *guard.Guard {
	return guard.New(guard.Config{
		Off: !h.holds, With: with, Breaker: breaker.Config{Now: h.now, Server: &h.server}, Hear: h.others.hear, Tell: h.others.tell,
	})
}

// Guard returns a guard for further calls with [Authenticator.Client]. They rest when those of
// a have to, and stop soon if those of a fail. It is for the other packages of this module.
func (a *Authenticator) Guard() *guard.Guard { return a.health.guard(nil) }

// rests reports whether the Backend API has asked for a rest that is not over.
func (h *health) rests() bool {
	rest, _ := h.server.Until()
	return h.now().Before(rest)
}

// isDown reports whether sessions cannot be renewed at the Backend API, as far as is known
// without a call. Strangers cannot cause that: only calls that Clerk failed to answer count.
func (h *health) isDown() bool {
	if !h.holds {
		return false
	}
	now := h.now()
	sessions, keys := h.sessions.Record(), h.keys.Record()
	return sessions.FailedSince(now) || keys.FailedSince(now) && !sessions.Succeeded.After(keys.Failed)
}

// backendAPI returns how the Backend API is doing.
func (h *health) backendAPI() Condition {
	sessions, keys := h.sessions.Record(), h.keys.Record()
	if h.holds && !sessions.Asked() && !keys.Asked() {
		return NotAsked
	}
	return upIf(!h.isDown())
}

// machineTokens returns how the part of it is doing that verifies opaque tokens.
func (h *health) machineTokens() Condition {
	machines := h.machines.Record()
	if h.holds && !machines.Asked() {
		return NotAsked
	}
	return upIf(!h.holds || !machines.FailedSince(h.now()))
}

// isGone reports whether the Frontend API is down too, so that no redirect can help. It may wait
// for the first probe.
func (h *health) isGone(ctx context.Context) bool { return h.isDown() && !h.frontend.answers(ctx) }

// since returns when the current outage began, or zero if there is none.
func (h *health) since() time.Time {
	var first time.Time
	now := h.now()
	for _, g := range []*guard.Guard{h.keys, h.sessions, h.machines} {
		if r := g.Record(); r.FailedSince(now) && (first.IsZero() || r.Since.Before(first)) {
			first = r.Since
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
