package middleware

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/internal/revocation"
	"github.com/clerkgate/clerkgate/internal/shared"
)

// ledger is the list of revocations. Replicas with a store share it: each appends what it
// learns to a log, and reads what the others append.
type ledger struct {
	*revocation.List
	counts    *counts
	now       func() time.Time
	log       *shared.Log // nil without a store
	stop      context.CancelFunc
	following sync.WaitGroup
}

// newLedger returns a ledger with a list; nil means an empty one. Close it.
func newLedger(o *Options, list *revocation.List, store *shared.Store, c *counts) *ledger {
	keep := endedMemory + max(o.ClockSkew, o.OutageGrace)
	if list == nil {
		list = revocation.New(revocation.Config{Keep: keep, Now: o.Now, Logger: o.Logger})
	}
	l := &ledger{List: list, counts: c, now: o.Now, stop: func() {}}
	if store == nil {
		return l
	}
	l.log = store.Log("log", keep)
	var ctx context.Context
	ctx, l.stop = context.WithCancel(context.Background())
	l.following.Go(func() { l.log.Follow(ctx, l.apply) })
	return l
}

// wait returns once what other replicas have revoked is known, or cannot be known for now,
// or ctx has ended.
func (l *ledger) wait(ctx context.Context) {
	if l.log != nil {
		l.log.Wait(ctx)
	}
}

// isBehind reports whether other replicas may have revoked something that is not known here.
func (l *ledger) isBehind() bool { return l.log != nil && l.log.Err() != nil }

// record puts entries into force here, and then in the other replicas. An error means that
// the others could not be told.
func (l *ledger) record(ctx context.Context, entries ...revocation.Entry) error {
	l.Add(entries...)
	if l.log == nil {
		return nil
	}
	var problems []error
	for _, e := range entries {
		if err := l.log.Append(ctx, e.Append(nil)); err != nil {
			problems = append(problems, fmt.Errorf("tell other replicas of a revocation: %w", err))
		}
	}
	return errors.Join(problems...)
}

// apply puts an entry of the log into force. An entry that cannot be read was written by
// another version.
func (l *ledger) apply(b []byte) {
	e, err := revocation.Decode(b)
	if err != nil || l.Has(e) {
		return // what this process has appended comes back
	}
	l.Add(e)
	l.counts.revoked(RevokedByReplica, 1)
	if l.log.Err() == nil { // else it is of the time before this process
		l.counts.revocationLag.Observe(l.now().Sub(e.At))
	}
}

func (l *ledger) close() {
	l.stop()
	l.following.Wait()
}
