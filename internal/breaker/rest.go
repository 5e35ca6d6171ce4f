package breaker

import (
	"sync"
	"time"
)

// MaxRest is the longest rest. A longer Retry-After is a mistake, or an attempt to stop
// the calls; a probe each minute harms no server.
const MaxRest = time.Minute

// leastRest is the rest where a server names no time.
const leastRest = time.Second

// Rest is the time until which a server wants no calls. It is safe for concurrent use,
// and its zero value is ready.
type Rest struct {
	mu     sync.Mutex
	number uint64 // how many there have been
	until  time.Time
}

// For begins a rest of d, from one second to [MaxRest], or makes the present one longer.
func (r *Rest) For(now time.Time, d time.Duration) {
	until := now.Add(min(max(d, leastRest), MaxRest))
	r.mu.Lock()
	defer r.mu.Unlock()
	if until.After(r.until) {
		r.number++
		r.until = until
	}
}

// current returns the last rest: its number, which is 0 if there has been none, and its end.
func (r *Rest) current() (number uint64, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.number, r.until
}
