package streams

import (
	"math/rand/v2"
	"time"
)

// While look-ups fail, the pause before the next one grows from firstPause to longestPause,
// and a random half of it is added, so that replicas do not all ask together.
const (
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

// lookUpAll looks up the sessions of the open streams, one after the other, each of them
// when it is due. A session whose look-up fails goes to the end of the queue like any other,
// so that it cannot keep the others from being looked up.
func (r *Registry) lookUpAll() {
	var pause time.Duration
	for r.ctx.Err() == nil {
		next := r.next()
		if next == nil {
			select {
			case <-r.added:
			case <-r.ctx.Done():
			}
			continue
		}
		if wait := time.Until(next.due); wait > 0 {
			r.sleep(wait) // what is added meanwhile is due later
			continue
		}
		r.postpone(next)
		ended, err := r.Ended(r.ctx, next.id)
		if err != nil {
			pause = min(max(2*pause, firstPause), longestPause)
			r.sleep(pause + rand.N(pause/2)) //nolint:gosec // not for security
			continue
		}
		pause = 0
		if ended {
			r.endSession(next)
		}
	}
}

// next returns the session to be looked up next; nil if there is none.
func (r *Registry) next() *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	if first := r.queue.Front(); first != nil {
		return first.Value.(*session)
	}
	return nil
}

// postpone puts a session at the end of the queue, if it still has streams.
func (r *Registry) postpone(of *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	of.due = time.Now().Add(r.Recheck)
	r.queue.MoveToBack(of.place)
}
