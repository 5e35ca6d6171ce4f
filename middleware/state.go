package middleware

import (
	"net/http"
	"time"

	"github.com/clerkgate/clerkgate/internal/origin"
)

// Status is the outcome of judging a request.
type Status string

const (
	// SignedIn means that a verified token came with the request.
	SignedIn Status = "signed-in"
	// SignedOut means that none did; Reason says why.
	SignedOut Status = "signed-out"
	// Handshake means that only a redirect through Clerk can tell.
	Handshake Status = "handshake"
	// Unavailable means that only Clerk can tell, and Clerk is down: the token may be good.
	// Clerk's SDK has no such status.
	Unavailable Status = "unavailable"
)

// Reason says why a request is not signed in, spelled as Clerk's SDK spells it.
// A failed refresh is session-token-expired-refresh-<why>; an error code of the
// Backend API may stand for <why>, so the set is open.
type Reason string

// The reasons of a request's state.
const (
	ReasonClientUATWithoutSessionToken   Reason = "client-uat-but-no-session-token"
	ReasonDevBrowserMissing              Reason = "dev-browser-missing"
	ReasonDevBrowserSync                 Reason = "dev-browser-sync"
	ReasonPrimaryRespondsToSyncing       Reason = "primary-responds-to-syncing"
	ReasonPrimaryDomainCrossOriginSync   Reason = "primary-domain-cross-origin-sync"
	ReasonSatelliteNeedsSyncing          Reason = "satellite-needs-syncing"
	ReasonSessionTokenAndUATMissing      Reason = "session-token-and-uat-missing"
	ReasonSessionTokenMissing            Reason = "session-token-missing"
	ReasonSessionTokenExpired            Reason = "session-token-expired"
	ReasonSessionTokenIATBeforeClientUAT Reason = "session-token-iat-before-client-uat"
	ReasonSessionTokenNBF                Reason = "session-token-nbf"
	ReasonSessionTokenIATInTheFuture     Reason = "session-token-iat-in-the-future"
	ReasonSessionTokenWithoutClientUAT   Reason = "session-token-but-no-client-uat"
	ReasonActiveOrganizationMismatch     Reason = "active-organization-mismatch"
	ReasonTokenTypeMismatch              Reason = "token-type-mismatch"
	ReasonNoTokenInHeader                Reason = "No token in header"
	ReasonUnexpectedError                Reason = "unexpected-error"
	// ReasonSessionRevoked is ours: a session look-up found that the session
	// behind a live token has ended, or its user has signed out here.
	ReasonSessionRevoked Reason = "session-revoked"
	// ReasonSessionPending and ReasonTokenWithoutSubject are ours too: a token is valid,
	// and nobody is signed in by it, because the session has unfinished tasks, or because
	// its claim sub is empty. [Authenticator.VerifyToken] gives them.
	ReasonSessionPending      Reason = "session-pending"
	ReasonTokenWithoutSubject Reason = "token-without-subject"
	// ReasonVerificationUnavailable is ours: Clerk's keys, or its verification of a machine
	// token or of a handshake, could not be had.
	ReasonVerificationUnavailable Reason = "token-verification-unavailable"
)

// TokenType is a kind of token that can authenticate a request.
type TokenType string

// The kinds of token, and AnyToken for all of them.
const (
	SessionToken TokenType = "session_token"
	APIKeyToken  TokenType = "api_key"
	M2MToken     TokenType = "m2m_token"
	OAuthToken   TokenType = "oauth_token"
	AnyToken     TokenType = "any"
)

// State is the judgement of one request. Nothing has been written to the client
// yet; [Authenticator.Handler] applies it.
type State struct {
	Status Status
	// Reason is empty when signed in.
	Reason Reason
	// Message is for a developer; it may hold text of the token's header, never
	// the token.
	Message string
	// TokenType is what kind of token was judged; empty when none was accepted.
	TokenType TokenType
	// Token is the token that authenticates the request: after a refresh or a
	// handshake the new one. It is a credential; do not log it.
	Token string
	// Header is what must be added to the answer: Location and Cache-Control of
	// a redirect, Set-Cookie of a refresh, X-Clerk-Auth-* when not signed in.
	// It may be nil.
	Header http.Header
	// Refreshed says that the Backend API exchanged an expired token for Token.
	Refreshed  bool
	retryAfter uint16 // in seconds; it takes no room of its own here
	// DeveloperError, when set, must be shown in place of any page: going on would
	// loop. It occurs with development keys only.
	DeveloperError string
	// Auth is who is behind the request; never nil. For a pending session it is
	// signed out although Status is SignedIn, as in Clerk's SDK.
	Auth *Auth

	outage      *outage        // nil unless Clerk is down and that matters to the request
	looped      bool           // the loop guard has kept the browser from being sent round again
	recoverable bool           // see Recoverable
	public      *origin.Public // nil for states that were not judged from a request
	vary        [1]string      // the value of a header, here to save an allocation
}

// Recoverable reports whether the client may have a session that Clerk would renew if it
// were asked by way of the browser: by Clerk's front-end library (getToken), or by opening
// a page, which leads to a handshake. It is false for a session that is known to have
// ended, for requests that show no session, and for machine tokens.
func (s *State) Recoverable() bool { return s.recoverable }

// outage is what a state says about Clerk being down.
type outage struct {
	since time.Time     // when that began
	stale time.Duration // how long ago the token that was accepted all the same expired
}

// Since returns when the outage began that makes a state Unavailable, as far as this process
// has noticed; zero for other states.
func (s *State) Since() time.Time {
	if s.outage == nil || s.Status != Unavailable {
		return time.Time{}
	}
	return s.outage.since
}

// Stale returns how long ago the token expired, where it was accepted because Clerk is down
// and [Options.OutageGrace] allows it. For a machine's token it is the age of the last
// verification. It is 0 for a token that is good as it is, and at least a second otherwise.
func (s *State) Stale() time.Duration {
	if s.outage == nil {
		return 0
	}
	return s.outage.stale
}

// RetryAfter is how long to wait before asking again, in whole seconds, where the
// token may be good but could not be verified for now, because Clerk is down or too many
// are being verified. [Require] then answers 503 in place of 401. It is 0 otherwise.
func (s *State) RetryAfter() time.Duration { return time.Duration(s.retryAfter) * time.Second }

// Location is where the state redirects to; "" when it does not.
func (s *State) Location() string { return s.Header.Get("Location") }
