//go:build linux

package chaos

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// browsers is how many browsers visit a fleet at the same time.
const browsers = 200

// visitors are people, each signed in in a browser, who use the application at the same time.
type visitors struct {
	t    *testing.T
	f    *fleet
	all  []*visitor
	now  atomic.Pointer[tally]
	busy sync.RWMutex // held for reading during each request

	stopped chan struct{}
	running sync.WaitGroup
}

type visitor struct {
	*visitors

	browser *kit.Browser
	session string
}

// tally counts what became of the requests of one part of a script.
type tally struct {
	slow    atomic.Bool // the machine was too slow for the time limits of calls
	overdue int         // calls that were late before

	requests, passed, stale                    atomic.Int64
	heldPages, heldFetches, heldPosts          atomic.Int64 // 503 of clerkgate, with Retry-After
	refusedFetches, failed, signedOut, mixedUp atomic.Int64

	mu   sync.Mutex
	seen map[string]int // how requests failed
}

func (t *tally) held() int64 { return t.heldPages.Load() + t.heldFetches.Load() + t.heldPosts.Load() }

// kind is how a request is sent.
type kind string

const (
	opens   kind = "page"
	fetches kind = "fetch"
	posts   kind = "POST"
)

func (f *fleet) newVisitors(n int) *visitors {
	f.t.Helper()
	them := &visitors{t: f.t, f: f}
	for range n {
		v := &visitor{visitors: them, browser: kit.NewBrowser(f.t), session: f.clerk.SignIn("jane@example.com").ID}
		v.browser.SetCookies(f.origin, f.clerk.Cookies(v.session, f.origin)...)
		them.all = append(them.all, v)
	}
	return them
}

// come lets everybody use the application until [visitors.leave], with a pause of at most
// that long between two looks at it. What becomes of it is counted in the returned tally.
func (them *visitors) come(pause time.Duration) *tally {
	them.part()
	them.stopped = make(chan struct{})
	them.running.Go(them.takePulse)
	for _, v := range them.all {
		them.running.Go(func() {
			for {
				select {
				case <-them.stopped:
					return
				case <-time.After(time.Duration(rand.Int64N(int64(pause)))):
					v.look()
				}
			}
		})
	}
	return them.now.Load()
}

// part begins another part of the script, which has the requests that end from now on.
func (them *visitors) part() *tally {
	overdue := them.f.overdue()
	t := &tally{seen: make(map[string]int), overdue: overdue}
	if last := them.now.Swap(t); last != nil && overdue > last.overdue {
		last.slow.Store(true)
	}
	return t
}

// next is part, and calls change first, while no request is on its way.
func (them *visitors) next(change func()) *tally {
	them.busy.Lock()
	defer them.busy.Unlock()
	change()
	return them.part()
}

const (
	pulse = 5 * time.Millisecond
	// late is by how much a pulse may come late. A call to the store has 75 ms, and takes
	// several steps of several processes.
	late = 25 * time.Millisecond
)

// takePulse notes in the tally when this machine has no time for its processes.
func (them *visitors) takePulse() {
	for {
		began := time.Now()
		select {
		case <-them.stopped:
			return
		case <-time.After(pulse):
			if time.Since(began) > pulse+late {
				them.now.Load().slow.Store(true)
			}
		}
	}
}

func (them *visitors) leave() {
	close(them.stopped)
	them.running.Wait()
}

// look is what happens when somebody looks at the application: a page is opened, its scripts
// fetch something, or change it.
func (v *visitor) look() {
	switch rand.IntN(4) {
	case 0, 1:
		v.send(opens)
	case 2:
		v.send(posts)
		return
	}
	var scripts sync.WaitGroup
	for range 2 {
		scripts.Go(func() { v.send(fetches) })
	}
	scripts.Wait()
}

// send sends one request, counts what became of it, and reports whether it passed.
func (v *visitor) send(k kind) bool {
	v.busy.RLock()
	defer v.busy.RUnlock()
	var r *http.Request
	switch address := v.f.origin + "/"; k {
	case opens:
		r = v.browser.Page(address)
	case fetches:
		r = v.browser.Script(http.MethodGet, address, "")
	case posts:
		r = v.browser.Script(http.MethodPost, address, "a=1")
	}
	reply, err := v.browser.Try(r)
	return v.now.Load().count(k, v.session, reply, err)
}

