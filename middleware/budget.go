package middleware

import (
	"context"
	"log/slog"
	"math"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"github.com/clerkgate/clerkgate/clerkapi"
)

// DefaultBackendRateLimit is how many calls Clerk's Backend API takes from a
// production instance in ten seconds (Clerk's documentation, "System limits"). The
// JWKS does not count.
const DefaultBackendRateLimit = 1000

// rateWindow is the period that the limit applies to.
const rateWindow = 10 * time.Second

// Calls that anyone can cause have budgets of their own, apart from the calls for known
// sessions and tokens, so that a stranger cannot use up the instance's limit. Each kind
// of call has a part of the limit, so that a flood of one kind does not affect the others.
const (
	// strangersPart is for nonces, and for opaque tokens that Clerk has not verified
	// before. Both can be made up. Together they have less than a third of the limit.
	strangersPart = 7
	// unknownPart is for refreshes of sessions that have had no live token here yet, which
	// after a start are all sessions. Each needs an expired token signed by Clerk.
	unknownPart = 3
	// sessionPart is for the refreshes of one session: an expired token can be sent with
	// any number of made-up refresh tokens and hosts.
	sessionPart = 50
)

// lookUpsTo and lookUpsOf are the part of the limit, four fifths, up to which calls of all
// kinds leave room for look-ups. Nobody waits long for those, but a session that is not
// refreshed is held up.
const lookUpsTo, lookUpsOf = 4, 5

// The numbers of concurrent calls. Clerk responds within about 50 ms, so that five are
// enough to reach the rate limit.
const (
	strangersPlaces = 64
	knownPlaces     = 128
)

// knownTokensSize is how many verified opaque tokens are remembered, by their hashes.
const knownTokensSize = 20_000

// How long a failed call is remembered if it may succeed soon.
const (
	transientMemory = time.Second
	rateLimitMemory = 10 * time.Second // the most that a Retry-After counts for
)

// backendBudget limits the calls to the Backend API that requests cause. A request whose
// call is not made is judged as if the call had failed.
type backendBudget struct {
	now                       func() time.Time
	log                       *slog.Logger
	nonces, refreshes, opaque *rate.Limiter // for what is not known yet
	strangers, known          places
	sessions                  *standings
	tokens                    *lru.Cache[opaqueKey, struct{}] // verified by Clerk
	told                      *rate.Limiter
	made                      recent // the calls of all kinds
	lookUps                   int    // how many of them leave room for look-ups
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
		made: recent{epoch: o.Now()}, lookUps: max(1, o.BackendRateLimit*lookUpsTo/lookUpsOf),
	}, nil
}

// newShare returns a limiter for a part of the limit. Half of it can be used at once and
// the other half is refilled in the course of a window, so that no window has more.
func newShare(limit, part int) *rate.Limiter {
	half := max(1, limit/part/2)
	return rate.NewLimiter(rate.Limit(float64(half)/rateWindow.Seconds()), half)
}

// nonce allows the exchange of a nonce. If ok is false, the call must not be made;
// otherwise leave must be called after it.
func (b *backendBudget) nonce(ctx context.Context) (leave func(), ok bool) {
	if !b.nonces.AllowN(b.now(), 1) {
		return b.refuse(ctx, "handshake nonces")
	}
	return b.place(ctx, b.strangers, "handshake nonces")
}

// mayTakeNonce reports whether a nonce could be exchanged now.
func (b *backendBudget) mayTakeNonce() bool { return b.nonces.TokensAt(b.now()) >= 1 }

// refresh is like nonce, for a refresh. busy reports that other sessions have used up the
// budget, rather than this session its own.
func (b *backendBudget) refresh(ctx context.Context, q *refreshQuestion) (leave func(), busy, ok bool) {
	// First, or the session's own budget would be spent on a call that is not made.
	if !b.sessions.knows(q) && b.refreshes.TokensAt(b.now()) < 1 {
		leave, ok = b.refuse(ctx, "refreshes of unknown sessions")
		return leave, true, ok
	}
	known, ok := b.sessions.mayRefresh(q)
	switch {
	case !ok:
		leave, ok = b.refuse(ctx, "refreshes of one session")
		return leave, false, ok
	case known:
		leave, ok = b.place(ctx, b.known, "refreshes")
	case !b.refreshes.AllowN(b.now(), 1):
		leave, ok = b.refuse(ctx, "refreshes of unknown sessions")
	default:
		leave, ok = b.place(ctx, b.strangers, "refreshes of unknown sessions")
	}
	return leave, !ok, ok
}

// opaqueToken is like nonce, for the verification of an opaque token.
func (b *backendBudget) opaqueToken(ctx context.Context, key opaqueKey) (leave func(), ok bool) {
	switch {
	case b.tokens.Contains(key):
		return b.place(ctx, b.known, "opaque tokens")
	case !b.opaque.AllowN(b.now(), 1):
		return b.refuse(ctx, "unknown opaque tokens")
	}
	return b.place(ctx, b.strangers, "unknown opaque tokens")
}

// lookUp reports whether there is room for a look-up, and counts it.
func (b *backendBudget) lookUp() bool { return b.made.addBelow(b.now(), b.lookUps) }

// verified records whether Clerk has verified an opaque token.
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
	b.made.addBelow(b.now(), math.MaxInt)
	return leave, true
}

// refuse logs that calls are not made, once per window.
func (b *backendBudget) refuse(ctx context.Context, what string) (leave func(), ok bool) {
	if b.told.AllowN(b.now(), 1) {
		b.log.WarnContext(ctx, "requests cause too many calls to Clerk's Backend API; some are not made", "what", what)
	}
	return nil, false
}

// failureMemory returns how long a failed call is remembered: for definite if Clerk has
// refused it, or for a short time if it may succeed soon. response is nil if there was none.
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
