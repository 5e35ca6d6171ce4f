//go:build linux

package chaos

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

const (
	// clerkAllows is how many calls Clerk's Backend API takes in ten seconds.
	clerkAllows = 1000
	// questionsOfEach is how many of each kind strangers ask.
	questionsOfEach = 800
	// knownSessions are refreshed so many times each.
	knownSessions = 40
	refreshes     = 3
)

// strangers ask what costs a call to Clerk: by handshake nonces, by refresh tokens to
// an expired session token that was found somewhere, and by API keys, all made up.
// After the first half, which is more than Clerk allows, sessions that clerkgate knows
// are refreshed beside the second. Only these are counted.
func strangers(t *testing.T, c contender, _ string) result {
	s := newSite(t, c)
	found := s.expired(1)[0]
	known := s.expired(knownSessions * refreshes)
	questions := s.questions(found)
	inTurn(clients, questions[:len(questions)/2], func(r *http.Request) { s.send(r) })

	var failed atomic.Int64
	var both sync.WaitGroup
	both.Go(func() {
		inTurn(clients, questions[len(questions)/2:], func(r *http.Request) { s.send(r) })
	})
	both.Go(func() {
		inTurn(4, known, func(r *http.Request) {
			if status := s.send(r); status != http.StatusOK {
				failed.Add(1)
			}
		})
	})
	both.Wait()
	t.Logf("%d questions of strangers and %d refreshes made %d calls to Clerk", len(questions), len(known), s.clerk.CallCount("", "/v1"))
	return result{requests: int64(len(known)), failed: failed.Load()}
}

// inTurn calls do for each request, n of them at a time.
func inTurn(n int, requests []*http.Request, do func(*http.Request)) {
	next := make(chan *http.Request)
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for r := range next {
				do(r)
			}
		})
	}
	for _, r := range requests {
		next <- r
	}
	close(next)
	all.Wait()
}

// site is clerkgate before a Clerk of its own that counts what it is asked.
type site struct {
	t         *testing.T
	clerk     *clerktest.Server
	origin    string
	transport *http.Transport
}

func newSite(t *testing.T, c contender) *site {
	t.Helper()
	s := &site{t: t, clerk: clerktest.NewServer(t, clerktest.Options{RateLimit: clerkAllows}), transport: &http.Transport{MaxIdleConnsPerHost: 2 * clients}}
	t.Cleanup(s.transport.CloseIdleConnections)
	c.command = func(_ testing.TB, app string) (*exec.Cmd, *net.TCPListener) {
		return gate(c.path, s.clerk.Clerk, s.clerk.URL, "CLERKGATE_UPSTREAM=http://"+app, "CLERKGATE_ACCEPTS_TOKEN=session_token,api_key"), nil
	}
	s.origin = "http://" + start(t, c, newApp(t, "").address, nil).address
	return s
}

// expired are n requests whose session tokens have expired, refreshes of each session
// that there are. Each session has shown a live token before.
func (s *site) expired(n int) (all []*http.Request) {
	s.t.Helper()
	var sessions []string
	s.clerk.Advance(-2 * time.Minute) // clerkgate has the machine's clock, so that tokens are made in the past
	for i := range n {
		if i%refreshes == 0 {
			sessions = append(sessions, s.clerk.SignIn("jane@example.com").ID)
		}
		all = append(all, s.request("/", "Cookie", s.cookies(sessions[len(sessions)-1])))
	}
	s.clerk.Advance(2 * time.Minute)
	for _, id := range sessions {
		require.Equal(s.t, http.StatusOK, s.send(s.request("/", "Authorization", "Bearer "+s.clerk.Token(id, s.origin))))
	}
	return all
}

// cookies are what a browser sends for a session.
func (s *site) cookies(session string) string {
	var pairs []string
	for _, cookie := range s.clerk.Cookies(session, s.origin) {
		pairs = append(pairs, cookie.Name+"="+cookie.Value)
	}
	return strings.Join(pairs, "; ")
}

// questions of strangers, who found the expired token of a request.
func (s *site) questions(found *http.Request) (all []*http.Request) {
	refresh := regexp.MustCompile(`(__refresh\w*)=[^;]*`)
	for i := range questionsOfEach {
		all = append(all,
			s.request(fmt.Sprintf("/?__clerk_handshake_nonce=made_up_%d", i), "Sec-Fetch-Dest", "document"),
			s.request("/", "Cookie", refresh.ReplaceAllString(found.Header.Get("Cookie"), fmt.Sprintf("$1=made_up_%d", i))),
			s.request("/", "Authorization", fmt.Sprintf("Bearer ak_made_up_%d", i)))
	}
	return all
}

func (s *site) request(path, name, value string) *http.Request {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.origin+path, nil)
	require.NoError(s.t, err)
	r.Header.Set(name, value)
	return r
}

// send returns the status of the answer.
func (s *site) send(r *http.Request) int {
	res, err := s.transport.RoundTrip(r)
	if !assert.NoError(s.t, err) {
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}
