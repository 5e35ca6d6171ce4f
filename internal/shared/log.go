package shared

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clerkgate/clerkgate/middleware/store"
)

const (
	// readPatience is how long a reader waits for an entry before it looks whether the store
	// is still there.
	readPatience = 2 * time.Second
	// readGrace is how much later than that a store may answer.
	readGrace = time.Second
	// readAgain is the pause after a read that failed.
	readAgain = time.Second
)

// errBehind is what [Log.Err] returns before the log was read to its end.
var errBehind = errors.New("shared: log was not read to its end yet")

// Log is a log that all replicas append to and follow.
type Log struct {
	s    *Store
	name string
	keep time.Duration
	err  atomic.Pointer[error]
	// settled is closed once the log was read to its end, or could not be read.
	settled chan struct{}
	settle  func()
}

// Log returns the log with a name. Its entries stay for as long as keep. Make one value for
// each log.
func (s *Store) Log(name string, keep time.Duration) *Log {
	l := &Log{s: s, name: s.prefix + name, keep: keep, settled: make(chan struct{})}
	l.settle = sync.OnceFunc(func() { close(l.settled) })
	l.err.Store(&errBehind)
	return l
}

// Append adds an entry to the log. Without an error, it reaches every replica that follows
// the log, unless the store loses it.
func (l *Log) Append(ctx context.Context, entry []byte) error {
	sealed, err := l.s.keys.Seal(entry, l.name, "")
	if err != nil {
		return err
	}
	return l.s.call(ctx, func(ctx context.Context) error { return l.s.store.Append(ctx, l.name, sealed, l.keep) })
}

// Follow calls apply for each entry, beginning with the oldest one that is kept, until ctx
// ends. After a failure of the store it begins anew, since the store may have lost its end:
// each entry comes at least once, and those of this process come too. Somebody who can write
// to the store but does not have the keys can remove or repeat entries, but not make any.
func (l *Log) Follow(ctx context.Context, apply func(entry []byte)) {
	position, patience := "", time.Duration(0)
	for ctx.Err() == nil {
		entries, err := l.read(ctx, position, patience)
		if err != nil {
			l.err.Store(&err)
			l.settle()
			position, patience = "", 0
			pause(ctx, readAgain)
			continue
		}
		for _, e := range entries {
			position = e.Position
			if entry, err := l.s.open(e.Value, l.name, ""); err == nil {
				apply(entry)
			}
		}
		if patience = 0; len(entries) == 0 {
			l.err.Store(new(error))
			l.settle()
			patience = readPatience
		}
	}
}

// Wait returns once the log was read to its end for the first time, or an attempt to do so
// has failed, or ctx has ended. It needs a Follow.
func (l *Log) Wait(ctx context.Context) {
	select {
	case <-l.settled:
	case <-ctx.Done():
	}
}

// Err returns nil while the log is followed and read to its end. It may lag behind by a few
// seconds.
func (l *Log) Err() error { return *l.err.Load() }

func (l *Log) read(ctx context.Context, after string, patience time.Duration) (entries []store.Entry, err error) {
	err = l.s.limited(ctx, patience+readGrace, func(ctx context.Context) error {
		entries, err = l.s.store.Read(ctx, l.name, after, patience)
		return err
	})
	return entries, err
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
