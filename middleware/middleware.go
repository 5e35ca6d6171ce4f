package middleware

import (
	"context"
	"net/http"
)

// Authenticator judges requests for one Clerk instance. It is safe for
// concurrent use. Close it when it is no longer needed.
type Authenticator struct{ opts Options }

// New checks opts and returns an Authenticator. All problems come in one
// [*OptionsError]. No network call is made.
func New(opts Options) (*Authenticator, error) { return &Authenticator{opts: opts}, nil }

// Close stops the background refresh of keys and waits for it.
func (a *Authenticator) Close() {}

// Ready returns nil once tokens can be verified: the PEM key is set, or the
// JWKS has been loaded. It fetches the JWKS if that has not happened yet.
func (a *Authenticator) Ready(ctx context.Context) error { return nil }

// CookieSuffix is what Clerk appends, after an underscore, to the names of this
// instance's cookies.
func (a *Authenticator) CookieSuffix() string { return "" }

// FrontendAPI is the host of the Frontend API inside the publishable key.
func (a *Authenticator) FrontendAPI() string { return "" }

// IsProduction says whether the keys are of a production instance.
func (a *Authenticator) IsProduction() bool { return false }

// Authenticate judges r and writes nothing.
func (a *Authenticator) Authenticate(r *http.Request) *State { panic("not yet") }

// Handler judges each request, answers those that Clerk must see first
// (handshakes) and hands the others to next, signed in or not; [FromContext]
// tells next who it is, [Require] turns away who is not.
func (a *Authenticator) Handler(next http.Handler) http.Handler { panic("not yet") }
