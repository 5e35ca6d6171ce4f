package forward

import (
	"net/http"
	"sync"
	"time"
)

// aging limits the age of connections, for which net/http has no option: from time to
// time it replaces the transport by a new one. The connections that the old one has in
// use become idle, and are closed by its idle timeout.
type aging struct {
	renew func() transport
	most  time.Duration
	now   func() time.Time

	mu      sync.Mutex
	present transport
	since   time.Time
	former  transport // so that its connections can be closed too; nil if there is none
}

func newAging(renew func() transport, most time.Duration, now func() time.Time) *aging {
	if now == nil {
		now = time.Now
	}
	return &aging{renew: renew, most: most, now: now, present: renew(), since: now()}
}

// RoundTrip implements [http.RoundTripper].
func (a *aging) RoundTrip(r *http.Request) (*http.Response, error) { return a.young().RoundTrip(r) }

// young returns a transport none of whose connections is too old.
func (a *aging) young() transport {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := a.now(); now.Sub(a.since) >= a.most {
		a.closeIdle()
		a.former, a.present, a.since = a.present, a.renew(), now
	}
	return a.present
}

// CloseIdleConnections closes the idle connections of both transports.
func (a *aging) CloseIdleConnections() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closeIdle()
}

func (a *aging) closeIdle() {
	a.present.CloseIdleConnections()
	if a.former != nil {
		a.former.CloseIdleConnections()
	}
}
