package shared

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/clerkgate/clerkgate/internal/breaker"
)

// Calls stop after a few failures, since each can cost CallTimeout, and are tried again soon:
// a failover takes about a second.
const (
	breakerCalls   = 5
	breakerOpen    = 500 * time.Millisecond
	breakerLongest = 5 * time.Second
)

// toldEach is how often the log is told of the same thing, at most.
const toldEach = 30 * time.Second

// ErrOpen means that no call was made because the last ones have failed.
var ErrOpen = errors.New("shared: store failed a moment ago")

// errGivenUp stands for a call whose caller has ended it: it says nothing about the store.
var errGivenUp = errors.New("shared: call was given up")

// health knows whether the store answers, stops calls while it does not, and tells the log
// of changes.
type health struct {
	now     func() time.Time
	log     *slog.Logger
	breaker *breaker.Breaker

	mu       sync.Mutex
	failing  bool // the last call has failed
	told     bool // that the store fails
	failures *rate.Limiter
	foreign  *rate.Limiter
}

func newHealth(now func() time.Time, log *slog.Logger) *health {
	limiter := func() *rate.Limiter { return rate.NewLimiter(rate.Every(toldEach), 1) }
	return &health{
		now: now, log: log, failures: limiter(), foreign: limiter(),
		breaker: breaker.New(breaker.Config{Now: now, Calls: breakerCalls, Open: breakerOpen, Longest: breakerLongest}),
	}
}

// begin returns the function that must be told how the call ended, or an error if it must
// not be made.
func (h *health) begin() (done func(error), err error) {
	call, ok := h.breaker.Allow()
	if !ok {
		return nil, ErrOpen
	}
	return func(err error) {
		switch {
		case err == nil:
			h.breaker.Done(call, breaker.Success)
		case errors.Is(err, errGivenUp):
			h.breaker.Done(call, breaker.Neither)
			return
		default:
			h.breaker.Done(call, breaker.Failure)
		}
		h.tell(err)
	}, nil
}

// tell logs that the store fails, or no longer does.
func (h *health) tell(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failing = err != nil
	switch {
	case err != nil && !h.told && h.failures.AllowN(h.now(), 1):
		h.told = true
		h.log.Warn("the shared store fails; this replica goes on as without one", "error", err)
	case err == nil && h.told && !h.breaker.Refuses():
		h.told = false
		h.log.Info("the shared store answers again")
	}
}

// tellForeign logs that a value does not open.
func (h *health) tellForeign(name string) {
	if h.foreign.AllowN(h.now(), 1) {
		h.log.Warn("a value in the shared store was not written with any of the keys; it is not used", "name", name)
	}
}
