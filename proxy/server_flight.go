package proxy

import (
	"net/http"
	"sync"
)

// flight counts requests, so that the end of the server can wait for handlers
// that [http.Server] no longer knows of: those of upgraded connections.
type flight struct {
	next http.Handler
	mu   sync.Mutex
	n    int
	idle chan struct{} // closed when n falls to 0; nil while nobody waits
}

func (f *flight) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.n++
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.n--; f.n == 0 && f.idle != nil {
			close(f.idle)
			f.idle = nil
		}
	}()
	f.next.ServeHTTP(w, r)
}

// wait returns when no request is in flight. The caller has made sure that no new
// ones come and that the old ones end.
func (f *flight) wait() {
	f.mu.Lock()
	if f.n == 0 {
		f.mu.Unlock()
		return
	}
	idle := make(chan struct{})
	f.idle = idle
	f.mu.Unlock()
	<-idle
}
