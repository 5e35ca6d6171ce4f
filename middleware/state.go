package middleware

import (
	"net/http"
	"time"

	"github.com/clerkgate/clerkgate/internal/origin"
)

// Status is the outcome of authenticating a request.
type Status string

const (
	// SignedIn means that the request has a valid token.
	SignedIn Status = "signed-in"
	// SignedOut means that it has none; Reason says why.
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
	// ReasonSessionPending and ReasonTokenWithoutSubject are ours too: a token is valid but
	// does not sign anybody in, because the session has unfinished tasks, or because the
	// claim sub is empty. Only [Authenticator.VerifyToken] uses them.
	ReasonSessionPending      Reason = "session-pending"
	ReasonTokenWithoutSubject Reason = "token-without-subject"
	// ReasonVerificationUnavailable is ours: Clerk could not be asked for its keys, or to
	// verify a machine token or a handshake.
	ReasonVerificationUnavailable Reason = "token-verification-unavailable"
	// ReasonRevocationsUnknown is ours: the store that tells of revocations at other replicas
	// is down, and [Options.StrictRevocation] is set.
	ReasonRevocationsUnknown Reason = "revocations-unknown"
)

// TokenType is a kind of token that can authenticate a request.
type TokenType string

// The kinds of token. AnyToken stands for all of them.
const (
	SessionToken TokenType = "session_token"
	APIKeyToken  TokenType = "api_key"
	M2MToken     TokenType = "m2m_token"
	OAuthToken   TokenType = "oauth_token"
	AnyToken     TokenType = "any"
)

// State is the outcome of authenticating one request. Nothing has been written to the
// client yet; [Authenticator.Handler] applies it.
type State struct {
	Status Status
	// Reason is empty when signed in.
	Reason Reason
	// Message is for developers. It may quote the token's header, but never the token.
	Message string
	// TokenType is the kind of the token that was verified; empty when none was accepted.
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
	// DeveloperError, when set, must be shown in place of any page, because a redirect
	// would loop. It occurs with development keys only.
	DeveloperError string
	// Auth is who is behind the request; never nil. For a pending session it is
	// signed out although Status is SignedIn, as in Clerk's SDK.
	Auth *Auth

	outage      *outage        // nil unless Clerk is down and that matters to the request
	looped      bool           // the loop guard has stopped a redirect
	recoverable bool           // see Recoverable
	public      *origin.Public // nil for states that were not judged from a request
	vary        [1]string      // the value of a header, here to save an allocation
}

// Recoverable reports whether the client may have a session that Clerk would renew for the
// browser: through Clerk's front-end library (getToken), or by opening a page, which leads
// to a handshake. It is false for a session that is known to have
// ended, for requests that show no session, and for machine tokens.
func (s *State) Recoverable() bool { return s.recoverable }

// Looped reports whether the loop guard has stopped one more redirect to Clerk: the browser
// comes back without what it was sent for.
func (s *State) Looped() bool { return s.looped }

// outage describes how an outage of Clerk affected a request.
type outage struct {
	since time.Time     // when that began
	stale time.Duration // how long ago the token that was accepted all the same expired
}

// Since returns when this process noticed the outage that makes the state Unavailable, or
// zero for other states.
func (s *State) Since() time.Time {
	if s.outage == nil || s.Status != Unavailable {
		return time.Time{}
	}
	return s.outage.since
}

// Stale returns how long ago the token expired, if it was accepted only because Clerk is
// down and [Options.OutageGrace] allows it. For a machine token it is the age of the last
// verification. It is 0 for any other token, and otherwise at least a second.
func (s *State) Stale() time.Duration {
	if s.outage == nil {
		return 0
	}
	return s.outage.stale
}

// RetryAfter returns how long to wait before trying again, in whole seconds, if the token
// may be valid but could not be verified for now, because Clerk is down or too many tokens
// are being verified. [Require] then answers 503 in place of 401. It is 0 otherwise.
func (s *State) RetryAfter() time.Duration { return time.Duration(s.retryAfter) * time.Second }

// Location returns where the state redirects to, or "" if it does not.
func (s *State) Location() string { return s.Header.Get("Location") }
