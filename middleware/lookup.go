package middleware

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/once"
)

const (
	// lookupPatience is how long a request waits for the look-up of a session about
	// which nothing is known: most look-ups take less.
	lookupPatience = 250 * time.Millisecond
	// lookupTimeout bounds a look-up: it is Clerk's slowness that must be found out.
	lookupTimeout = 2 * time.Second
	// lookupPlaces is how many look-ups are in flight at most.
	lookupPlaces = 32
	// endedMemory is how long it is remembered that a session has ended. Clerk does
	// not revive sessions, and a token made before may live for up to a day.
	endedMemory = 24 * time.Hour
)

// lookups finds out whether the sessions of live tokens still live. Requests are
// served first: an answer that is known is given at once, and renewed beside before
// it is too old; for one that is not, a request waits for lookupPatience at most.
// While look-ups fail, they pause, and what was known goes on counting.
//
// So an ended session is turned away within Options.SessionLookupTTL where Clerk
// answers within lookupPatience, and otherwise as soon as Clerk has answered.
type lookups struct {
	api     *clerkapi.Client
	ttl     time.Duration
	now     func() time.Time
	log     *slog.Logger
	answers *once.Memory[string, lookedUp] // by session id
	breaker breaker
	places  places
}

// lookedUp is what is known about a session.
type lookedUp struct {
	live  bool
	renew time.Time // when it is to be asked about again
	until time.Time
}

func newLookups(o *Options, api *clerkapi.Client) (*lookups, error) {
	answers, err := once.New(once.Config[string, lookedUp]{
		Entries: o.SessionCacheSize, Timeout: min(lookupTimeout, o.BackendTimeout), Now: o.Now,
	})
	if err != nil {
		return nil, err
	}
	return &lookups{
		api: api, ttl: o.SessionLookupTTL, now: o.Now, log: o.Logger, answers: answers,
		breaker: breaker{now: o.Now, random: rand.Float64}, places: make(places, lookupPlaces),
	}, nil
}

// checkSession turns a signed-in state away whose session has ended. A failing
// Backend API does not turn a verified token away.
func (a *Authenticator) checkSession(ctx context.Context, s *State) *State {
	if s.Auth.SessionID == "" || s.Refreshed || s.TokenType != SessionToken {
		return s
	}
	if a.sessions.isLive(ctx, s.Auth.SessionID) {
		return s
	}
	return signedOut(SessionToken, ReasonSessionRevoked, "The session behind this token has ended.", nil)
}

// isLive reports whether the session may go on, as far as is known.
func (l *lookups) isLive(ctx context.Context, id string) bool {
	known, ok := l.answers.Remembered(id)
	switch {
	case ok && l.now().Before(known.renew):
		return known.live
	case l.breaker.isOpen():
		return !ok || known.live
	case ok:
		l.answers.Renew(ctx, id, l.question(id, known))
		return known.live
	}
	known, err := l.answers.DoWithin(ctx, id, lookupPatience, l.question(id, lookedUp{live: true}))
	return err != nil || known.live
}

// question asks Clerk about a session; without an answer, what was known still counts.
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
	period, ok := l.breaker.begin()
	if !ok {
		return lookedUp{}, false
	}
	began := l.now() // an answer is as old as its question
	session, response, err := l.api.GetSession(ctx, id)
	switch {
	case err == nil:
		l.breaker.succeeded()
		return l.answer(began, session.Status == clerkapi.SessionActive || session.Status == clerkapi.SessionPending), true
	case errors.Is(err, clerkapi.ErrNotFound):
		l.breaker.succeeded()
		return l.answer(began, false), true
	}
	l.log.WarnContext(ctx, "session look-up failed; the verified token still counts", "session_id", id, "error", err)
	if isAboutTheSession(response, err) {
		l.breaker.succeeded()
		return l.answer(began, true), true
	}
	var rest time.Duration
	if response != nil {
		rest = response.RetryAfter
	}
	l.breaker.failed(period, rest)
	return lookedUp{}, false
}

// answer says how long an answer holds, and when it is renewed if requests still
// come: near the end of its time, so that busy sessions cost few calls more.
func (l *lookups) answer(began time.Time, live bool) lookedUp {
	if !live {
		return lookedUp{renew: began.Add(l.ttl), until: began.Add(max(endedMemory, l.ttl))}
	}
	return lookedUp{live: true, renew: began.Add(l.ttl - l.ttl/5), until: began.Add(l.ttl)}
}

// isAboutTheSession reports a failure that comes again with the same session, and
// that says nothing about others.
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
