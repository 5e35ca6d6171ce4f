package middleware

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/revocation"
)

const (
	// maxEndings is how many sessions are remembered that were ended at Clerk, so that it is
	// not told twice.
	maxEndings = 10_000
	// maxRetries is how many sessions are tried again at one time, if Clerk cannot be
	// reached.
	maxRetries = 256
	// firstRetry doubles up to slowestRetry, until the waits come to retryFor.
	firstRetry   = time.Second
	slowestRetry = time.Minute
	retryFor     = time.Hour
)

// endings ends sessions: here at once, and at Clerk. Safe for concurrent use.
type endings struct {
	api         *clerkapi.Client
	timeout     time.Duration
	now         func() time.Time
	log         *slog.Logger
	revocations *ledger

	mu       sync.Mutex
	sessions map[string]ending
	closed   bool

	closing context.Context // ends the retries
	stop    context.CancelFunc
	retries sync.WaitGroup
	places  places
}

// ending is how far Clerk has been told that a session ends.
type ending struct {
	until    time.Time // it is forgotten then
	atClerk  bool
	retrying bool
}

func newEndings(o *Options, api *clerkapi.Client, revocations *ledger) *endings {
	e := &endings{
		api: api, timeout: o.BackendTimeout, now: o.Now, log: o.Logger, revocations: revocations,
		sessions: make(map[string]ending), places: make(places, maxRetries),
	}
	e.closing, e.stop = context.WithCancel(context.Background())
	return e
}

// end ends a session. The error says that Clerk could not be told; if that may pass, it is
// tried again in the background. That other replicas could not be told is logged, and does
// not matter once Clerk knows. A client that goes away does not stop it.
func (e *endings) end(ctx context.Context, sessionID string) error {
	ctx = context.WithoutCancel(ctx)
	if err := e.revocations.record(ctx, revocation.Entry{Kind: revocation.Session, ID: sessionID, At: e.now()}); err != nil {
		e.log.ErrorContext(ctx, "other replicas could not be told that a session has ended", "session_id", sessionID, "error", err)
	}
	if known := e.update(sessionID, func(known ending) ending { return known }); known.atClerk {
		return nil
	}
	retry, err := e.revoke(ctx, sessionID)
	if err != nil {
		e.log.ErrorContext(ctx, "session could not be ended at Clerk", "session_id", sessionID, "error", err, "retry", retry)
		if retry {
			e.retry(sessionID)
		}
		return fmt.Errorf("end session at Clerk: %w", err)
	}
	e.done(sessionID)
	return nil
}

// done notes that Clerk knows.
func (e *endings) done(sessionID string) {
	e.update(sessionID, func(ending) ending { return ending{atClerk: true} })
}

// update replaces what is known of a session, and returns what was known.
func (e *endings) update(sessionID string, change func(ending) ending) (before ending) {
	e.mu.Lock()
	defer e.mu.Unlock()
	before = e.sessions[sessionID]
	after := change(before)
	after.until = e.now().Add(endedMemory)
	if len(e.sessions) >= maxEndings {
		e.makeRoom()
	}
	e.sessions[sessionID] = after
	return before
}

// makeRoom forgets what is old, or something: Clerk is then told twice.
func (e *endings) makeRoom() {
	now := e.now()
	maps.DeleteFunc(e.sessions, func(_ string, known ending) bool { return !now.Before(known.until) })
	for id, known := range e.sessions {
		if len(e.sessions) < maxEndings {
			return
		}
		if !known.retrying {
			delete(e.sessions, id)
		}
	}
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
func (e *endings) retry(sessionID string) {
	select {
	case e.places <- struct{}{}:
	default:
		e.log.Error("session is not tried again, because too many are", "session_id", sessionID)
		return
	}
	known := e.update(sessionID, func(known ending) ending { known.retrying = true; return known })
	if known.retrying || !e.start(func() {
		defer func() { <-e.places }()
		e.retryUntilDone(sessionID)
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

func (e *endings) retryUntilDone(sessionID string) {
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
			e.done(sessionID)
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
