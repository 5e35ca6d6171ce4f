package middleware

import (
	"sync"
	"time"
)

// recent counts events of the last ten seconds, in steps of one second, the present one
// included. It is safe for concurrent use.
type recent struct {
	epoch time.Time // the beginning of second 0

	mu     sync.Mutex
	counts [rateWindow/time.Second + 1]struct {
		second int64
		events int
	}
}

// addBelow counts an event, unless there were most of them already, and reports whether it
// did.
func (r *recent) addBelow(now time.Time, most int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	second, all := max(0, int64(now.Sub(r.epoch)/time.Second)), 0
	for i := range r.counts {
		if c := &r.counts[i]; c.second > second-int64(len(r.counts)) && c.second <= second {
			all += c.events
		}
	}
	if all >= most {
		return false
	}
	c := &r.counts[second%int64(len(r.counts))]
	if c.second != second {
		c.second, c.events = second, 0
	}
	c.events++
	return true
}
