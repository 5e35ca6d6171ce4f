package clerktest

import (
	"sync"
	"time"
)

// clock is a clock that can be moved. The delays of faults are real time: advancing this clock does not shorten them.
type clock struct {
	source func() time.Time

	// realTokens keeps times that applications compare with their own clock from being later than source.
	realTokens bool

	mu     sync.Mutex
	offset time.Duration
}

// Now returns this Clerk's time: Options.Now plus everything that [Clerk.Advance] has added.
func (c *Clerk) Now() time.Time {
	c.clock.mu.Lock()
	defer c.clock.mu.Unlock()
	return c.clock.source().Add(c.clock.offset)
}

// Advance moves this Clerk's clock forward, so that tokens, nonces and sessions expire. A negative duration moves it
// back. Use [Clerk.Now] as the clock of the application under test, so that it follows.
func (c *Clerk) Advance(d time.Duration) {
	c.clock.mu.Lock()
	defer c.clock.mu.Unlock()
	c.clock.offset += d
}

// told returns a time as it is written into a token or a cookie: with [Options.RealTimeTokens] not later than the
// application's own clock.
func (c *Clerk) told(t time.Time) time.Time {
	if !c.clock.realTokens || t.IsZero() {
		return t
	}
	if real := c.clock.source(); t.After(real) {
		return real
	}
	return t
}
