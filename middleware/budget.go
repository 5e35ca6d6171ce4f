package middleware

import (
	"context"
	"log/slog"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/clerkgate/clerkgate/clerkapi"
)

// DefaultBackendRateLimit is how many calls Clerk's Backend API takes from a
// production instance in ten seconds (Clerk's documentation, "System limits"). The
// JWKS does not count.
const DefaultBackendRateLimit = 1000

// rateWindow is the time that the limit is about.
const rateWindow = 10 * time.Second

// What anybody can make this server ask Clerk has budgets apart from what known
// sessions and tokens need, so that a stranger cannot use up the instance's limit. Each
// kind of question has its own, a part of the limit, so that a flood of one leaves the
// others alone.
const (
	// strangersPart is for nonces, and for opaque tokens that Clerk has not verified
	// before. Both can be made up: together with one session they have less than a third.
	strangersPart = 7
	// unknownPart is for refreshes of sessions of which no live token was seen yet: all
	// of them, after a start. Each takes an expired token that Clerk has signed.
	unknownPart = 3
	// sessionPart is for one session, since one expired token makes as many questions
	// as there are refresh cookies and hosts to go with it.
	sessionPart = 50
)

// How many calls are in flight at one time. Clerk answers within about 50 ms, so that
// the limit above is met with five.
const (
	strangersPlaces = 64
	knownPlaces     = 128
)

// knownTokensSize is how many opaque tokens that Clerk has verified are known.
const knownTokensSize = 20_000

// How long a failed call is remembered as what it was. What Clerk has said of a
// question it says again; what did not work may work in a moment.
const (
	transientMemory = time.Second
	rateLimitMemory = 10 * time.Second // at most, of a 429 with Retry-After
)

// backendBudget bounds the calls to the Backend API that requests cause. What has no
// budget left, or gets no place in time, is judged as if the call had failed.
type backendBudget struct {
	now                       func() time.Time
	log                       *slog.Logger
	nonces, refreshes, opaque *rate.Limiter // of what is not known
	strangers, known          places
	sessions                  *standings
	tokens                    *lru.Cache[opaqueKey, struct{}] // that Clerk has verified
	told                      *rate.Limiter
}

func newBackendBudget(o *Options) (*backendBudget, error) {
	tokens, err := lru.New[opaqueKey, struct{}](knownTokensSize)
	if err != nil {
		return nil, err
	}
	sessions, err := newStandings(o)
	if err != nil {
		return nil, err
	}
	return &backendBudget{
		now: o.Now, log: o.Logger,
		nonces:    newShare(o.BackendRateLimit, strangersPart),
		refreshes: newShare(o.BackendRateLimit, unknownPart),
		opaque:    newShare(o.BackendRateLimit, strangersPart),
		strangers: make(places, strangersPlaces), known: make(places, knownPlaces),
		sessions: sessions, tokens: tokens, told: rate.NewLimiter(rate.Every(rateWindow), 1),
	}, nil
}

// newShare is a part of the limit: half of it may be used at once, the other half
// comes back in the course of the window, so that in any ten seconds it is no more.
func newShare(limit, part int) *rate.Limiter {
	half := max(1, limit/part/2)
	return rate.NewLimiter(rate.Limit(float64(half)/rateWindow.Seconds()), half)
}

// nonce begins the exchange of a nonce, which anybody can make up. Where ok is false
// no call may be made; else leave must be called after it.
func (b *backendBudget) nonce(ctx context.Context) (leave func(), ok bool) {
	if !b.nonces.AllowN(b.now(), 1) {
		return b.refuse(ctx, "handshake nonces")
	}
	return b.place(ctx, b.strangers, "handshake nonces")
}

// refresh is nonce for a refresh.
func (b *backendBudget) refresh(ctx context.Context, q *refreshQuestion) (leave func(), ok bool) {
	known, ok := b.sessions.mayRefresh(q)
	switch {
	case !ok:
		return b.refuse(ctx, "refreshes of one session")
	case known:
		return b.place(ctx, b.known, "refreshes")
	case !b.refreshes.AllowN(b.now(), 1):
		return b.refuse(ctx, "refreshes of unknown sessions")
	}
	return b.place(ctx, b.strangers, "refreshes of unknown sessions")
}

// opaqueToken is nonce for the verification of an opaque token.
func (b *backendBudget) opaqueToken(ctx context.Context, key opaqueKey) (leave func(), ok bool) {
	switch {
	case b.tokens.Contains(key):
		return b.place(ctx, b.known, "opaque tokens")
	case !b.opaque.AllowN(b.now(), 1):
		return b.refuse(ctx, "unknown opaque tokens")
	}
	return b.place(ctx, b.strangers, "unknown opaque tokens")
}

// verified notes what Clerk said of an opaque token.
func (b *backendBudget) verified(key opaqueKey, good bool) {
	if good {
		b.tokens.Add(key, struct{}{})
	} else {
		b.tokens.Remove(key)
	}
}

func (b *backendBudget) place(ctx context.Context, p places, what string) (leave func(), ok bool) {
	if leave, ok = p.take(ctx); !ok {
		return b.refuse(ctx, what)
	}
	return leave, true
}

// refuse says so in the log, but not for each request of a flood.
func (b *backendBudget) refuse(ctx context.Context, what string) (leave func(), ok bool) {
	if b.told.AllowN(b.now(), 1) {
		b.log.WarnContext(ctx, "calls to Clerk's Backend API are held back, since requests ask for too many of them", "what", what)
	}
	return nil, false
}

// failureMemory is how long a failed call is remembered: for definite where Clerk has
// answered, and otherwise for a moment. response is nil when none came.
func failureMemory(response *clerkapi.Response, definite time.Duration) time.Duration {
	if response == nil {
		return transientMemory
	}
	switch status := response.StatusCode; {
	case status == 429:
		return min(max(response.RetryAfter, transientMemory), rateLimitMemory)
	case status/100 == 4 && status != 408:
		return definite
	}
	return transientMemory
}
