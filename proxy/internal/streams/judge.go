package streams

import (
	"time"

	"github.com/clerkgate/clerkgate/proxy/internal/forward"
)

// judgePause is the time between two rounds in which all streams are judged, so that many
// revocations at once cost little more than one.
const judgePause = 100 * time.Millisecond

// Revoked has all streams judged soon. It does not block.
func (r *Registry) Revoked() { signal(r.revoked) }

// judgeAll judges all streams after each revocation.
func (r *Registry) judgeAll() {
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-r.revoked:
		}
		r.judge()
		r.sleep(judgePause)
	}
}

func (r *Registry) judge() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, of := range r.sessions {
		for e := range of.streams {
			if why := e.Judge(); why != 0 {
				r.end(e, why)
			}
		}
	}
}

// endSession ends the streams of a session.
func (r *Registry) endSession(of *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for e := range of.streams {
		r.end(e, forward.SessionEnded)
	}
}

// sleep waits for d, or until r is closed.
func (r *Registry) sleep(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.ctx.Done():
	}
}
