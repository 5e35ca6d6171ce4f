package middleware

import (
	"sync"
	"time"
)

// The breaker opens for breakerFirst, twice as long after each further failure,
// and at most for breakerMost; each time a random part of it, at least half, so that
// several processes do not come back together. A 429 may ask for longer, up to
// breakerRest.
const (
	breakerFirst = 500 * time.Millisecond
	breakerMost  = 8 * time.Second
	breakerRest  = 30 * time.Second
)

// breaker is a circuit breaker: calls pause after a failure, for longer with each
// further one, and are taken up again by one call at a time until one succeeds. It
// is for calls that nobody needs at once, so that a single failure opens it. Safe
// for concurrent use.
type breaker struct {
	now    func() time.Time
	random func() float64 // from [0, 1)

	mu       sync.Mutex
	failures int       // in a row
	until    time.Time // of the pause; the zero time while there is none
	probing  bool      // the call after a pause is under way
	period   uint64    // counts pauses
}

// isOpen reports whether no call is wanted now.
func (b *breaker) isOpen() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open()
}

// open is isOpen; b.mu is held.
func (b *breaker) open() bool { return b.failures > 0 && (b.probing || b.now().Before(b.until)) }

// begin reports whether a call may be made. After one that was made, either
// succeeded or failed must be called with the period that begin returned.
func (b *breaker) begin() (period uint64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open() {
		return 0, false
	}
	b.probing = b.failures > 0
	return b.period, true
}

// succeeded ends the pause.
func (b *breaker) succeeded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.probing = 0, false
}

// failed begins a pause, of at least rest if that is not more than breakerRest.
// Calls that began before the last pause are one failure with the call that caused it.
func (b *breaker) failed(period uint64, rest time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if period != b.period {
		return
	}
	pause := min(breakerFirst<<min(b.failures, 10), breakerMost)
	pause = time.Duration(float64(pause) * (1 + b.random()) / 2)
	b.until = b.now().Add(max(pause, min(rest, breakerRest)))
	b.failures++
	b.period++
	b.probing = false
}
