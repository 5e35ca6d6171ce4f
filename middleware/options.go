package middleware

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/middleware/store"
)

// Options configures an [Authenticator]. The zero value of every field but
// PublishableKey and SecretKey is a safe default. Options are read once by
// [New]; changing them later has no effect.
type Options struct {
	// PublishableKey is the instance's pk_test_ or pk_live_ key. Required.
	PublishableKey string
	// SecretKey is the instance's sk_test_ or sk_live_ key. Required, unless
	// AcceptsToken is m2m_token alone and MachineSecretKey is set.
	SecretKey string
	// MachineSecretKey verifies M2M tokens in place of SecretKey.
	MachineSecretKey string
	// JWTKey is the instance's public key as PEM (SPKI, RSA). With it tokens
	// are verified without fetching the JWKS.
	JWTKey string

	// APIURL is the origin of Clerk's Backend API; "" means https://api.clerk.com.
	APIURL string
	// APIVersion is the path segment after it; "" means v1.
	APIVersion string

	// ProxyURL is where browsers reach the Frontend API if not at its own host:
	// an absolute URL, or a path of this application such as /__clerk.
	ProxyURL string
	// Domain is the satellite's own domain.
	Domain string
	// IsSatellite says that sessions come from a primary domain.
	IsSatellite bool
	// SatelliteAutoSync sends first-time visitors of a satellite through the
	// primary domain even though they carry no cookies.
	SatelliteAutoSync bool
	// SignInURL and SignUpURL are where people sign in and up; "" means the
	// instance's account portal.
	SignInURL, SignUpURL string
	// AfterSignOutURL is where [Authenticator.SignOut] leads; "" means /.
	AfterSignOutURL string

	// AuthorizedParties lists the origins whose tokens are accepted (claim azp).
	// Empty accepts any; set it in production.
	AuthorizedParties []string
	// Audience lists accepted audiences (claim aud); empty accepts any.
	Audience []string
	// Issuer lists the accepted issuers of session tokens (claim iss), such as
	// https://clerk.example.com; empty accepts any. Tokens are verified with the keys of
	// the instance whatever their issuer is, so that few applications need it. Machine
	// tokens are not concerned.
	Issuer []string
	// ClockSkew is how far Clerk's clock and ours may differ; 0 means 5s,
	// [NoClockSkew] none, negative is an error.
	ClockSkew time.Duration
	// TrustedProxies are the peers whose X-Forwarded-* headers are believed.
	// Empty believes nobody.
	TrustedProxies []netip.Prefix
	// AcceptsToken lists what may authenticate a request; empty means session
	// tokens. [AnyToken] must stand alone.
	AcceptsToken []TokenType

	// OrganizationPatterns are path patterns (path-to-regexp syntax) with an
	// :id or :slug parameter naming the organization that must be active.
	OrganizationPatterns []string
	// PersonalAccountPatterns are path patterns where none may be active.
	PersonalAccountPatterns []string

	// TokenCacheSize is how many verified tokens are remembered; 0 means 100 000.
	TokenCacheSize int
	// SessionLookup turns on look-ups of live sessions at the Backend API.
	SessionLookup SessionLookup
	// SessionLookupTTL is how long a looked-up session is believed; 0 means 10s.
	SessionLookupTTL time.Duration
	// SessionCacheSize is how many looked-up sessions are remembered; 0 means 100 000.
	SessionCacheSize int

	// AcceptPendingSessions counts sessions with unfinished tasks (claim
	// sts: pending) as signed in. They are signed out by default, as in Clerk's SDK.
	AcceptPendingSessions bool

	// RefreshEveryMethod exchanges expired session tokens at the Backend API for
	// requests of every method. Clerk's SDK does so for GET only, since a page of
	// another site can make a browser send the others: set it only behind a guard against
	// cross-site requests, such as [http.CrossOriginProtection] around
	// [Authenticator.Handler].
	RefreshEveryMethod bool

	// Transport carries calls to the Backend API; nil means a transport of its own.
	Transport http.RoundTripper
	// BackendTimeout bounds every call to the Backend API; 0 means 5s.
	BackendTimeout time.Duration
	// BackendRateLimit is how many calls in ten seconds the Backend API takes from
	// this server; 0 means 1000, Clerk's limit for a production instance. Where
	// several servers share an instance, give each its part. What can be asked
	// without an account stays below a third of it.
	BackendRateLimit int
	// StaleKeys is how long known keys go on being used while Clerk cannot be
	// reached; 0 means 24h.
	StaleKeys time.Duration

	// Store is what several replicas share, so that they make one refresh of a session
	// together, and verify a machine token once. Without one, each replica works for itself.
	// A store that fails counts as none. It is not closed by [Authenticator.Close].
	Store store.Store
	// StoreKeys encrypt what is stored: the first one seals, all open, so that keys can be
	// replaced while replicas serve. They have at least 32 random bytes each. Empty means a
	// key that is derived from SecretKey.
	StoreKeys [][]byte

	// Outage says what becomes of requests that only Clerk can decide while it is down.
	Outage Outage
	// OutageGrace is how long after its expiry a session token is still accepted while both
	// the Backend API and the Frontend API are down; 0 means not at all. Within it the
	// last verification of an opaque token counts too, for a minute at most. A session
	// that is known to have ended is never accepted, nor is one where [Require] asks for a
	// recent verification of the user. [State.Stale] tells the application. The most is 24h.
	OutageGrace time.Duration
	// OutageGraceUnsafe extends OutageGrace to requests that may change something, which are
	// all but GET, HEAD and OPTIONS.
	OutageGraceUnsafe bool
	// FrontendAPIURL is where this process reaches the Frontend API, to find out whether
	// it is down; "" means where browsers reach it.
	FrontendAPIURL string

	// ErrorHandler answers requests that are turned away, in place of the JSON that
	// programs get; nil means JSON for everybody. Redirects are not its business. It is
	// called once for a request, and must be safe for concurrent use. Cache-Control:
	// no-store, and with a 401 WWW-Authenticate (with a 403 too, where a token lacks a scope),
	// are in the header already.
	//
	// With it, a browser that the loop guard has stopped is not sent to the sign-in page,
	// which would send it round again, but handed over with the code redirect_loop.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, e *Error)

	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger receives warnings and failures, never a token or a key; nil is silent.
	Logger *slog.Logger
	// Observer is told of each decision; nil is nobody. It runs on the request's
	// goroutine, so it must be quick and safe for concurrent use.
	Observer func(*http.Request, *State)
}

