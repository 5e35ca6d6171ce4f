// Package sweep lets what has expired leave the memory that holds it, without a
// goroutine that somebody would have to end.
package sweep

import (
	"sync/atomic"
	"time"
	"weak"
)

// Sweeper sweeps one owner from time to time, as long as there is something to
// sweep. The zero value is ready; it belongs into the owner. Safe for concurrent use.
type Sweeper struct{ armed atomic.Bool }

// Arm has sweep called with owner after a period, and again after each further one,
// until it reports that nothing is left. Until then more calls of Arm do nothing. The
// owner is not kept alive by it. The caller must not hold a lock that sweep takes.
func Arm[T any](s *Sweeper, owner *T, period time.Duration, sweep func(*T) (left bool)) {
	if s.armed.Load() || s.armed.Swap(true) {
		return
	}
	weakOwner, weakSweeper := weak.Make(owner), weak.Make(s) // the one is part of the other
	time.AfterFunc(period, func() {
		owner, s := weakOwner.Value(), weakSweeper.Value()
		if owner == nil || s == nil {
			return
		}
		// Before the sweep: what is added while it runs must find the sweeper unarmed.
		s.armed.Store(false)
		if sweep(owner) {
			Arm(s, owner, period, sweep)
		}
	})
}
