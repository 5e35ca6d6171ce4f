package clerktest

import (
	"sync"
	"time"
)

// clock is a source of time that can be moved forward. Delays of faults run on real time: a test that advances this
// clock does not make a stalled answer arrive.
type clock struct {
	source func() time.Time

	// realTokens keeps what applications compare with their own clock out of the future of source.
	realTokens bool

	mu     sync.Mutex
	offset time.Duration
}

// Now is the time that this Clerk believes in: Options.Now plus all that was added by [Clerk.Advance].
func (c *Clerk) Now() time.Time {
	c.clock.mu.Lock()
	defer c.clock.mu.Unlock()
	return c.clock.source().Add(c.clock.offset)
}

// Advance moves this Clerk's clock forward, so that tokens, nonces and sessions grow old. A negative duration moves it
// back. An application under test must be given [Clerk.Now] as its own clock to follow along.
func (c *Clerk) Advance(d time.Duration) {
	c.clock.mu.Lock()
	defer c.clock.mu.Unlock()
	c.clock.offset += d
}

// told is a time of this Clerk's as a token or a cookie tells it to the application: with [Options.RealTimeTokens] not
// later than the application's own clock.
func (c *Clerk) told(t time.Time) time.Time {
	if !c.clock.realTokens || t.IsZero() {
		return t
	}
	if real := c.clock.source(); t.After(real) {
		return real
	}
	return t
}
