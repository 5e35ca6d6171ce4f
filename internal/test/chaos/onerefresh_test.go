//go:build linux

package chaos

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/redistest"
)

const (
	// parallel is how many requests of one session are sent at the same time.
	parallel = 1000
	// rounds is how often that is tried on a machine that is too slow for the store's time limit.
	rounds = 10
)

// oneRefresh sends many requests of one expired session to the three replicas at the same time.
func oneRefresh(start func(testing.TB) (url string, fail func() (mend func()))) func(*testing.T, string) figures {
	return func(t *testing.T, path string) figures {
		url, _ := start(t)
		f := newFleet(t, fleetOptions{path: path, store: url, tokens: time.Minute})
		transport := &http.Transport{MaxIdleConnsPerHost: parallel}
		t.Cleanup(transport.CloseIdleConnections)
		redistest.Eventually(t, func() bool { return f.shares(transport) }, "the replicas do not share")
		for range rounds {
			refreshes := f.refreshes()
			passed, sessions := f.volley(transport)
			refreshes = f.refreshes() - refreshes
			t.Logf("%d refreshes, %d of %d passed, with %d session tokens", refreshes, passed, parallel, len(sessions))
			if refreshes > 1 && f.overdue() > 0 {
				continue
			}
			for _, times := range sessions {
				assert.Equal(t, parallel, times, "responses with the new session token")
			}
			assert.EqualValues(t, 1, refreshes, "refreshes")
			assert.Equal(t, parallel, passed, "requests that passed")
			assert.Len(t, sessions, 1, "new session tokens")
			return figures{requests: parallel, failed: int64(parallel - passed), note: fmt.Sprintf("refreshes: %d, different new session tokens: %d", refreshes, len(sessions))}
		}
		t.Skip("this machine is too slow for the time limit of calls to the store")
		return figures{}
	}
}

// volley sends the requests. It returns how many passed, and the session tokens that they were
// given.
func (f *fleet) volley(transport *http.Transport) (passed int, sessions map[string]int) {
	session := f.expiredSession()
	sessions = make(map[string]int)
	var mu sync.Mutex
	var all sync.WaitGroup
	begin := make(chan struct{})
	for n := range parallel {
		r := f.request(n%replicas, session)
		all.Go(func() {
			<-begin
			res, err := transport.RoundTrip(r)
			if !assert.NoError(f.t, err) {
				return
			}
			defer res.Body.Close()
			_, _ = io.Copy(io.Discard, res.Body)
			mu.Lock()
			defer mu.Unlock()
			if res.StatusCode == http.StatusOK && res.Header.Get(sessionHeader) == session.id {
				passed++
			}
			for _, cookie := range res.Cookies() {
				if cookie.Name == "__session" {
					sessions[cookie.Value]++
				}
			}
		})
	}
	close(begin)
	all.Wait()
	return passed, sessions
}

// shares reports whether one refresh is made if replicas are asked one after the other.
func (f *fleet) shares(transport *http.Transport) bool {
	session, before := f.expiredSession(), f.refreshes()
	for n := range replicas {
		res, err := transport.RoundTrip(f.request(n, session))
		require.NoError(f.t, err)
		_ = res.Body.Close()
	}
	return f.refreshes() == before+1
}

// request is one of a session to a replica.
func (f *fleet) request(replica int, session heldSession) *http.Request {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, "http://"+f.replicas[replica].address+"/", nil)
	require.NoError(f.t, err)
	r.Host = strings.TrimPrefix(f.origin, "http://")
	r.Header.Set("Sec-Fetch-Dest", "empty")
	for _, cookie := range session.cookies {
		r.AddCookie(cookie)
	}
	return r
}

// heldSession is a session with the cookies of its browser.
type heldSession struct {
	id      string
	cookies []*http.Cookie
}

// expiredSession signs somebody in whose session token has expired.
func (f *fleet) expiredSession() heldSession {
	f.clerk.Advance(-2 * time.Minute) // the replicas have the machine's clock
	defer f.clerk.Advance(2 * time.Minute)
	session := f.clerk.SignIn("jane@example.com")
	return heldSession{session.ID, f.clerk.Cookies(session.ID, f.origin)}
}
