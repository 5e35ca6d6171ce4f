package middleware

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/token"
)

// TokenError is why [Authenticator.VerifyToken] has refused a token.
type TokenError struct {
	// Reason is that of the state of a request with this token.
	Reason Reason
	// Message is for a developer; it may hold text of the token's header, never the
	// token.
	Message string
	// RetryAfter is as [State.RetryAfter].
	RetryAfter time.Duration
}

// Error returns reason and message.
func (e *TokenError) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("token refused: %s", e.Reason)
	}
	return fmt.Sprintf("token refused: %s: %s", e.Reason, e.Message)
}

// VerifyToken judges a token that came some other way than in a request: in a message of
// a WebSocket or a queue, over gRPC. It decides as [Authenticator.Authenticate] does about
// a request that has the token in its Authorization header: by Options.AcceptsToken,
// and with a look-up of the session where Options.SessionLookup asks for it. The error is
// a [*TokenError]; without one somebody is signed in, as [Auth.IsSignedIn] has it.
// [NewContext] makes the result known to handlers.
func (a *Authenticator) VerifyToken(ctx context.Context, raw string) (*Auth, error) {
	if raw == "" {
		return nil, &TokenError{Reason: Reason(token.ReasonInvalid), Message: "There is no token."}
	}
	r := &http.Request{Method: http.MethodGet, Host: "localhost", URL: &url.URL{Path: "/"}, RequestURI: "/", Header: http.Header{}}
	j := &judged{a: a, r: r, ctx: ctx, public: a.origin.Public(r), headerToken: raw}
	s := j.decide()
	if a.opts.SessionLookup == LookupCached && s.Status == SignedIn {
		s = a.checkSession(ctx, s)
	}
	switch {
	case s.Status == SignedIn && s.Auth.IsSignedIn():
		return s.Auth, nil
	case s.Status == SignedIn && s.Auth.SessionStatus == "pending":
		return nil, &TokenError{Reason: ReasonSessionPending, Message: "The session has unfinished tasks."}
	case s.Status == SignedIn:
		return nil, &TokenError{Reason: ReasonTokenWithoutSubject, Message: "The claim sub is empty."}
	case strings.HasPrefix(string(s.Reason), string(ReasonSessionTokenExpired)):
		s.Reason = ReasonSessionTokenExpired // nothing was there to refresh it with
	}
	return nil, &TokenError{Reason: s.Reason, Message: s.Message, RetryAfter: s.RetryAfter()}
}
