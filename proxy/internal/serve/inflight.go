package serve

import (
	"context"
	"net/http"
	"sync/atomic"
)

// InFlight counts requests, so that a server that shuts down can wait for handlers that
// [http.Server] no longer tracks: those of upgraded connections. Requests share no lock.
type InFlight struct {
	n       atomic.Int64
	waiting atomic.Bool
	places  chan struct{} // of connections, see newPlaces; nil without a limit
	none    chan struct{} // of capacity 1; gets a value when n falls to 0 during a wait
}

// NewInFlight returns a count of zero.
func NewInFlight() *InFlight { return &InFlight{none: make(chan struct{}, 1)} }

// Count counts the requests that next handles.
func (f *InFlight) Count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.n.Add(1)
		defer f.end()
		next.ServeHTTP(w, r)
	})
}

// Requests returns how many requests there are now.
func (f *InFlight) Requests() int64 { return f.n.Load() }

// Connections returns how many connections of clients are open, and how many may be; both are
// 0 without a limit. Call it while the server runs.
func (f *InFlight) Connections() (open, limit int) { return len(f.places), cap(f.places) }

func (f *InFlight) end() {
	if f.n.Add(-1) == 0 && f.waiting.Load() {
		select {
		case f.none <- struct{}{}:
		default: // it has one already
		}
	}
}

// wait returns when no request is in flight, or when ctx ends. The caller must make sure
// that no new requests arrive.
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
