package middleware

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/jwks"
	"github.com/clerkgate/clerkgate/internal/once"
	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/pathpattern"
	"github.com/clerkgate/clerkgate/internal/shared"
	"github.com/clerkgate/clerkgate/internal/token"
)

// Authenticator authenticates requests for one Clerk instance. It is safe for
// concurrent use. Close it when it is no longer needed.
type Authenticator struct {
	opts         Options
	instance     instance
	accepts      accepts
	signInOrigin string
	origin       *origin.Resolver
	keys         keySource // nil when only opaque tokens can be verified
	verifier     *token.Verifier
	api          *clerkapi.Client

	organizations, personal *pathpattern.Matcher

	*memory
	isVariant bool // shares the parts of another Authenticator, which closes them
}

// memory is what an Authenticator has learned from Clerk. Its variants share it, since
// nothing in it depends on the fields of a [Variant].
type memory struct {
	refreshes *once.Memory[refreshKey, *refreshed]
	opaque    *once.Memory[opaqueKey, *opaqueAnswer]
	nonces    *nonces
	sessions  *lookups
	budget    *backendBudget
	endings   *endings
	// revocations is consulted for every session token.
	revocations *ledger
	health      *health
	proofs      *proofs // of machine tokens, for the grace
	counts      *counts
	rechecks    *rate.Limiter

	// shared is what all replicas share; nil without a store.
	shared *shared.Store

	warnAZP sync.Once
}

// keySource is where tokens' keys come from: the JWKS, or one PEM.
type keySource interface {
	token.KeySource
	Ready(context.Context) error
	Close()
}

var (
	_ keySource = (*jwks.Source)(nil)
	_ keySource = (*jwks.Static)(nil)
)

// Close ends all work in the background and all calls to the Backend API, and waits for
// them to end. Requests that are still being authenticated are decided by what is known.
func (a *Authenticator) Close() {
	if a.isVariant {
		return
	}
	if a.keys != nil {
		a.keys.Close()
	}
	a.sessions.answers.Close()
	a.refreshes.Close()
	a.nonces.Close()
	a.opaque.Close()
	a.endings.close()
	a.revocations.close()
	if a.shared != nil {
		a.shared.Close()
	}
	a.health.frontend.close()
	a.api.CloseIdleConnections()
}

// startPatience bounds the wait for the store's log, of which 100,000 entries take 0.3 s.
const startPatience = 2 * time.Second

// AwaitRevocations returns once a has read what other replicas have revoked before it was
// made, so that no request gets through in between. It does not wait for a store that fails,
// nor for longer than two seconds. Call it before serving; [Authenticator.Ready] does so too.
func (a *Authenticator) AwaitRevocations(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	a.revocations.wait(ctx)
}

// Ready returns nil once tokens can be verified: the PEM key is set, or the
// JWKS has been loaded. It fetches the JWKS if that has not happened yet, and waits for the
// store as [Authenticator.AwaitRevocations] does.
func (a *Authenticator) Ready(ctx context.Context) error {
	a.AwaitRevocations(ctx)
	if a.keys == nil {
		return nil
	}
	return a.keys.Ready(ctx)
}

// CookieSuffix returns what Clerk appends, after an underscore, to the names of this
// instance's cookies.
func (a *Authenticator) CookieSuffix() string { return a.instance.suffix }

// Client returns the client of the Backend API that a itself uses. It is closed with a.
func (a *Authenticator) Client() *clerkapi.Client { return a.api }

// FrontendAPI returns the host of the Frontend API from the publishable key.
func (a *Authenticator) FrontendAPI() string { return a.instance.keyHost }

// IsProduction reports whether the keys belong to a production instance.
func (a *Authenticator) IsProduction() bool { return a.instance.production }

// Authenticate finds out who is behind r and writes nothing. A live token that was seen
// before costs no network call. If r's context ends first, it returns a state that is not
// signed in.
func (a *Authenticator) Authenticate(r *http.Request) *State { return a.AuthenticateAt(r, nil) }

// AuthenticateAt is for the other packages of this module; applications call
// [Authenticator.Authenticate]. It takes the public URL of r from a caller that has
// already derived it, with the same trusted proxies, so that this is done once per
// request. If public is nil, it is derived here.
func (a *Authenticator) AuthenticateAt(r *http.Request, public *origin.Public) *State {
	if public == nil {
		public = a.origin.Public(r)
	}
	s := a.doubt(r.Context(), a.decide(r, public))
	a.counts.decided(s)
	if a.opts.Observer != nil {
		a.opts.Observer(r, s)
	}
	return s
}

// Handler authenticates each request. It answers those that must go through Clerk first
// (handshakes), and passes the others to next, signed in or not. In next, [FromContext]
// returns who is behind the request; [Require] turns away requests that are signed out.
func (a *Authenticator) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		state := a.Authenticate(r)
		if a.Answer(w, r, state) {
			return
		}
		ctx := context.WithValue(r.Context(), contextKey{}, &contextValue{authenticator: a, state: state})
		answer := state.Writer(w)
		next.ServeHTTP(answer, r.WithContext(ctx))
		if unwritten, ok := answer.(*cookieWriter); ok {
			unwritten.seal() // the handler wrote nothing, so the server writes the header
		}
	})
}

func (a *Authenticator) now() time.Time { return a.opts.Now() }

func (a *Authenticator) log() *slog.Logger { return a.opts.Logger }

// decode reads a token without trusting it; a token that was verified before is
// not read again.
func (a *Authenticator) decode(raw string) (*token.Unverified, error) { return a.verifier.Decode(raw) }

// unverified is decode for callers that treat a malformed token as absent.
func (a *Authenticator) unverified(raw string) *token.Unverified {
	if raw == "" {
		return nil
	}
	t, err := a.decode(raw)
	if err != nil {
		return nil
	}
	return t
}

func (a *Authenticator) warnMissingAZP() {
	a.warnAZP.Do(func() {
		a.log().Warn("a session token has no azp claim, so that the site it was issued for cannot be checked; a future version of Clerk's SDK will refuse such tokens")
	})
}
