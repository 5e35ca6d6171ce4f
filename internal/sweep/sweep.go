// Package sweep removes expired entries from a cache from time to time, without a
// goroutine that would have to be stopped.
package sweep

import (
	"sync/atomic"
	"time"
	"weak"
)

// Sweeper sweeps one owner, of which it must be a field, as long as there is something
// to sweep. The zero value is ready to use. It is safe for concurrent use.
type Sweeper struct{ armed atomic.Bool }

// Arm calls sweep with owner after each period, until it returns false because nothing
// is left. Until then, further calls of Arm do nothing. Arm does not keep the owner
// alive. The caller must not hold a lock that sweep acquires.
func Arm[T any](s *Sweeper, owner *T, period time.Duration, sweep func(*T) (left bool)) {
	if s.armed.Load() || s.armed.Swap(true) {
		return
	}
	weakOwner, weakSweeper := weak.Make(owner), weak.Make(s) // the sweeper is part of its owner
	time.AfterFunc(period, func() {
		owner, s := weakOwner.Value(), weakSweeper.Value()
		if owner == nil || s == nil {
			return
		}
		// Before the sweep: an entry that is added while it runs must arm it again.
		s.armed.Store(false)
		if sweep(owner) {
			Arm(s, owner, period, sweep)
		}
	})
}
