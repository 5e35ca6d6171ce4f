package shared

import (
	"context"
	"errors"
	"time"

	"github.com/clerkgate/clerkgate/internal/seal"
	"github.com/clerkgate/clerkgate/middleware/store"
)

const (
	// leaseFor is how long a replica that has stopped keeps the others waiting: less than
	// requests may take, so that another one can still do the work. A lease is renewed at
	// leaseRenewed.
	leaseFor     = 2 * time.Second
	leaseRenewed = 600 * time.Millisecond
	// waitAtOnce is how long a replica waits before it looks whether the store, and whoever
	// has the lease, are still there.
	waitAtOnce = 500 * time.Millisecond
	// waitGrace is how much later than that a store may answer.
	waitGrace = CallTimeout
	// failover is how long a store may fail while another replica does the work, before the
	// caller does it too, and tryAgain how long it waits between attempts.
	failover = 1500 * time.Millisecond
	tryAgain = 100 * time.Millisecond
	// publishAgain is the pause before a result is published again. It doubles with each
	// attempt, up to publishSeldom.
	publishAgain  = 100 * time.Millisecond
	publishSeldom = 3200 * time.Millisecond
	// longestWork bounds how long a lease is renewed.
	longestWork = time.Minute
)

// Turn is a piece of work that one replica does for all. It is for one goroutine.
type Turn struct {
	s           *Store
	name, bound string
	elsewhere   bool // another replica was seen to do it
}

// Turn returns the piece of work with a name. Its result is bound to a secret.
func (s *Store) Turn(name, bound string) *Turn {
	return &Turn{s: s, name: s.prefix + name, bound: bound}
}

// Take returns the result of the work, if it was done already or another replica does it
// before ctx ends, or else the lease with which the caller does it. The error means that the
// replicas cannot work together now: the store fails, somebody without the keys has written
// to it, or ctx has ended.
func (t *Turn) Take(ctx context.Context) (result []byte, lease *Lease, err error) {
	err = t.patiently(ctx, func() error {
		result, lease, err = t.take(ctx)
		return err
	})
	return result, lease, err
}

// Result returns the result of the work if there is one now, or, for a caller that knows that
// another replica has done it, within some time.
func (t *Turn) Result(ctx context.Context, within time.Duration) (result []byte, ok bool) {
	for began := time.Now(); ; {
		err := t.patiently(ctx, func() error {
			sealed, err := t.waitFor(ctx, min(within, waitAtOnce))
			if err == nil && sealed != nil {
				result, err = t.s.open(sealed, t.name, t.bound)
				ok = err == nil && len(result) > 0
			}
			return err
		})
		if ok && err == nil {
			return result, true
		}
		if time.Since(began) >= within || ctx.Err() != nil || errors.Is(err, seal.ErrNotOpened) {
			return nil, false
		}
		pause(ctx, tryAgain)
	}
}

// WithoutLease returns what publishes the result of work that was done without a lease, because
// the store has failed. A result that another replica publishes with a lease takes its place.
func (t *Turn) WithoutLease() *Lease { return &Lease{t: t, stop: func() {}} }

// patiently repeats what the store fails at: once, since a connection may have been closed
// or this process have been busy, and while another replica does the work, which it tells
// once the store works again, for as long as a failover takes.
func (t *Turn) patiently(ctx context.Context, try func() error) error {
	var failed time.Time
	for attempt := 1; ; attempt++ {
		err := try()
		if failed.IsZero() {
			failed = time.Now()
		}
		switch {
		case err == nil, ctx.Err() != nil, errors.Is(err, seal.ErrNotOpened):
			return err
		case !t.elsewhere && (attempt > 1 || errors.Is(err, ErrOpen)):
			return err
		case t.elsewhere && time.Since(failed) >= failover:
			return err
		case t.elsewhere:
			pause(ctx, tryAgain)
		}
	}
}

func (t *Turn) take(ctx context.Context) (result []byte, lease *Lease, err error) {
	for {
		claim, err := t.claim(ctx)
		if err == nil && claim.Fence > 0 {
			return nil, t.keep(ctx, claim.Fence), nil
		}
		if err == nil && claim.Result == nil {
			t.elsewhere = true
			claim.Result, err = t.wait(ctx)
		}
		if err != nil {
			return nil, nil, err
		}
		if claim.Result == nil {
			continue
		}
		if result, err = t.s.open(claim.Result, t.name, t.bound); err != nil || len(result) > 0 {
			return result, nil, err
		}
		pause(ctx, givenUpFor) // whoever had the lease did not do the work
	}
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
	fence uint64 // 0 without a lease
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

// givenUpFor is how long others see that a lease was given up.
const givenUpFor = 10 * time.Millisecond

// GiveUp ends the lease without a result: others may take it.
func (l *Lease) GiveUp(ctx context.Context) { l.Publish(ctx, nil, givenUpFor) }

// Publish gives all replicas the result, which is not empty, for as long as ttl, and ends
// the lease. If the store
// does not take it now, it goes on trying in the background for a few seconds.
func (l *Lease) Publish(ctx context.Context, result []byte, ttl time.Duration) {
	s := l.t.s
	sealed, err := s.keys.Seal(result, l.t.name, l.t.bound)
	if err != nil {
		l.stop()
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
		l.stop()
		return
	}
	s.work.Go(func() {
		defer l.stop() // until then the lease keeps others from doing the work again
		for again := publishAgain; again <= publishSeldom; again *= 2 {
			if pause(s.closing, again); s.closing.Err() != nil || publish(s.closing) == nil {
				return
			}
		}
	})
}
