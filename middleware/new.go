package middleware

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/jwks"
	"github.com/clerkgate/clerkgate/internal/once"
	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/revocation"
	"github.com/clerkgate/clerkgate/internal/token"
)

// Defaults of the fields of [Options] with these names.
const (
	DefaultClockSkew        = 5 * time.Second
	DefaultTokenCacheSize   = token.DefaultCacheSize
	DefaultSessionLookupTTL = 10 * time.Second

	defaultSessionCacheSize = 100_000
	defaultBackendTimeout   = 5 * time.Second
	defaultStaleKeys        = 24 * time.Hour
)

// New checks opts and returns an Authenticator. The error is an [*OptionsError] that lists
// all problems, in the order of the fields of Options. New waits for no network call. With
// a store, it starts reading the store's log in the background.
func New(opts Options) (*Authenticator, error) { return newAuthenticator(opts, nil, newCounts()) }

// Successor is [New] for an Authenticator that replaces a, such as after a change of keys.
// The two share one list of revocations, and most of what [Authenticator.Stats] returns.
func (a *Authenticator) Successor(opts Options) (*Authenticator, error) {
	return newAuthenticator(opts, a.revocations.List, a.counts)
}

// newAuthenticator returns an Authenticator with the given list of revocations, where nil
// means an empty one, that goes on counting in c.
func newAuthenticator(opts Options, revocations *revocation.List, c *counts) (*Authenticator, error) {
	a := &Authenticator{opts: opts.withDefaults(), memory: &memory{counts: c}}
	if problems := a.check(); len(problems) > 0 {
		return nil, &OptionsError{Problems: problems}
	}
	if err := a.build(revocations); err != nil {
		return nil, err
	}
	return a, nil
}

