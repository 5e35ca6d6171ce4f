package middleware

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/token"
)

const (
	// maxEndings is how many sessions are remembered that have ended here. One is forgotten
	// once its last token has expired, after a minute mostly.
	maxEndings = 10_000
	// maxRetries is how many sessions are tried again at one time, if Clerk cannot be
	// reached.
	maxRetries = 256
	// firstRetry doubles up to slowestRetry, until the waits come to retryFor.
	firstRetry   = time.Second
	slowestRetry = time.Minute
	retryFor     = time.Hour
)

// endings ends sessions: at Clerk, and here at once. Safe for concurrent use.
type endings struct {
	api     *clerkapi.Client
	timeout time.Duration
	now     func() time.Time
	log     *slog.Logger

	// sessions is read with each request and written with each sign-out, so that it is
	// copied rather than locked.
	sessions atomic.Pointer[map[string]ending]

	mu      sync.Mutex // held while sessions is replaced, and for closed
	closed  bool
	closing context.Context // ends the retries
	stop    context.CancelFunc
	retries sync.WaitGroup
	places  places
}

// ending is what is known of a session that has ended here.
type ending struct {
	until    time.Time // its tokens have expired by then
	atClerk  bool
	retrying bool
}

func newEndings(o *Options, api *clerkapi.Client) *endings {
	e := &endings{api: api, timeout: o.BackendTimeout, now: o.Now, log: o.Logger, places: make(places, maxRetries)}
	e.closing, e.stop = context.WithCancel(context.Background())
	return e
}

// has reports whether a session has ended here.
func (e *endings) has(sessionID string) bool {
	sessions := e.sessions.Load()
	if sessions == nil {
		return false
	}
	ended, ok := (*sessions)[sessionID]
	return ok && e.now().Before(ended.until)
}

// end ends the session of a token and reports whether Clerk knows. If not, it is tried
// again in the background. A client that goes away does not stop it.
func (e *endings) end(ctx context.Context, v *token.Verified) (atClerk bool) {
	c := v.Claims()
	lifetime := time.Duration((c.Expires-c.IssuedAt)*float64(time.Second)) + time.Minute
	if lifetime < time.Minute || lifetime > endedMemory {
		lifetime = endedMemory // iat may be absent or odd
	}
	known := e.update(c.SessionID, func(known ending) ending {
		known.until = e.now().Add(endedMemory) // Clerk may refresh it until it knows
		return known
	})
	if !known.atClerk {
		retry, err := e.revoke(context.WithoutCancel(ctx), c.SessionID)
		if err != nil {
			e.log.ErrorContext(ctx, "session could not be ended at Clerk", "session_id", c.SessionID, "error", err, "retry", retry)
			if retry {
				e.retry(c.SessionID, lifetime)
			}
			return false
		}
	}
	e.done(c.SessionID, lifetime)
	return true
}

// done notes that Clerk knows. Tokens that it gave before live for lifetime at most.
func (e *endings) done(sessionID string, lifetime time.Duration) {
	e.update(sessionID, func(ending) ending { return ending{until: e.now().Add(lifetime), atClerk: true} })
}

// update replaces what is known of a session, and returns what was known.
func (e *endings) update(sessionID string, change func(ending) ending) (before ending) {
	e.mu.Lock()
	defer e.mu.Unlock()
	next := map[string]ending{}
	if sessions := e.sessions.Load(); sessions != nil {
		next = maps.Clone(*sessions)
	}
	now := e.now()
	maps.DeleteFunc(next, func(_ string, known ending) bool { return !now.Before(known.until) })
	before = next[sessionID]
	for id := range next {
		if len(next) < maxEndings {
			break
		}
		delete(next, id) // its tokens expire by themselves
	}
	next[sessionID] = change(before)
	e.sessions.Store(&next)
	return before
}

// revoke tells Clerk. A session that Clerk does not know has ended. retry says whether a
// failure may pass.
func (e *endings) revoke(ctx context.Context, sessionID string) (retry bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	_, response, err := e.api.RevokeSession(ctx, sessionID)
	if err == nil || errors.Is(err, clerkapi.ErrNotFound) {
		return false, nil
	}
	return !isAboutTheSession(response, err), err
}

// retry tells Clerk again and again, unless that is being done or too much is.
func (e *endings) retry(sessionID string, lifetime time.Duration) {
	select {
	case e.places <- struct{}{}:
	default:
		e.log.Error("session is not tried again, because too many are", "session_id", sessionID)
		return
	}
	known := e.update(sessionID, func(known ending) ending { known.retrying = true; return known })
	if known.retrying || !e.start(func() {
		defer func() { <-e.places }()
		e.retryUntilDone(sessionID, lifetime)
	}) {
		<-e.places
	}
}

// start runs a retry, unless e is closed.
func (e *endings) start(retry func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.retries.Go(retry)
	}
	return !e.closed
}

func (e *endings) retryUntilDone(sessionID string, lifetime time.Duration) {
	wait, waited := firstRetry, time.Duration(0)
	for waited < retryFor {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-e.closing.Done():
			timer.Stop()
			e.log.Error("session was not ended at Clerk before the end", "session_id", sessionID)
			return
		}
		waited += wait
		wait = min(2*wait, slowestRetry)
		retry, err := e.revoke(e.closing, sessionID)
		if err == nil {
			e.done(sessionID, lifetime)
			return
		}
		if !retry {
			break
		}
	}
	e.log.Error("session could not be ended at Clerk; it is not tried again", "session_id", sessionID)
	e.update(sessionID, func(known ending) ending { known.retrying = false; return known })
}

// close ends the retries and waits for them.
func (e *endings) close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.stop()
	e.retries.Wait()
}
