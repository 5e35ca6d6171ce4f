package proxy

import (
	"net/http"
	"sync/atomic"
)

// flight counts requests, so that the end of the server can wait for handlers
// that [http.Server] no longer knows of: those of upgraded connections. No lock is
// shared by the requests.
type flight struct {
	next    http.Handler
	n       atomic.Int64
	waiting atomic.Bool
	idle    chan struct{} // with room for one; told when n falls to 0 while somebody waits
}

func newFlight(next http.Handler) *flight { return &flight{next: next, idle: make(chan struct{}, 1)} }

func (f *flight) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.n.Add(1)
	defer func() {
		if f.n.Add(-1) == 0 && f.waiting.Load() {
			select {
			case f.idle <- struct{}{}:
			default: // it has been told
			}
		}
	}()
	f.next.ServeHTTP(w, r)
}

// wait returns when no request is in flight. The caller has made sure that no new
// ones come and that the old ones end.
func (f *flight) wait() {
	f.waiting.Store(true)
	for f.n.Load() > 0 {
		<-f.idle
	}
}
