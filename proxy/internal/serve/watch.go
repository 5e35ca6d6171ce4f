package serve

import (
	"sync"
	"time"
)

// watch calls abort if the time between begin and end exceeds idle. It needs no
// goroutine.
type watch struct {
	idle  time.Duration
	abort func()

	mu    sync.Mutex
	timer *time.Timer
	armed bool
}

func (w *watch) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed = true
	if w.timer == nil {
		w.timer = time.AfterFunc(w.idle, w.fire)
		return
	}
	w.timer.Reset(w.idle)
}

func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed = false
	w.timer.Stop()
}

// fire holds the lock while it aborts, so that nothing is aborted after end, when the
// stream may belong to another request.
func (w *watch) fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.armed {
		w.abort()
	}
}

func (w *watch) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed = false
	if w.timer != nil {
		w.timer.Stop()
	}
}
