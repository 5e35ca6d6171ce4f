package middleware

import (
	"net/http"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/clerkgate/clerkgate/internal/token"
)

// Headers that tell a developer why a response is not signed in.
const (
	headerAuthStatus  = "X-Clerk-Auth-Status"
	headerAuthReason  = "X-Clerk-Auth-Reason"
	headerAuthMessage = "X-Clerk-Auth-Message"
)

func signedOut(kind TokenType, reason Reason, message string, h http.Header) *State {
	return withAuthHeaders(&State{Status: SignedOut, Reason: reason, Message: message, TokenType: kind, Header: h, Auth: signedOutAuthOf(kind)})
}

// developerError returns a state with a page for the developer, in development only.
func developerError(reason Reason, message string) *State {
	s := signedOut(SessionToken, reason, message, nil)
	s.DeveloperError = message
	return s
}

func withAuthHeaders(s *State) *State {
	if s.Header == nil {
		s.Header = make(http.Header, 3)
	}
	s.Header[headerAuthStatus] = []string{string(s.Status)}
	for name, value := range map[string]string{headerAuthReason: string(s.Reason), headerAuthMessage: s.Message} {
		if v, ok := latin1(value); ok && value != "" {
			s.Header[name] = []string{v}
		}
	}
	return s
}

// latin1 converts text to header bytes. ok is false if JavaScript's Headers would refuse
// it: for a character outside Latin-1, a line end or a NUL.
func latin1(s string) (string, bool) {
	ascii := true
	for _, r := range s {
		if r > 0xff || r == '\r' || r == '\n' || r == 0 {
			return "", false
		}
		ascii = ascii && r < utf8.RuneSelf
	}
	s = strings.Trim(s, " \t")
	if ascii {
		return s, true
	}
	out := make([]byte, 0, len(s))
	for _, r := range s {
		out = append(out, byte(r)) //nolint:gosec // at most 0xff, see above
	}
	return string(out), true
}

// sessionSignedIn returns the state for a verified session token. h may be nil.
func (j *judged) sessionSignedIn(v *token.Verified, raw string, h http.Header) *State {
	if v.Unreadable() {
		return signedOut(SessionToken, ReasonUnexpectedError, "", h)
	}
	id := identityOf(v)
	if !id.noted.Load() && !id.noted.Swap(true) {
		j.a.budget.sessions.alive(id.auth.SessionID)
	}
	auth := id.auth
	if id.pending && !j.a.opts.AcceptPendingSessions {
		auth = id.pendingAuth
	}
	return &State{Status: SignedIn, TokenType: SessionToken, Token: raw, Header: h, Auth: auth}
}

// identity is derived from a session token, once per token.
type identity struct {
	auth        *Auth
	issuedAt    float64 // claim iat
	pending     bool
	pendingAuth *Auth
	noted       atomic.Bool // whether the session is recorded as alive
}

func identityOf(v *token.Verified) *identity {
	return v.Derived(func(v *token.Verified) any { return newIdentity(v) }).(*identity)
}

func newIdentity(v *token.Verified) *identity {
	c := v.Claims()
	id := &identity{
		issuedAt: c.IssuedAt, pending: c.Status == "pending",
		auth: &Auth{
			TokenType: SessionToken, UserID: c.Subject, SessionID: c.SessionID, SessionStatus: c.Status, Actor: c.Actor,
			OrgID: c.Org.ID, OrgSlug: c.Org.Slug, OrgRole: c.Org.Role, OrgPermissions: c.Org.Permissions,
			FactorVerificationAge: c.FactorAge, verified: v, features: c.Features, plans: c.Plans,
		},
	}
	if id.pending {
		id.pendingAuth = &Auth{TokenType: SessionToken, SessionStatus: c.Status}
	}
	return id
}

// signedOutAuths are the signed-out identities by kind of token. Read-only.
var signedOutAuths = map[TokenType]*Auth{
	SessionToken: {TokenType: SessionToken}, APIKeyToken: {TokenType: APIKeyToken},
	M2MToken: {TokenType: M2MToken}, OAuthToken: {TokenType: OAuthToken},
}

func signedOutAuthOf(kind TokenType) *Auth {
	if a, ok := signedOutAuths[kind]; ok {
		return a
	}
	return signedOutAuth
}
