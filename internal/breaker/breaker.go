package breaker

import (
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// buckets is the length of the window, in seconds.
	buckets = 10
	// defaultCalls and defaultOpen are what [Config] says about the zero values.
	defaultCalls = 10
	defaultOpen  = 5 * time.Second
	// retryShare is the part of the calls that may be repeated; one in a second always may.
	retryShare = 0.1
	retryBurst = 5
)

// Outcome is what a call says about the server.
type Outcome int

const (
	// Success is a call that the server has dealt with, even if it has refused it, as with
	// most 4xx.
	Success Outcome = iota
	// Failure is a call that the server has not dealt with: no connection, no response in
	// time, or a 5xx.
	Failure
	// Neither is a call that says nothing about the server, such as one that was given up,
	// or that it answered with 429.
	Neither
)

// Config tells [New] when a breaker opens, and for how long.
type Config struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Random returns a number from [0, 1); nil means that of math/rand/v2.
	Random func() float64
	// Calls is how many calls of the window must have ended before the breaker may open;
	// 0 means 10. With 1, a single failure among as many successes opens it.
	Calls int
	// Open is how long the breaker stays open before the first probe; 0 means 5 seconds.
	// Up to half of it is added at random, so that several processes do not come back
	// together.
	Open time.Duration
	// Longest bounds Open, which doubles after each failed probe; 0 means that it does not.
	Longest time.Duration
	// Server is shared with the other breakers of the same server; nil means one of its own.
	Server *Server
	// Unlimited is for calls that the server does not limit: they go on during a rest.
	Unlimited bool
}

// Breaker is a circuit breaker. It is safe for concurrent use. Make it by [New].
type Breaker struct {
	cfg   Config
	epoch time.Time // the beginning of second 0

	mu      sync.Mutex
	counts  [buckets]count
	until   time.Time // when it may be probed; zero while it is closed
	opened  int       // how many times in a row
	since   time.Time // when the first of them was
	probing bool      // the probe is in progress
	period  uint64    // changes with each change of state
	rested  uint64    // the last rest that it has begun
	retries *rate.Limiter
}

// count is what has happened in one second.
type count struct{ second, calls, failures int64 }

// Call is a call that was allowed. Its outcome must be reported by [Breaker.Done].
type Call struct{ period uint64 }

// New returns a closed breaker.
func New(cfg Config) *Breaker {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = rand.Float64
	}
	if cfg.Calls == 0 {
		cfg.Calls = defaultCalls
	}
	if cfg.Open == 0 {
		cfg.Open = defaultOpen
	}
	cfg.Longest = max(cfg.Longest, cfg.Open)
	if cfg.Server == nil {
		cfg.Server = &Server{}
	}
	return &Breaker{cfg: cfg, epoch: cfg.Now(), retries: rate.NewLimiter(1, retryBurst)}
}

// Allow reports whether a call may be made now. If ok, the caller must report its outcome
// by [Breaker.Done], even if it panics or is given up: the call may be the only probe.
func (b *Breaker) Allow() (c Call, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuses() {
		return Call{}, false
	}
	b.probing = !b.until.IsZero()
	return Call{b.period}, true
}

// Refuses reports whether [Breaker.Allow] would refuse a call now.
func (b *Breaker) Refuses() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.refuses()
}

// refuses is Refuses; b.mu is held.
func (b *Breaker) refuses() bool {
	b.beginRest()
	return !b.until.IsZero() && (b.probing || b.cfg.Now().Before(b.until))
}

// beginRest opens b if a rest has begun since it was last asked; b.mu is held.
func (b *Breaker) beginRest() {
	number, until := b.cfg.Server.lastRest()
	if number == b.rested {
		return
	}
	b.rested = number
	if !b.cfg.Unlimited && b.cfg.Now().Before(until) { // else it is over, and others have called since
		b.openUntil(until)
	}
}

// openUntil opens b until a time, or keeps it open for longer; b.mu is held.
func (b *Breaker) openUntil(until time.Time) {
	if b.until.IsZero() {
		b.since = b.cfg.Now()
	}
	if until.After(b.until) {
		b.until = until
	}
	b.change()
}

