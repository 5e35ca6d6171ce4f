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
	// JWTKey is the instance's public key as PEM (SPKI, RSA). With it, tokens
	// are verified without fetching the JWKS.
	JWTKey string

	// APIURL is the origin of Clerk's Backend API; "" means https://api.clerk.com.
	APIURL string
	// APIVersion is the first segment of the API's paths; "" means v1.
	APIVersion string

	// ProxyURL is where browsers reach the Frontend API if not at its own host:
	// an absolute URL, or a path of this application such as /__clerk.
	ProxyURL string
	// Domain is the satellite's own domain.
	Domain string
	// IsSatellite means that people sign in at a primary domain, which shares their sessions.
	IsSatellite bool
	// SatelliteAutoSync sends first-time visitors of a satellite through the
	// primary domain even though they carry no cookies.
	SatelliteAutoSync bool
	// SignInURL and SignUpURL are where people sign in and up; "" means the
	// instance's account portal.
	SignInURL, SignUpURL string
	// AfterSignOutURL is where [Authenticator.SignOut] redirects to; "" means /.
	AfterSignOutURL string

	// AuthorizedParties lists the origins whose tokens are accepted (claim azp).
	// Empty accepts any; set it in production.
	AuthorizedParties []string
	// Audience lists accepted audiences (claim aud); empty accepts any.
	Audience []string
	// Issuer lists the accepted issuers of session tokens (claim iss), such as
	// https://clerk.example.com; empty accepts any. Tokens are verified with the keys of
	// the instance whatever their issuer is, so that few applications need it. It does
	// not apply to machine tokens.
	Issuer []string
	// ClockSkew is how far Clerk's clock and ours may differ. 0 means 5s, [NoClockSkew]
	// means not at all, and any other negative value is an error.
	ClockSkew time.Duration
	// TrustedProxies are the peers whose X-Forwarded-* headers are used. If it is empty,
	// such headers are ignored.
	TrustedProxies []netip.Prefix
	// AcceptsToken lists what may authenticate a request; empty means session
	// tokens. [AnyToken] must stand alone.
	AcceptsToken []TokenType

	// OrganizationPatterns are path patterns (path-to-regexp syntax) with an
	// :id or :slug parameter naming the organization that must be active.
	OrganizationPatterns []string
	// PersonalAccountPatterns are path patterns where no organization may be active.
	PersonalAccountPatterns []string

	// TokenCacheSize is how many verified tokens are remembered; 0 means 100 000.
	TokenCacheSize int
	// SessionLookup turns on look-ups of live sessions at the Backend API.
	SessionLookup SessionLookup
	// SessionLookupTTL is how long the result of a look-up is used; 0 means 10s.
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

	// Transport makes calls to the Backend API; nil means a new transport.
	Transport http.RoundTripper
	// BackendTimeout bounds every call to the Backend API; 0 means 5s.
	BackendTimeout time.Duration
	// BackendRateLimit is how many calls in ten seconds the Backend API takes from
	// this server; 0 means 1000, Clerk's limit for a production instance. Where
	// several servers share an instance, give each its part. Calls that strangers can
	// cause take less than a third of it.
	BackendRateLimit int
	// StaleKeys is how long known keys are still used while Clerk cannot be reached; 0
	// means 24h.
	StaleKeys time.Duration

	// Store is shared by several replicas, so that together they refresh a session and
	// verify a machine token once. If it is nil or fails, each replica works on its own.
	// [Authenticator.Close] does not close it.
	Store store.Store
	// StoreKeys encrypt what is stored. The first key encrypts and all decrypt, so that keys
	// can be replaced while replicas serve. Each has at least 32 random bytes. Empty means a
	// key that is derived from SecretKey.
	StoreKeys [][]byte

	// StrictRevocation makes requests with a session or an OAuth token [Unavailable] while
	// the log that tells of revocations at other replicas cannot be read, which is noticed
	// within three seconds. By default they are accepted by what is known. It has no effect
	// without Store.
	StrictRevocation bool

	// Outage says how requests that only Clerk can decide are answered while it is down.
	Outage Outage
	// OutageGrace is how long after its expiry a session token is still accepted while both
	// the Backend API and the Frontend API are down; 0 means not at all, and the maximum is
	// 24h. Within it the last verification of an opaque token counts too, for a minute at
	// most. A session that is known to have ended is never accepted, and none is where
	// [Require] asks for a recent verification of the user. [State.Stale] tells the
	// application that it happened.
	OutageGrace time.Duration
	// OutageGraceUnsafe extends OutageGrace to requests that may change something: those of
	// all methods but GET, HEAD and OPTIONS.
	OutageGraceUnsafe bool
	// FrontendAPIURL is where this process reaches the Frontend API, to find out whether
	// it is down; "" means the address that browsers use.
	FrontendAPIURL string

	// ErrorHandler writes the response to requests that are turned away; nil means JSON for
	// all of them. It is not called where the response is a redirect. It is called once per
	// request, and must be safe for concurrent use. The header already contains
	// Cache-Control: no-store and, with a 401, or a 403 because of a missing scope,
	// WWW-Authenticate.
	//
	// With an ErrorHandler, a browser that the loop guard has stopped is not redirected to
	// the sign-in page, which would continue the loop: the handler is called with the code
	// redirect_loop.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, e *Error)

	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Logger receives warnings and failures, never a token or a key; nil means no logs.
	Logger *slog.Logger
	// Observer, if not nil, is called with each decision. It runs on the request's
	// goroutine, so it must be quick and safe for concurrent use.
	Observer func(*http.Request, *State)
}

// NoClockSkew is the [Options.ClockSkew] that allows no difference between the clocks, for
// which 0 cannot stand, since it means the default.
const NoClockSkew time.Duration = 1

// SessionLookup says whether a live token's session is checked at the Backend API.
type SessionLookup string

const (
	// LookupOff trusts a live token until it expires, as Clerk's SDK does.
	LookupOff SessionLookup = ""
	// LookupCached calls GET /v1/sessions/{id} and uses the result for
	// Options.SessionLookupTTL, so that an ended session is refused within that time if
	// Clerk responds within 250 ms. A request does not wait longer than that: it is
	// served, and Clerk's later response counts for the next one. While look-ups fail
	// they pause, and live tokens are accepted without them. They are made as long as
	// Options.BackendRateLimit leaves a fifth for other calls.
	LookupCached SessionLookup = "cached"
)

// Outage says how requests that only Clerk can decide are answered while it is down.
type Outage string

const (
	// OutageHold answers 503 where Clerk cannot be asked, so that nobody is signed out
	// because of that. People get a page that reloads itself, and programs may retry. A
	// browser is still redirected to Clerk as long as the Frontend API answers.
	OutageHold Outage = ""
	// OutageHandshake does the same as Clerk's SDK, whatever is down: browsers are
	// redirected to the Frontend API, and programs count as signed out. Calls are made even
	// if Clerk is known to be down.
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
