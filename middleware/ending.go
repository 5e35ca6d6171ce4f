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
	"github.com/clerkgate/clerkgate/internal/guard"
	"github.com/clerkgate/clerkgate/internal/revocation"
)

const (
	// maxEndings is how many sessions that were ended at Clerk are remembered, so that Clerk
	// is not told twice.
	maxEndings = 10_000
	// maxRetries is the number of sessions whose end is retried at the same time while Clerk
	// cannot be reached.
	maxRetries = 256
	// The wait before a retry starts at firstRetry and doubles up to slowestRetry, until the
	// waits add up to retryFor.
	firstRetry   = time.Second
	slowestRetry = time.Minute
	retryFor     = time.Hour
)

// endings ends sessions: here at once, and at Clerk. It is safe for concurrent use.
type endings struct {
	api         *clerkapi.Client
	timeout     time.Duration
	now         func() time.Time
	log         *slog.Logger
	revocations *ledger
	guard       *guard.Guard

	mu       sync.Mutex
	sessions map[string]ending
	closed   bool

	closing context.Context // ends the retries
	stop    context.CancelFunc
	retries sync.WaitGroup
	places  places
}

// ending is the progress of telling Clerk that a session ends.
type ending struct {
	until    time.Time // it is forgotten then
	atClerk  bool
	retrying bool
}

func newEndings(o *Options, api *clerkapi.Client, revocations *ledger, calls *guard.Guard) *endings {
	e := &endings{
		api: api, timeout: o.BackendTimeout, now: o.Now, log: o.Logger, revocations: revocations, guard: calls,
		sessions: make(map[string]ending), places: make(places, maxRetries),
	}
	e.closing, e.stop = context.WithCancel(context.Background())
	return e
}

// end ends a session. replicas is why the others could not be told, and clerk why Clerk
// could not; if that may be temporary, the call is retried in the background. Once Clerk
// knows, other replicas accept the session's tokens until they expire. A client that
// disconnects does not stop it.
func (e *endings) end(ctx context.Context, sessionID string) (replicas, clerk error) {
	ctx = context.WithoutCancel(ctx)
	if replicas = e.revocations.record(ctx, revocation.Entry{Kind: revocation.Session, ID: sessionID, At: e.now()}); replicas != nil {
		e.log.ErrorContext(ctx, "other replicas could not be told that a session has ended", "session_id", sessionID, "error", replicas)
	}
	return replicas, e.endAtClerk(ctx, sessionID)
}

func (e *endings) endAtClerk(ctx context.Context, sessionID string) error {
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

// done records that Clerk has been told.
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

// makeRoom removes expired entries or, if there are none, an arbitrary one, for which Clerk
// may then be told twice.
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

// revoke tells Clerk, unless it is known to be down. A session that Clerk does not know has
// ended. retry reports whether a failure may be temporary.
func (e *endings) revoke(ctx context.Context, sessionID string) (retry bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	var response *clerkapi.Response
	if _, made := e.guard.Call(ctx, func() (*clerkapi.Response, error) {
		_, response, err = e.api.RevokeSession(ctx, sessionID)
		return response, err
	}); !made {
		return true, errClerkUnavailable
	}
	if err == nil || errors.Is(err, clerkapi.ErrNotFound) {
		return false, nil
	}
	return !isAboutTheSession(response, err), err
}

// retry tells Clerk again and again, unless that is being done already, or for too many
// sessions.
func (e *endings) retry(sessionID string) {
	select {
	case e.places <- struct{}{}:
	default:
		e.log.Error("ending the session at Clerk is not retried, because too many others are being retried", "session_id", sessionID)
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
			e.log.Error("session was not ended at Clerk before the shutdown", "session_id", sessionID)
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
	e.log.Error("session could not be ended at Clerk; giving up", "session_id", sessionID)
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
