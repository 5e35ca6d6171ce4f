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

// TokenError is the error of [Authenticator.VerifyToken].
type TokenError struct {
	// Reason is the reason that a request with this token would have.
	Reason Reason
	// Message is for developers. It may quote the token's header, but never the token.
	Message string
	// RetryAfter is [State.RetryAfter].
	RetryAfter time.Duration
}

// Error returns the reason and the message.
func (e *TokenError) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("token refused: %s", e.Reason)
	}
	return fmt.Sprintf("token refused: %s: %s", e.Reason, e.Message)
}

// VerifyToken verifies a token that did not arrive in an HTTP request, such as one in a
// WebSocket message, in a queue or over gRPC. The result is that of
// [Authenticator.Authenticate] for a request with the token in its Authorization header:
// Options.AcceptsToken and Options.SessionLookup apply. The error is a [*TokenError];
// without one, [Auth.IsSignedIn] is true. [NewContext] passes the result on to handlers.
func (a *Authenticator) VerifyToken(ctx context.Context, raw string) (*Auth, error) {
	if raw == "" {
		return nil, &TokenError{Reason: Reason(token.ReasonInvalid), Message: "There is no token."}
	}
	r := &http.Request{Method: http.MethodGet, Host: "localhost", URL: &url.URL{Path: "/"}, RequestURI: "/", Header: http.Header{}}
	j := &judged{a: a, r: r, ctx: ctx, public: a.origin.Public(r), headerToken: raw}
	s := a.doubt(ctx, j.decide())
	switch {
	case s.Status == Unavailable:
		return nil, &TokenError{Reason: s.Reason, Message: s.Message, RetryAfter: s.RetryAfter()}
	case s.Status == SignedIn && s.Auth.IsSignedIn():
		return s.Auth, nil
	case s.Status == SignedIn && s.Auth.SessionStatus == "pending":
		return nil, &TokenError{Reason: ReasonSessionPending, Message: "The session has unfinished tasks."}
	case s.Status == SignedIn:
		return nil, &TokenError{Reason: ReasonTokenWithoutSubject, Message: "The claim sub is empty."}
	case strings.HasPrefix(string(s.Reason), string(ReasonSessionTokenExpired)):
		s.Reason = ReasonSessionTokenExpired // there is no refresh token
	}
	return nil, &TokenError{Reason: s.Reason, Message: s.Message, RetryAfter: s.RetryAfter()}
}
