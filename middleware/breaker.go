package middleware

import (
	"sync"
	"time"
)

// A breaker opens for breakerFirst, and after each further failure for twice as long, up
// to breakerMost. Up to half of that is taken off at random, so that several processes
// do not come back together. A 429 may ask for longer, up to breakerRest.
const (
	breakerFirst = 500 * time.Millisecond
	breakerMost  = 8 * time.Second
	breakerRest  = 30 * time.Second
)

// breaker is a circuit breaker. A failure opens it, for longer with each further one;
// then it lets a single call through, and closes if that succeeds. It is meant for calls
// that are not urgent, so that one failure is enough to open it. It is safe for
// concurrent use.
type breaker struct {
	now    func() time.Time
	random func() float64 // from [0, 1)

	mu       sync.Mutex
	failures int       // in a row
	until    time.Time // when it may be probed
	probing  bool      // the probe is in progress
	period   uint64    // how many times it has opened
}

// isOpen reports whether calls are not allowed now.
func (b *breaker) isOpen() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open()
}

// open is isOpen; b.mu is held.
func (b *breaker) open() bool { return b.failures > 0 && (b.probing || b.now().Before(b.until)) }

// begin reports whether a call is allowed. If so, the caller must report its outcome by
// succeeded, or by failed with the period that begin returned.
func (b *breaker) begin() (period uint64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open() {
		return 0, false
	}
	b.probing = b.failures > 0
	return b.period, true
}

// succeeded closes the breaker.
func (b *breaker) succeeded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failures, b.probing = 0, false
}

// failed opens the breaker, for at least rest, of which at most breakerRest counts. Calls
// that began before it opened last are not counted again.
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
