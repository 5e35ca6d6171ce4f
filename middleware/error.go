package middleware

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/navigation"
)

// Error says why a request is turned away, and how.
type Error struct {
	// Status is the HTTP status: 400, 401, 403, 404, 405 or 503.
	Status int
	// Code is the error's code. Programs get authentication_invalid, authorization_invalid,
	// resource_not_found, verification_unavailable, or clerk_unavailable, which means that
	// Clerk is down; for reverification_needed the JSON is Clerk's reverification-error
	// instead. redirect_loop and developer_error are for browsers only.
	// [Authenticator.SignOut] also uses cross_site_request and method_not_allowed.
	Code string
	// Message is a sentence for developers of the client.
	Message string
	// Reason is why nobody is signed in; empty if somebody is.
	Reason Reason
	// State is the outcome of authenticating the request.
	State *State
	// Since is when this process noticed that Clerk is down; zero unless Code is clerk_unavailable.
	Since time.Time
	// Document reports that a browser wants a page to show to a person. Otherwise the
	// client is a program, and should get the JSON of [Error.WriteJSON].
	Document bool

	title     string
	challenge string // WWW-Authenticate, for a 401, and for a 403 that other scopes would lift
	hint      *hint
	recovers  bool // the same request may succeed later
	problem   bool // the client accepts problem details (RFC 9457)
	body      any  // replaces Clerk's error shape if not nil

	// For SignInURL.
	authenticator *Authenticator
	request       *http.Request
}

// Error returns the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// SignInURL returns where a person signs in. From there the person comes back to the page
// that was requested or, if a form was sent, to the page with the form. It is empty if
// signing in would not help. It contains parts of the request's URL: escape it in a page,
// as html/template does.
func (e *Error) SignInURL() string {
	a := e.authenticator
	if a == nil || e.Status != http.StatusUnauthorized || a.accepts.single.isMachine() {
		return ""
	}
	public := a.publicOf(e.request, e.State)
	page := returnPage(e.request, public)
	target, err := a.leadTo(e.request, e.State, a.signInPage, public, page)
	switch {
	case err != nil:
		a.log().ErrorContext(e.request.Context(), "sign-in URL could not be built", "error", err)
		return ""
	case isSamePage(target, page):
		return "" // the person is there already
	}
	return target.Href()
}

// WriteJSON writes what is written without an [Options.ErrorHandler]: Clerk's error shape.
func (e *Error) WriteJSON(w http.ResponseWriter) {
	body := e.body
	if body == nil {
		body = e.problemBody()
	}
	data, err := json.Marshal(body)
	if err != nil {
		http.Error(w, http.StatusText(e.Status), e.Status)
		return
	}
	e.setHeader(w.Header())
	w.Header().Set("Content-Type", "application/json")
	if e.problem {
		w.Header().Set("Content-Type", problemType)
	}
	w.WriteHeader(e.Status)
	_, _ = w.Write(append(data, '\n'))
}

// problemBody returns Clerk's error shape, with the members of RFC 9457 for clients that
// accept them.
func (e *Error) problemBody() problemBody {
	body := problemBody{Errors: []problemItem{{Code: e.Code, Message: e.title, LongMessage: e.Message, Meta: e.hint}}, Recoverable: e.recovers}
	if e.problem {
		body.Title, body.Status, body.Detail = e.title, e.Status, e.Message
	}
	return body
}

// setHeader sets the headers that programs and browsers both get.
func (e *Error) setHeader(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if e.challenge != "" {
		h.Set("WWW-Authenticate", e.challenge)
	}
}

// anyBearer is the challenge of a 401 without further parameters.
const anyBearer = "Bearer"

// problemBody is Clerk's error shape, with optional members of RFC 9457.
type problemBody struct {
	Errors      []problemItem `json:"errors"`
	Recoverable bool          `json:"recoverable,omitempty"`
	Title       string        `json:"title,omitempty"`
	Status      int           `json:"status,omitempty"`
	Detail      string        `json:"detail,omitempty"`
}

type problemItem struct {
	Code        string `json:"code"`
	Message     string `json:"message"`
	LongMessage string `json:"long_message"`
	Meta        *hint  `json:"meta,omitempty"`
}