// everybodyIsSignedIn opens a page in each browser until it passes, as people do who wait, and
// asserts that nobody has to sign in.
func (them *visitors) everybodyIsSignedIn() *tally {
	t := them.next(func() {})
	var all sync.WaitGroup
	for _, v := range them.all {
		all.Go(func() {
			for began := time.Now(); !v.send(opens) && time.Since(began) < patience; {
				time.Sleep(time.Second)
			}
		})
	}
	all.Wait()
	assert.Equal(them.t, int64(len(them.all)), t.passed.Load(), "not everybody is signed in: %s", t)
	return t
}

// count counts a request by its answer.
func (t *tally) count(k kind, session string, reply kit.Reply, err error) (passed bool) {
	t.requests.Add(1)
	if err != nil {
		var where *url.Error // whose text has everything that a handshake was sent
		if errors.As(err, &where) {
			at, _, _ := strings.Cut(where.URL, "?")
			err = fmt.Errorf("%s: %w", at, where.Err)
		}
		t.fail(k, err.Error())
		return false
	}
	switch status := reply.StatusCode; {
	case status == http.StatusOK && reply.Header.Get(sessionHeader) == session:
		t.passed.Add(1)
		if reply.Header.Get(staleHeader) != "" {
			t.stale.Add(1)
		}
		return true
	case status == http.StatusOK && reply.Header.Get(sessionHeader) != "":
		t.mixedUp.Add(1)
	case status == http.StatusServiceUnavailable && reply.Header.Get("Retry-After") != "":
		t.hold(k)
	case status == http.StatusUnauthorized && k != opens:
		t.refusedFetches.Add(1)
	case status == http.StatusUnauthorized, strings.HasPrefix(reply.Request.URL.Path, "/sign-in"), status == http.StatusOK:
		t.signedOut.Add(1)
	default:
		t.fail(k, reply.Status)
	}
	return false
}

func (t *tally) hold(k kind) {
	switch k {
	case opens:
		t.heldPages.Add(1)
	case fetches:
		t.heldFetches.Add(1)
	case posts:
		t.heldPosts.Add(1)
	}
}

func (t *tally) fail(k kind, how string) {
	t.failed.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen[string(k)+": "+how]++
}

func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := fmt.Sprintf("%d requests, %d passed (%d stale), held: %d pages, %d fetches, %d POSTs; %d fetches refused, %d failed, %d signed out, %d mixed up",
		t.requests.Load(), t.passed.Load(), t.stale.Load(), t.heldPages.Load(), t.heldFetches.Load(), t.heldPosts.Load(),
		t.refusedFetches.Load(), t.failed.Load(), t.signedOut.Load(), t.mixedUp.Load())
	if len(t.seen) > 0 {
		text += fmt.Sprint("; ", t.seen)
	}
	return text
}

// nobodyIsSignedOut asserts what holds in every part of every script.
func (t *tally) nobodyIsSignedOut(test testing.TB, part string) {
	test.Helper()
	test.Logf("%s: %s (slow machine: %v)", part, t, t.slow.Load())
	assert.Zero(test, t.signedOut.Load(), "%s: signed out", part)
	assert.Zero(test, t.mixedUp.Load(), "%s: requests with another's session", part)
	assert.Zero(test, t.failed.Load(), "%s: failed: %v", part, t.seen)
}

// allIsWell asserts what holds while neither Clerk nor the store fails.
func (t *tally) allIsWell(test testing.TB, part string) {
	test.Helper()
	t.nobodyIsSignedOut(test, part)
	if t.slow.Load() {
		return // calls may have failed all the same
	}
	t.fewAreRefused(test, part)
}

// fewAreRefused asserts that nearly all requests pass. One in a hundred may meet a
// call to the store that took longer than 75 ms.
func (t *tally) fewAreRefused(test testing.TB, part string) {
	test.Helper()
	assert.LessOrEqual(test, t.held()+t.refusedFetches.Load(), 2+t.requests.Load()/100, "%s: held or refused", part)
}
