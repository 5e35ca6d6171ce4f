package middleware

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/jwks"
	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/pathpattern"
	"github.com/clerkgate/clerkgate/internal/token"
	"github.com/clerkgate/clerkgate/internal/weburl"
)

const (
	defaultClockSkew      = 5 * time.Second
	defaultCacheSize      = 100_000
	defaultLookupTTL      = 10 * time.Second
	defaultBackendTimeout = 5 * time.Second
	defaultStaleKeys      = 24 * time.Hour
)

// New checks opts and returns an Authenticator. All problems come in one
// [*OptionsError]. No network call is made.
func New(opts Options) (*Authenticator, error) {
	a := &Authenticator{opts: opts.withDefaults(), memory: &memory{}}
	var e OptionsError
	a.check(&e)
	if len(e.Problems) > 0 {
		return nil, &e
	}
	if err := a.build(); err != nil {
		return nil, err
	}
	return a, nil
}

func (o Options) withDefaults() Options {
	switch o.ClockSkew {
	case 0:
		o.ClockSkew = defaultClockSkew
	case NoClockSkew:
		o.ClockSkew = 0
	}
	if o.TokenCacheSize == 0 {
		o.TokenCacheSize = defaultCacheSize
	}
	if o.SessionCacheSize == 0 {
		o.SessionCacheSize = defaultCacheSize
	}
	if o.SessionLookupTTL == 0 {
		o.SessionLookupTTL = defaultLookupTTL
	}
	if o.BackendTimeout == 0 {
		o.BackendTimeout = defaultBackendTimeout
	}
	if o.StaleKeys == 0 {
		o.StaleKeys = defaultStaleKeys
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func (e *OptionsError) add(field, message string) {
	e.Problems = append(e.Problems, Problem{Field: field, Message: message})
}

// check fills what follows from the options, and finds everything wrong in them.
func (a *Authenticator) check(e *OptionsError) {
	o := &a.opts
	var err error
	if o.PublishableKey == "" {
		e.add("PublishableKey", "is missing; copy it from the API keys page of the Clerk dashboard")
	} else if a.instance, err = newInstance(o); err != nil {
		e.add("PublishableKey", err.Error())
	}
	if a.accepts, err = newAccepts(o.AcceptsToken); err != nil {
		e.add("AcceptsToken", err.Error())
	}
	a.checkSecretKey(e)
	a.checkURLs(e)
	a.checkSatellite(e)
	for field, d := range map[string]time.Duration{
		"ClockSkew": o.ClockSkew, "SessionLookupTTL": o.SessionLookupTTL, "BackendTimeout": o.BackendTimeout, "StaleKeys": o.StaleKeys,
	} {
		if d < 0 {
			e.add(field, "is negative; use a duration such as 5s")
		}
	}
	for field, n := range map[string]int{"TokenCacheSize": o.TokenCacheSize, "SessionCacheSize": o.SessionCacheSize} {
		if n < 0 {
			e.add(field, "is negative; use a number of entries such as 100000")
		}
	}
	if o.SessionLookup != LookupOff && o.SessionLookup != LookupCached {
		e.add("SessionLookup", `must be "cached", or empty for none`)
	}
	if o.SessionLookup == LookupCached && o.SecretKey == "" {
		e.add("SessionLookup", "needs SecretKey, which is not set")
	}
	if len(o.OrganizationPatterns) > 0 {
		if a.organizations, err = pathpattern.Compile(o.OrganizationPatterns); err != nil {
			e.add("OrganizationPatterns", err.Error())
		}
	}
	if len(o.PersonalAccountPatterns) > 0 {
		if a.personal, err = pathpattern.Compile(o.PersonalAccountPatterns); err != nil {
			e.add("PersonalAccountPatterns", err.Error())
		}
	}
}

func (a *Authenticator) checkSecretKey(e *OptionsError) {
	o := &a.opts
	switch {
	case o.SecretKey == "" && (a.accepts.single != M2MToken || o.MachineSecretKey == ""):
		e.add("SecretKey", "is missing; copy it from the API keys page of the Clerk dashboard")
	case strings.HasPrefix(o.SecretKey, "pk_"):
		e.add("SecretKey", "is a publishable key; the secret key begins with sk_test_ or sk_live_")
	case o.PublishableKey != "" && (strings.HasPrefix(o.SecretKey, "sk_test_") && a.instance.production ||
		strings.HasPrefix(o.SecretKey, "sk_live_") && !a.instance.production && a.instance.keyHost != ""):
		e.add("SecretKey", "is of another kind of instance than the publishable key; both must be of development (pk_test_, sk_test_) or both of production (pk_live_, sk_live_)")
	case strings.ContainsAny(o.SecretKey, " \t\r\n"):
		e.add("SecretKey", "holds white space; was it pasted with a line end?")
	}
}

func (a *Authenticator) checkURLs(e *OptionsError) {
	o := &a.opts
	if o.APIURL != "" && !isHTTPURL(o.APIURL) {
		e.add("APIURL", "must be an http or https URL such as https://api.clerk.com")
	}
	if o.ProxyURL != "" && !strings.HasPrefix(o.ProxyURL, "/") && !isHTTPURL(o.ProxyURL) {
		e.add("ProxyURL", "must be an http or https URL, or a path such as /__clerk")
	}
	if strings.HasPrefix(o.ProxyURL, "//") {
		e.add("ProxyURL", "begins with // and so names another host; use a path such as /__clerk")
	}
	for field, u := range map[string]string{"SignInURL": o.SignInURL, "SignUpURL": o.SignUpURL} {
		if u != "" && !isHTTPURL(u) && (!strings.HasPrefix(u, "/") || strings.HasPrefix(u, "//")) {
			e.add(field, "must be an http or https URL, or a path such as /sign-in")
		}
	}
}

func isHTTPURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func (a *Authenticator) checkSatellite(e *OptionsError) {
	o := &a.opts
	if !o.IsSatellite {
		return
	}
	if o.Domain == "" && o.ProxyURL == "" {
		e.add("Domain", "is missing; a satellite needs its own domain, or a proxy URL")
	}
	if o.SignInURL == "" && !a.instance.production {
		e.add("SignInURL", "is missing; a development satellite needs the absolute URL of the primary application's sign-in page")
	}
	if o.SignInURL != "" {
		u, err := weburl.Parse(o.SignInURL)
		if err != nil {
			e.add("SignInURL", "must be an absolute URL on a satellite, since people sign in on the primary domain")
			return
		}
		a.signInOrigin = u.Origin()
	}
}

// build makes the parts out of checked options.
func (a *Authenticator) build() error {
	o := &a.opts
	var err error
	a.origin = origin.New(o.TrustedProxies)
	if a.api, err = clerkapi.New(clerkapi.Options{
		SecretKey: o.SecretKey, MachineSecretKey: o.MachineSecretKey,
		BaseURL: o.APIURL, APIVersionPath: o.APIVersion, Transport: o.Transport, Timeout: o.BackendTimeout,
	}); err != nil {
		return &OptionsError{Problems: []Problem{{Field: "APIURL", Message: err.Error()}}}
	}
	if err := a.buildVerifier(); err != nil {
		return err
	}
	if a.refreshes, err = lru.New[refreshKey, *refreshed](refreshCacheSize); err != nil {
		return err
	}
	if a.opaque, err = lru.New[opaqueKey, *opaqueAnswer](machineCacheSize); err != nil {
		return err
	}
	a.sessions, err = lru.New[string, knownSession](o.SessionCacheSize)
	return err
}

func (a *Authenticator) buildVerifier() error {
	o := &a.opts
	config := token.Config{
		AuthorizedParties: o.AuthorizedParties, Audience: o.Audience,
		ClockSkew: o.ClockSkew, CacheSize: o.TokenCacheSize, Now: o.Now,
	}
	switch {
	case o.JWTKey != "":
		static, err := jwks.NewStatic(o.JWTKey)
		if err != nil {
			return &OptionsError{Problems: []Problem{{Field: "JWTKey", Message: err.Error()}}}
		}
		a.keys, config.Keys = static, static
	case o.SecretKey != "":
		source, err := jwks.New(jwks.Config{Fetch: a.fetchKeys, StaleFor: o.StaleKeys, FetchTimeout: o.BackendTimeout, Now: o.Now, Logger: o.Logger})
		if err != nil {
			return err
		}
		a.keys, config.Keys = source, source
	}
	var err error
	a.verifier, err = token.New(config)
	return err
}

// fetchKeys returns the JWKS document as Clerk sent it.
func (a *Authenticator) fetchKeys(ctx context.Context) ([]byte, error) {
	_, response, err := a.api.GetJWKS(ctx)
	var refused *clerkapi.APIError
	var undecoded *clerkapi.DecodeError
	switch {
	case errors.As(err, &refused) && !json.Valid(refused.Response.Body):
		return nil, fmt.Errorf("%w: %w", errNoKeysAnswer, refused)
	case errors.As(err, &refused):
		return nil, keysError{refused}
	case errors.As(err, &undecoded):
		// Clerk's SDK does not look at the type of this one answer, and takes one
		// without keys for an empty set, which the key source refuses.
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errNoKeysAnswer, err)
	}
	if !json.Valid(response.Body) || string(response.Body) == "null" {
		return nil, fmt.Errorf("%w: not a JSON object", errNoKeysAnswer)
	}
	return response.Body, nil
}

// errNoKeysAnswer is a network that failed, or an answer that is none of Clerk's.
// It says nothing about the token, so it is no reason to refuse it: the request
// ends with unexpected-error, as in Clerk's SDK.
var errNoKeysAnswer = errors.New("no answer about the keys")

// tokenError returns what is wrong with a token; ok is false when the error is not
// the token's.
func tokenError(err error) (failed *token.Error, ok bool) {
	ok = errors.As(err, &failed) && !errors.Is(err, errNoKeysAnswer)
	return failed, ok
}

// keysError tells the key source Clerk's error code.
type keysError struct{ *clerkapi.APIError }

// ErrorCode is the code that matters most in the answer: that of a wrong secret
// key, wherever it stands, else the first.
func (e keysError) ErrorCode() string {
	for _, failure := range e.Errors {
		if failure.Code == "clerk_key_invalid" {
			return failure.Code
		}
	}
	return e.Code()
}

func (e keysError) Unwrap() error { return e.APIError }
