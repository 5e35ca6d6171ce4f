package shared

import (
	"context"
	"time"

	"github.com/clerkgate/clerkgate/middleware/store"
)

const (
	// leaseFor is how long a replica that has stopped keeps the others waiting. A lease is
	// renewed at leaseRenewed.
	leaseFor     = 5 * time.Second
	leaseRenewed = 1500 * time.Millisecond
	// waitAtOnce is how long a replica waits before it looks whether the store, and whoever
	// has the lease, are still there.
	waitAtOnce = 500 * time.Millisecond
	// waitGrace is how much later than that a store may answer.
	waitGrace = CallTimeout
	// longestWork bounds how long a lease is renewed.
	longestWork = time.Minute
)

// publishAgain are the pauses before each further attempt to publish a result.
var publishAgain = [...]time.Duration{100 * time.Millisecond, 400 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second}

// Turn is a piece of work that one replica does for all.
type Turn struct {
	s           *Store
	name, bound string
}

// Turn returns the piece of work with a name. Its result is bound to a secret.
func (s *Store) Turn(name, bound string) *Turn { return &Turn{s, s.prefix + name, bound} }

// Take returns the result of the work, if it was done already or another replica does it
// before ctx ends, or else the lease with which the caller does it. The error means that the
// replicas cannot work together now: the store fails, somebody else has written to it, or ctx
// has ended.
func (t *Turn) Take(ctx context.Context) (result []byte, lease *Lease, err error) {
	for {
		claim, err := t.claim(ctx)
		switch {
		case err != nil:
			return nil, nil, err
		case claim.Fence > 0:
			return nil, t.keep(ctx, claim.Fence), nil
		case claim.Result == nil:
			claim.Result, err = t.wait(ctx)
		}
		if claim.Result == nil && err == nil {
			continue
		}
		if err == nil {
			result, err = t.s.open(claim.Result, t.name, t.bound)
		}
		return result, nil, err
	}
}

// Result returns the result of the work if there is one now.
func (t *Turn) Result(ctx context.Context) (result []byte, ok bool) {
	sealed, err := t.waitFor(ctx, 0)
	if err != nil || sealed == nil {
		return nil, false
	}
	result, err = t.s.open(sealed, t.name, t.bound)
	return result, err == nil
}

func (t *Turn) claim(ctx context.Context) (claim store.Claim, err error) {
	err = t.s.call(ctx, func(ctx context.Context) error {
		claim, err = t.s.store.Claim(ctx, t.name, leaseFor)
		return err
	})
	return claim, err
}

func (t *Turn) wait(ctx context.Context) (sealed []byte, err error) {
	patience := waitAtOnce
	if end, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(end))
	}
	return t.waitFor(ctx, patience)
}

func (t *Turn) waitFor(ctx context.Context, patience time.Duration) (sealed []byte, err error) {
	err = t.s.limited(ctx, patience+waitGrace, func(ctx context.Context) error {
		sealed, err = t.s.store.Wait(ctx, t.name, patience)
		return err
	})
	return sealed, err
}

// Lease says that this replica does the work. It is renewed until its result is published.
type Lease struct {
	t     *Turn
	fence uint64
	stop  context.CancelFunc
}

// keep renews a lease until the work is done or the store is closed, for longestWork at most.
// A request that is given up does not give up the lease.
func (t *Turn) keep(ctx context.Context, fence uint64) *Lease {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), longestWork)
	l := &Lease{t: t, fence: fence, stop: stop}
	t.s.work.Go(func() {
		defer context.AfterFunc(t.s.closing, stop)()
		for {
			if pause(ctx, leaseRenewed); ctx.Err() != nil {
				return
			}
			held := false
			err := t.s.call(ctx, func(ctx context.Context) (err error) {
				held, err = t.s.store.Renew(ctx, t.name, fence, leaseFor)
				return err
			})
			if err == nil && !held {
				return // the work goes on: its result counts unless a newer one is published first
			}
		}
	})
	return l
}

// Publish gives all replicas the result for as long as ttl, and ends the lease. If the store
// does not take it now, it goes on trying in the background for a few seconds.
func (l *Lease) Publish(ctx context.Context, result []byte, ttl time.Duration) {
	l.stop()
	s := l.t.s
	sealed, err := s.keys.Seal(result, l.t.name, l.t.bound)
	if err != nil {
		s.health.log.Error("a result could not be sealed", "error", err)
		return
	}
	publish := func(ctx context.Context) error {
		return s.call(ctx, func(ctx context.Context) error {
			_, err := s.store.Publish(ctx, l.t.name, l.fence, sealed, ttl)
			return err
		})
	}
	if publish(context.WithoutCancel(ctx)) == nil {
		return
	}
	s.work.Go(func() {
		for _, again := range publishAgain {
			if pause(s.closing, again); s.closing.Err() != nil || publish(s.closing) == nil {
				return
			}
		}
	})
}
