package storetest

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clerkgate/clerkgate/middleware/store"
)

// Config tells [Run] what to test.
type Config struct {
	// New returns the store to test. What it holds may remain from one call to the next.
	// Required.
	New func(t *testing.T) store.Store
	// Pass lets time pass for a store that does not look at the real clock, such as one on a
	// fake server; nil means that real time passes.
	Pass func(d time.Duration)
}

const (
	// long is a time to live that no test outlives, and brief one that it waits for.
	long  = time.Hour
	brief = 50 * time.Millisecond
	// patience is how long a test waits for what should happen soon.
	patience = 30 * time.Second
	// callers is how many call at the same time.
	callers = 16
)

// Run tests that a store keeps the contract of [store.Store]: what its methods return, that
// exactly one of concurrent callers wins, that values and leases expire, that waiters are
// woken, and that every call ends with its context.
func Run(t *testing.T, cfg Config) {
	t.Helper()
	for _, part := range []struct {
		name string
		test func(*suite)
	}{
		{"a value is returned as it was put", (*suite).values},
		{"a value expires", (*suite).expiry},
		{"one of several puts if absent", (*suite).putIfAbsent},
		{"one of several has the lease", (*suite).claim},
		{"a lease that is not renewed ends", (*suite).leaseEnds},
		{"a lease that is renewed goes on", (*suite).renew},
		{"a result reaches all who want it", (*suite).publish},
		{"an older result does not replace a newer one", (*suite).fence},
		{"a late result ends no newer lease", (*suite).lateResult},
		{"a result expires", (*suite).resultExpires},
		{"the three groups of names are apart", (*suite).apart},
		{"a log is read in order and from any position", (*suite).log},
		{"a reader waits for the next entry", (*suite).follow},
		{"a reader of an empty log does not wait for longer than it wants to", (*suite).nothingYet},
		{"a long log is read to its end", (*suite).longLog},
		{"old entries of a log are removed", (*suite).trim},
		{"no call outlasts its context", (*suite).contexts},
	} {
		t.Run(part.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
			defer cancel()
			part.test(&suite{T: t, ctx: ctx, Store: cfg.New(t), pass: cfg.Pass, run: rand.Text()})
		})
	}
}

// suite is the test of one part.
type suite struct {
	*testing.T
	store.Store
	ctx  context.Context //nolint:containedctx // of one test
	pass func(time.Duration)
	run  string
}

// name returns a name that no other test uses: stores may remember.
func (s *suite) name(of string) string { return "storetest:" + s.run + ":" + of }

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatalf("unexpected error: %v", err)
	}
}

func (s *suite) want(ok bool, format string, args ...any) {
	s.Helper()
	if !ok {
		s.Fatalf(format, args...)
	}
}

// soon waits until done is true, for what happens once d has passed.
func (s *suite) soon(d time.Duration, done func() bool, what string) {
	s.Helper()
	for end := time.Now().Add(patience); !done(); {
		s.want(time.Now().Before(end), "waited in vain: %s", what)
		if s.pass != nil {
			s.pass(d)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// together calls f from several goroutines at once and returns how often it was true.
func (s *suite) together(f func() (bool, error)) int {
	s.Helper()
	var wins, fails atomic.Int64
	var first atomic.Value
	var all sync.WaitGroup
	start := make(chan struct{})
	for range callers {
		all.Go(func() {
			<-start
			won, err := f()
			if err != nil {
				fails.Add(1)
				first.Store(err.Error())
			}
			if won {
				wins.Add(1)
			}
		})
	}
	close(start)
	all.Wait()
	s.want(fails.Load() == 0, "%d of %d concurrent calls failed, such as: %v", fails.Load(), callers, first.Load())
	return int(wins.Load())
}

// anyBytes is a value of n bytes, of all kinds.
func anyBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8) //nolint:gosec // any byte will do
	}
	return b
}
