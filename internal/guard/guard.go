package guard

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/breaker"
)

// memory is how long after a failed call Clerk counts as down for requests that make no
// call themselves.
const memory = 30 * time.Second

// Config tells [New] which calls a guard is for. The zero value is for calls that have
// nothing to do with others.
type Config struct {
	// Breaker configures the breaker of these calls.
	Breaker breaker.Config
	// Off makes every call, whatever has become of the last ones, as Clerk's SDK does.
	Off bool
	// With is the guard of other calls to the same server. While it refuses calls, so does
	// this one. Nil means that the calls are refused for their own failures alone.
	With *Guard
	// Hear is called before each call, to learn what others have found out about the
	// server. Nil means nobody else.
	Hear func(context.Context)
	// Tell is called when the breaker has opened, or the server has asked for a rest. Nil
	// tells nobody.
	Tell func()
}

// Guard makes calls of one kind. It is safe for concurrent use. Make it by [New].
type Guard struct {
	breaker *breaker.Breaker
	cfg     Config

	mu   sync.Mutex
	last Record
}

// Record is when a call last succeeded and last failed, and since when calls have failed.
// Each may be zero.
type Record struct{ Succeeded, Failed, Since time.Time }

// Asked reports whether there was a call.
func (r *Record) Asked() bool { return !r.Succeeded.IsZero() || !r.Failed.IsZero() }

// FailedSince reports whether calls have failed lately, and none has succeeded since.
func (r *Record) FailedSince(now time.Time) bool {
	return !r.Since.IsZero() && now.Sub(r.Failed) < memory
}

// New returns a guard.
func New(cfg Config) *Guard {
	if cfg.Breaker.Now == nil {
		cfg.Breaker.Now = time.Now
	}
	if cfg.Breaker.Server == nil {
		cfg.Breaker.Server = &breaker.Server{}
	}
	return &Guard{breaker: breaker.New(cfg.Breaker), cfg: cfg}
}

// Record returns what has become of the last calls.
func (g *Guard) Record() Record {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.last
}

// Refuses reports whether a call would not be made now.
func (g *Guard) Refuses() bool {
	return !g.cfg.Off && (g.breaker.Refuses() || g.cfg.With != nil && g.cfg.With.Refuses())
}

// State returns what the breaker does now.
func (g *Guard) State() breaker.State { return g.breaker.State() }

// Call makes a call, unless Clerk is known to be down: then made is false. A call that has
// not reached Clerk is repeated once, if the budget for that allows. unavailable reports
// that Clerk did not answer the call properly, for a reason that may be temporary.
func (g *Guard) Call(ctx context.Context, call func() (*clerkapi.Response, error)) (unavailable, made bool) {
	if g.cfg.Off {
		_, _ = call()
		return false, true
	}
	if g.cfg.Hear != nil {
		g.cfg.Hear(ctx)
	}
	if g.cfg.With != nil && g.cfg.With.Refuses() {
		return true, false
	}
	for attempt := 1; ; attempt++ {
		c, ok := g.breaker.Allow()
		if !ok {
			return true, made
		}
		response, err := g.try(c, call)
		made = true
		if attempt == 1 && wasNotSent(err) && ctx.Err() == nil && g.breaker.MayRetry() {
			continue
		}
		return outcomeOf(response, err) == breaker.Failure || isLimited(response), true
	}
}

// try makes a call that was allowed, and records its outcome.
func (g *Guard) try(c breaker.Call, call func() (*clerkapi.Response, error)) (*clerkapi.Response, error) {
	o, limited := breaker.Neither, false
	defer func() { // also if the call panics: it may be the only probe
		opened := g.breaker.Done(c, o)
		if opened {
			g.breaker.Doubt()
		}
		g.note(o, limited)
		if (opened || limited) && g.cfg.Tell != nil {
			g.cfg.Tell()
		}
	}()
	response, err := call()
	o, limited = outcomeOf(response, err), isLimited(response)
	switch {
	case limited:
		g.breaker.RestFor(response.RetryAfter)
	case response != nil && response.StatusCode == http.StatusServiceUnavailable && response.RetryAfter > 0:
		g.breaker.OpenFor(response.RetryAfter)
	}
	return response, err
}

// Failed records that another process has found Clerk to be down, so that requests which
// make no call themselves know of it.
func (g *Guard) Failed() { g.note(breaker.Failure, false) }

func (g *Guard) note(o breaker.Outcome, limited bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch now := g.cfg.Breaker.Now(); {
	case o == breaker.Success:
		g.last = Record{Succeeded: now}
	case o == breaker.Failure || limited:
		g.last.Failed = now
		if g.last.Since.IsZero() {
			g.last.Since = now
		}
	}
}

func isLimited(response *clerkapi.Response) bool {
	return response != nil && response.StatusCode == http.StatusTooManyRequests
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