// Done reports the outcome of a call, and returns whether it has opened the breaker, or
// kept it open. That of a call which was allowed before the breaker opened or closed last
// counts for nothing.
func (b *Breaker) Done(c Call, o Outcome) (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.beginRest(); c.period != b.period {
		return false
	}
	if !b.until.IsZero() {
		b.probed(o)
		return o == Failure
	}
	if o == Neither {
		return false
	}
	b.count(o)
	enough := int64(b.cfg.Calls)
	if b.cfg.Server.isDoubted(b, b.cfg.Now()) {
		enough = 1
	}
	if calls, failures := b.window(b.second()); o == Failure && calls >= enough && 2*failures >= calls {
		b.open()
		return true
	}
	return false
}

// probed applies the outcome of the probe; b.mu is held.
func (b *Breaker) probed(o Outcome) {
	switch o {
	case Success:
		b.until, b.since, b.opened, b.counts = time.Time{}, time.Time{}, 0, [buckets]count{}
		b.change()
	case Failure:
		b.open()
	case Neither:
		b.probing = false // the next call is the probe
	}
}

// open opens b or keeps it open; b.mu is held.
func (b *Breaker) open() {
	now := b.cfg.Now()
	if b.until.IsZero() {
		b.since = now
	}
	pause := min(b.cfg.Open<<min(b.opened, 16), b.cfg.Longest)
	b.until = now.Add(pause + time.Duration(b.cfg.Random()*float64(pause/2)))
	b.opened++
	b.change()
}

// change begins a period; b.mu is held.
func (b *Breaker) change() {
	b.period++
	b.probing = false
}

// RestFor refuses calls for as long as the server asks for, [MaxRest] at most, to b and to all
// breakers that share its Server. It is for the Retry-After of a 429.
func (b *Breaker) RestFor(d time.Duration) { b.cfg.Server.Rest(b.cfg.Now(), d) }

// OpenFor refuses calls to b alone for as long as the server asks for, [MaxRest] at most. It
// is for the Retry-After of a 503, which is about the calls of this kind: in maintenance,
// Clerk goes on renewing sessions.
func (b *Breaker) OpenFor(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.openUntil(b.cfg.Now().Add(bounded(d)))
}

// Doubt has the other breakers that share b's Server open at their first failure, for
// [MaxDoubt]: b has found that the server fails.
func (b *Breaker) Doubt() { b.cfg.Server.doubted(b, b.cfg.Now(), MaxDoubt) }

// count counts a call; b.mu is held.
func (b *Breaker) count(o Outcome) {
	second := b.second()
	c := &b.counts[second%buckets]
	if c.second != second {
		*c = count{second: second}
	}
	c.calls++
	if o == Failure {
		c.failures++
	}
}

// second returns the number of the present second.
func (b *Breaker) second() int64 { return max(0, int64(b.cfg.Now().Sub(b.epoch)/time.Second)) }

// window returns how many calls have ended in the last seconds, and failed; b.mu is held.
func (b *Breaker) window(second int64) (calls, failures int64) {
	for i := range b.counts {
		if c := &b.counts[i]; c.second > second-buckets && c.second <= second {
			calls += c.calls
			failures += c.failures
		}
	}
	return calls, failures
}

// MayRetry reports whether a call that has failed may be repeated, and takes that from the
// budget: a tenth of the window's calls, at least one in a second. The repetition is a
// call like others, which needs [Breaker.Allow].
func (b *Breaker) MayRetry() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuses() {
		return false
	}
	now := b.cfg.Now()
	calls, _ := b.window(b.second())
	b.retries.SetLimitAt(now, rate.Limit(max(1, retryShare*float64(calls)/buckets)))
	return b.retries.AllowN(now, 1)
}

// State is what a breaker does, for people.
type State struct {
	Open  bool
	Since time.Time // when it opened; zero while it is closed
	// Next is how long it is until the next call may be made; 0 if it may be made now.
	Next time.Duration
}

// State returns what b does now.
func (b *Breaker) State() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.beginRest(); b.until.IsZero() {
		return State{}
	}
	return State{Open: true, Since: b.since, Next: max(0, b.until.Sub(b.cfg.Now()))}
}