// NoClockSkew is an [Options.ClockSkew] of none; the zero stands for the default.
const NoClockSkew time.Duration = 1

// SessionLookup says whether a live token's session is checked at the Backend API.
type SessionLookup string

const (
	// LookupOff trusts a live token until it expires, as Clerk's SDK does.
	LookupOff SessionLookup = ""
	// LookupCached asks GET /v1/sessions/{id} and believes the answer for
	// Options.SessionLookupTTL, so that an ended session stops within that time
	// while Clerk answers within 250 ms. A request does not wait longer than that:
	// it is served, and what Clerk answers later counts for the next one. While
	// look-ups fail they pause, and live tokens are served without.
	LookupCached SessionLookup = "cached"
)

// Outage says what becomes of requests that only Clerk can decide while it is down.
type Outage string

const (
	// OutageHold answers 503 where Clerk cannot be asked, so that nobody is signed out
	// because of that: people get a page that reloads itself, programs may come again. A
	// browser goes through Clerk as long as the Frontend API answers.
	OutageHold Outage = ""
	// OutageHandshake does the same as Clerk's SDK, whatever is down: it sends browsers to
	// the Frontend API, and takes programs for signed out. Nothing keeps calls from a Clerk
	// that is down.
	OutageHandshake Outage = "handshake"
)

// OptionsError lists everything that is wrong with an [Options] value, in the order
// of its fields.
type OptionsError struct {
	Problems []Problem
}

// Problem is one thing wrong with one field of [Options]: Where is the field's name,
// Found what it holds (never a secret), Want what is expected, Remedy what to do.
type Problem = problem.Problem

func (e *OptionsError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return "invalid options: " + strings.Join(lines, "\n\t")
}
