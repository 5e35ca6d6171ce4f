package middleware

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/breaker"
	"github.com/clerkgate/clerkgate/internal/once"
)

const (
	// lookupPatience is how long a request waits for the look-up of an unknown session.
	// Most look-ups take less.
	lookupPatience = 250 * time.Millisecond
	// lookupTimeout bounds a look-up. It is short so that an outage is noticed soon.
	lookupTimeout = 2 * time.Second
	// lookupPlaces is the largest number of look-ups in progress.
	lookupPlaces = 32
	// endedMemory is how long it is remembered that a session has ended. Clerk does not
	// revive sessions, and a token that was issued before may live for up to a day.
	endedMemory = 24 * time.Hour
	// Look-ups are not urgent, so that one failure is enough to pause them.
	lookupPause        = 500 * time.Millisecond
	lookupLongestPause = 5 * time.Second // and up to half more, at random
)

// lookups finds out whether the session of a live token has ended. It never delays a
// request for long: a cached result is used at once, and renewed in the background
// before it is too old; without one, a request waits for lookupPatience at most and is
// then accepted. While look-ups fail they pause, and the last results remain in use.
//
// So an ended session is refused within Options.SessionLookupTTL if Clerk responds
// within lookupPatience, and otherwise as soon as it has responded.
type lookups struct {
	api     *clerkapi.Client
	ttl     time.Duration
	now     func() time.Time
	log     *slog.Logger
	answers *once.Memory[string, lookedUp] // by session id
	breaker *breaker.Breaker
	others  *others
	places  places
	budget  *backendBudget
}

// lookedUp is the result of a look-up.
type lookedUp struct {
	live  bool
	renew time.Time // when to look the session up again, if it is still in use
	until time.Time // when the result expires
}

func newLookups(o *Options, api *clerkapi.Client, health *health, budget *backendBudget) (*lookups, error) {
	answers, err := once.New(once.Config[string, lookedUp]{
		Entries: o.SessionCacheSize, Timeout: min(lookupTimeout, o.BackendTimeout), Now: o.Now,
	})
	if err != nil {
		return nil, err
	}
	return &lookups{
		api: api, ttl: o.SessionLookupTTL, now: o.Now, log: o.Logger, answers: answers, budget: budget,
		breaker: breaker.New(breaker.Config{Now: o.Now, Calls: 1, Open: lookupPause, Longest: lookupLongestPause, Server: &health.server}),
		others:  health.others, places: make(places, lookupPlaces),
	}, nil
}

// checkSession replaces a signed-in state whose session has ended. A failing Backend
// API does not sign anybody out.
func (a *Authenticator) checkSession(ctx context.Context, s *State) *State {
	if s.Auth.SessionID == "" || s.Refreshed || s.TokenType != SessionToken {
		return s
	}
	if a.sessions.isLive(ctx, s.Auth.SessionID) {
		return s
	}
	return endedSession()
}

const endedMessage = "The session behind this token has ended."

// endedSession is the state of a live token whose session has ended.
func endedSession() *State { return signedOut(SessionToken, ReasonSessionRevoked, endedMessage, nil) }

// isLive reports whether the session is live, as far as is known.
func (l *lookups) isLive(ctx context.Context, id string) bool {
	known, ok := l.answers.Remembered(id)
	switch {
	case ok && l.now().Before(known.renew):
		return known.live
	case l.breaker.Refuses():
		return !ok || known.live
	case ok:
		l.answers.Renew(ctx, id, l.question(id, known))
		return known.live
	}
	known, err := l.answers.DoWithin(ctx, id, lookupPatience, l.question(id, lookedUp{live: true}))
	return err != nil || known.live
}

// question returns the function that looks a session up. If that fails, the function
// returns what was known.
func (l *lookups) question(id string, known lookedUp) func(context.Context) (lookedUp, time.Time) {
	return func(ctx context.Context) (lookedUp, time.Time) {
		if fresh, ok := l.ask(ctx, id); ok {
			known = fresh
		}
		return known, known.until
	}
}

func (l *lookups) ask(ctx context.Context, id string) (answer lookedUp, ok bool) {
	leave, ok := l.places.take(ctx)
	if !ok {
		return lookedUp{}, false
	}
	defer leave()
	if l.breaker.Refuses() || !l.budget.lookUp() {
		return lookedUp{}, false
	}
	call, ok := l.breaker.Allow()
	if !ok {
		return lookedUp{}, false
	}
	answer, response, err := l.fetch(ctx, id)
	if err == nil {
		l.breaker.Done(call, breaker.Success)
		return answer, true
	}
	l.failed(call, response)
	return lookedUp{}, false
}

// failed records that Clerk did not deal with a look-up.
func (l *lookups) failed(call breaker.Call, response *clerkapi.Response) {
	switch {
	case response == nil:
	case response.StatusCode == http.StatusTooManyRequests:
		l.breaker.RestFor(response.RetryAfter)
		l.others.tell()
	case response.StatusCode == http.StatusServiceUnavailable && response.RetryAfter > 0:
		l.breaker.OpenFor(response.RetryAfter)
	}
	l.breaker.Done(call, breaker.Failure)
}

// fetch makes the call. An error means that Clerk has not said whether the session is live.
func (l *lookups) fetch(ctx context.Context, id string) (lookedUp, *clerkapi.Response, error) {
	began := l.now() // the result may be as old as the start of the call
	session, response, err := l.api.GetSession(ctx, id)
	switch {
	case err == nil:
		return l.answer(began, session.Status == clerkapi.SessionActive || session.Status == clerkapi.SessionPending), response, nil
	case errors.Is(err, clerkapi.ErrNotFound):
		return l.answer(began, false), response, nil
	}
	l.log.WarnContext(ctx, "session look-up failed; the verified token still counts", "session_id", id, "error", err)
	if isAboutTheSession(response, err) {
		return l.answer(began, true), response, nil
	}
	return lookedUp{live: true}, response, err
}

// answer returns a result with its times. It is renewed near the end of its time, so
// that a busy session costs few additional calls.
func (l *lookups) answer(began time.Time, live bool) lookedUp {
	if !live {
		return lookedUp{renew: began.Add(l.ttl), until: began.Add(max(endedMemory, l.ttl))}
	}
	return lookedUp{live: true, renew: began.Add(l.ttl - l.ttl/5), until: began.Add(l.ttl)}
}

// isAboutTheSession reports whether a failure concerns this session only and would
// happen again.
func isAboutTheSession(response *clerkapi.Response, err error) bool {
	if response == nil {
		return errors.Is(err, clerkapi.ErrInvalidID)
	}
	switch status := response.StatusCode; status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	default:
		return status/100 == 4
	}
}