func (o Options) withDefaults() Options {
	switch o.ClockSkew {
	case 0:
		o.ClockSkew = DefaultClockSkew
	case NoClockSkew:
		o.ClockSkew = 0
	}
	if o.TokenCacheSize == 0 {
		o.TokenCacheSize = DefaultTokenCacheSize
	}
	if o.SessionCacheSize == 0 {
		o.SessionCacheSize = defaultSessionCacheSize
	}
	if o.SessionLookupTTL == 0 {
		o.SessionLookupTTL = DefaultSessionLookupTTL
	}
	if o.BackendTimeout == 0 {
		o.BackendTimeout = defaultBackendTimeout
	}
	if o.BackendRateLimit == 0 {
		o.BackendRateLimit = DefaultBackendRateLimit
	}
	if o.AfterSignOutURL == "" {
		o.AfterSignOutURL = "/"
	}
	if o.StaleKeys == 0 {
		o.StaleKeys = defaultStaleKeys
	}
	// An empty audience counts as absent, as it does where JWTs are verified.
	o.Audience = slices.DeleteFunc(slices.Clone(o.Audience), func(aud string) bool { return aud == "" })
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// build creates the parts from checked options.
func (a *Authenticator) build(revocations *revocation.List) (err error) {
	o := &a.opts
	a.origin = origin.New(o.TrustedProxies)
	if a.api, err = clerkapi.New(clerkapi.Options{
		SecretKey: o.SecretKey, MachineSecretKey: o.MachineSecretKey,
		BaseURL: o.APIURL, APIVersionPath: o.APIVersion, Transport: o.Transport, Timeout: o.BackendTimeout,
		ExactContentType: true, // otherwise a refresh could succeed that fails in Clerk's SDK
		Now:              o.Now, Hooks: clerkapi.Hooks{Attempt: a.counts.attempt},
	}); err != nil {
		return err
	}
	if a.shared, err = newShared(o, a.instance.keyHost); err != nil {
		return err
	}
	if a.health, err = newHealth(o, &a.instance, a.shared); err != nil {
		return err
	}
	if err := a.buildVerifier(); err != nil {
		return err
	}
	return a.buildMemory(revocations)
}

func (a *Authenticator) buildMemory(revocations *revocation.List) (err error) {
	o := &a.opts
	if a.refreshes, err = once.New(once.Config[refreshKey, *refreshed]{
		Entries: refreshCacheSize, Bytes: refreshCacheBytes, Size: func(_ refreshKey, o *refreshed) int { return o.size() },
		Timeout: o.refreshTimeout(), Now: o.Now,
	}); err != nil {
		return err
	}
	if a.proofs, err = newProofs(o); err != nil {
		return err
	}
	if a.opaque, err = once.New(once.Config[opaqueKey, *opaqueAnswer]{
		Entries: machineCacheSize, Bytes: machineCacheBytes, Size: func(_ opaqueKey, o *opaqueAnswer) int { return o.size() },
		Timeout: o.BackendTimeout, Now: o.Now,
	}); err != nil {
		return err
	}
	if a.nonces, err = newNonces(o); err != nil {
		return err
	}
	if a.budget, err = newBackendBudget(o); err != nil {
		return err
	}
	if a.sessions, err = newLookups(o, a.api, a.health, a.budget); err != nil {
		return err
	}
	a.rechecks = newShare(o.BackendRateLimit, recheckPart)
	a.revocations = newLedger(o, revocations, a.shared, a.counts)
	a.endings = newEndings(o, a.api, a.revocations, a.health.endings)
	return nil
}

func (a *Authenticator) buildVerifier() error {
	o := &a.opts
	config := token.Config{
		AuthorizedParties: o.AuthorizedParties, Issuers: o.Issuer, Audience: o.Audience,
		ClockSkew: o.ClockSkew, CacheSize: o.TokenCacheSize, Now: o.Now,
	}
	if o.SecretKey != "" && a.keys == nil {
		source, err := jwks.New(jwks.Config{Fetch: a.fetchKeysForAll, Fallback: a.keysOfOthers, StaleFor: o.StaleKeys, FetchTimeout: o.BackendTimeout, Now: o.Now, Logger: o.Logger})
		if err != nil {
			return err
		}
		a.keys = source
	}
	if a.keys != nil {
		config.Keys = a.keys
	}
	var err error
	a.verifier, err = token.New(config)
	return err
}

// fetchKeys returns the JWKS document as Clerk sent it.
func (a *Authenticator) fetchKeys(ctx context.Context) ([]byte, error) {
	var response *clerkapi.Response
	var err error
	unavailable, made := a.health.keys.Call(ctx, func() (*clerkapi.Response, error) {
		_, response, err = a.api.GetJWKS(ctx)
		return response, err
	})
	var refused *clerkapi.APIError
	var undecoded *clerkapi.DecodeError
	switch {
	case !made:
		return nil, errClerkUnavailable
	case unavailable:
		return nil, &unanswered{err}
	case errors.As(err, &refused) && !json.Valid(refused.Response.Body):
		return nil, fmt.Errorf("%w: %w", errNoKeysAnswer, refused)
	case errors.As(err, &refused):
		return nil, keysError{refused}
	case errors.As(err, &undecoded):
		// Clerk's SDK ignores the media type of this one response, and treats a document
		// without keys as an empty set, which the key source refuses.
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errNoKeysAnswer, err)
	}
	if !json.Valid(response.Body) || string(response.Body) == "null" {
		return nil, fmt.Errorf("%w: not a JSON object", errNoKeysAnswer)
	}
	return response.Body, nil
}

// errNoKeysAnswer means that the network failed, or that the response was not a JWKS. That
// says nothing about the token, so the token is not called invalid: the reason is
// unexpected-error, as in Clerk's SDK.
var errNoKeysAnswer = errors.New("no keys received")

// errClerkUnavailable means that Clerk failed to answer a call, or that the call was not
// made because Clerk is known to be down.
var errClerkUnavailable = errors.New("no answer from Clerk")

// unanswered is [errClerkUnavailable]. It reads as its cause alone, which says that already.
type unanswered struct{ cause error }

func (u *unanswered) Error() string   { return u.cause.Error() }
func (u *unanswered) Unwrap() []error { return []error{errClerkUnavailable, u.cause} }

// tokenError returns what is wrong with a token. ok is false if err is not about the
// token.
func tokenError(err error) (failed *token.Error, ok bool) {
	ok = errors.As(err, &failed) && !errors.Is(err, errNoKeysAnswer)
	return failed, ok
}

// keysError passes Clerk's error code to the key source.
type keysError struct{ *clerkapi.APIError }

// ErrorCode returns the code for a wrong secret key, wherever it is in the list, or else
// the first code.
func (e keysError) ErrorCode() string {
	for _, failure := range e.Errors {
		if failure.Code == "clerk_key_invalid" {
			return failure.Code
		}
	}
	return e.Code()
}

func (e keysError) Unwrap() error { return e.APIError }