// hint tells a program why it is not signed in, and whether Clerk's front-end library can
// renew the session, see [State.Recoverable].
type hint struct {
	Reason      Reason `json:"reason"`
	Recoverable bool   `json:"recoverable"`
}

// turnAway answers a request that must not go on. If a is nil, there is no ErrorHandler.
func (a *Authenticator) turnAway(w http.ResponseWriter, r *http.Request, s *State, e *Error) {
	if a == nil || a.opts.ErrorHandler == nil {
		e.WriteJSON(w)
		return
	}
	e.Reason, e.State, e.Document = s.Reason, s, navigation.IsDocument(r.Header)
	e.authenticator, e.request = a, r
	e.setHeader(w.Header())
	a.opts.ErrorHandler(w, r, e)
}

// explain answers a request whose state has a DeveloperError.
func (a *Authenticator) explain(w http.ResponseWriter, r *http.Request, s *State) {
	switch {
	case !isDocumentRequest(r):
		a.turnAway(w, r, s, unauthenticated(s, anyBearer))
	case a.opts.ErrorHandler != nil:
		a.turnAway(w, r, s, &Error{Status: http.StatusBadRequest, Code: "developer_error", title: "Clerk could not sign you in", Message: s.DeveloperError})
	default:
		developerPage(s).Write(w, r, http.StatusBadRequest)
	}
}

// unauthenticated is for requests that are signed out and must not be. s is nil if the
// request was not authenticated at all.
func unauthenticated(s *State, challenge string) *Error {
	e := &Error{
		Status: http.StatusUnauthorized, Code: "authentication_invalid", title: "Unauthenticated", challenge: challenge,
		Message: "This needs a signed-in user. Send a session token in the Authorization header or the session cookie.",
	}
	if s != nil {
		e.hint = &hint{s.Reason, s.recoverable}
	}
	return e
}

// CodeRedirectLoop is the [Error.Code] for a browser that was sent through Clerk several times
// and came back signed out each time.
const CodeRedirectLoop = "redirect_loop"

// redirectLoop is for browsers that the loop guard has stopped.
func redirectLoop(s *State) *Error {
	e := unauthenticated(s, anyBearer)
	e.Code, e.title = CodeRedirectLoop, "Redirect loop"
	e.Message = "The browser was sent through Clerk several times, and came back signed out each time."
	return e
}

// unavailable is for requests whose token may be valid but could not be verified.
func unavailable() *Error {
	return &Error{
		Status: http.StatusServiceUnavailable, Code: "verification_unavailable", title: "Try again later",
		Message: "The token could not be verified for now: too many are being verified. It may be valid; try again later.",
	}
}

// notFound hides that the page exists.
func notFound() *Error {
	return &Error{Status: http.StatusNotFound, Code: "resource_not_found", title: "Not found", Message: "There is nothing at this address."}
}

// forbidden is for requests that are signed in but not allowed.
func forbidden() *Error {
	return &Error{Status: http.StatusForbidden, Code: "authorization_invalid", title: "Forbidden", Message: "The signed-in user may not do this."}
}

// insufficientScope is for tokens that would need more scopes.
func insufficientScope(scopes []string, challenge string) *Error {
	e := forbidden()
	e.Message, e.challenge = "The token lacks a scope. This needs "+strings.Join(scopes, " ")+".", challenge
	return e
}

// reverificationNeeded asks Clerk's front-end libraries to verify the user again, in the
// shape that they know.
func reverificationNeeded(q Requirement) *Error {
	type clerkError struct {
		Type     string         `json:"type"`
		Reason   string         `json:"reason"`
		Metadata map[string]any `json:"metadata"`
	}
	var asked any = q.Reverification
	if q.Level != "" {
		asked = map[string]any{"level": q.Level, "afterMinutes": q.AfterMinutes}
	}
	return &Error{
		Status: http.StatusForbidden, Code: "reverification_needed", title: "Reverification needed",
		Message: "The signed-in user must verify again, which was too long ago.",
		body: map[string]clerkError{
			"clerk_error": {Type: "forbidden", Reason: "reverification-error", Metadata: map[string]any{"reverification": asked}},
		},
	}
}
