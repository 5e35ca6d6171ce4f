package middleware

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/jwks"
	"github.com/clerkgate/clerkgate/internal/once"
	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/pathpattern"
	"github.com/clerkgate/clerkgate/internal/shared"
	"github.com/clerkgate/clerkgate/internal/token"
)

// Authenticator judges requests for one Clerk instance. It is safe for
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
	isVariant bool // its parts belong to another Authenticator
}

// memory is what an Authenticator has learned from Clerk. Its variants share it:
// nothing in it depends on what they differ in.
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

// Close ends everything that goes on in the background, and calls to the Backend
// API, and waits for that. Requests still being judged are judged by what is known.
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

// Ready returns nil once tokens can be verified: the PEM key is set, or the
// JWKS has been loaded. It fetches the JWKS if that has not happened yet.
func (a *Authenticator) Ready(ctx context.Context) error {
	if a.keys == nil {
		return nil
	}
	return a.keys.Ready(ctx)
}

// CookieSuffix is what Clerk appends, after an underscore, to the names of this
// instance's cookies.
func (a *Authenticator) CookieSuffix() string { return a.instance.suffix }

// Client is the client of the Backend API that a itself uses. It is closed with a.
func (a *Authenticator) Client() *clerkapi.Client { return a.api }

// FrontendAPI is the host of the Frontend API inside the publishable key.
func (a *Authenticator) FrontendAPI() string { return a.instance.keyHost }

// IsProduction says whether the keys are of a production instance.
func (a *Authenticator) IsProduction() bool { return a.instance.production }

// Authenticate judges r and writes nothing. A live token that was seen before
// costs no network call. It returns when r's context ends, with a state that is
// not signed in.
func (a *Authenticator) Authenticate(r *http.Request) *State { return a.AuthenticateAt(r, nil) }

// AuthenticateAt is for the other packages of this module; everybody else calls
// [Authenticator.Authenticate]. It takes the public URL of r from a caller that has
// worked it out already, with the same trusted proxies, so that each request pays for
// it once. A nil public is worked out here.
func (a *Authenticator) AuthenticateAt(r *http.Request, public *origin.Public) *State {
	if public == nil {
		public = a.origin.Public(r)
	}
	s := a.decide(r, public)
	if a.opts.SessionLookup == LookupCached && s.Status == SignedIn {
		s = a.checkSession(r.Context(), s)
	}
	if a.opts.Observer != nil {
		a.opts.Observer(r, s)
	}
	return s
}

// Handler judges each request, answers those that Clerk must see first
// (handshakes) and hands the others to next, signed in or not; [FromContext]
// tells next who it is, [Require] turns away who is not.
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
			unwritten.seal() // the server is going to write the header of an answer without a body
		}
	})
}

func (a *Authenticator) now() time.Time { return a.opts.Now() }

func (a *Authenticator) log() *slog.Logger { return a.opts.Logger }

// decode reads a token without trusting it; a token that was verified before is
// not read again.
func (a *Authenticator) decode(raw string) (*token.Unverified, error) { return a.verifier.Decode(raw) }

// unverified is decode for callers to whom a token that is none is just absent.
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
		a.log().Warn("a session token has no azp claim, so it cannot be told which site it was made for; Clerk is going to refuse such tokens")
	})
}
