package serve

import (
	"context"
	"net/http"
	"sync/atomic"
)

// InFlight counts requests, so that the end of a server can wait for handlers
// that [http.Server] no longer knows of: those of upgraded connections. No lock is
// shared by the requests.
type InFlight struct {
	n       atomic.Int64
	waiting atomic.Bool
	none    chan struct{} // with room for one; told when n falls to 0 while somebody waits
}

// NewInFlight makes a count that stands at none.
func NewInFlight() *InFlight { return &InFlight{none: make(chan struct{}, 1)} }

// Count counts the requests that next handles.
func (f *InFlight) Count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.n.Add(1)
		defer f.end()
		next.ServeHTTP(w, r)
	})
}

func (f *InFlight) end() {
	if f.n.Add(-1) == 0 && f.waiting.Load() {
		select {
		case f.none <- struct{}{}:
		default: // it has been told
		}
	}
}

// wait returns when no request is in flight, or when ctx ends. The caller has made
// sure that no new ones come.
func (f *InFlight) wait(ctx context.Context) {
	f.waiting.Store(true)
	for f.n.Load() > 0 {
		select {
		case <-f.none:
		case <-ctx.Done():
			return
		}
	}
}
