package middleware

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/navigation"
)

// Error is why a request is turned away, and how.
type Error struct {
	// Status is the HTTP status: 400, 401, 403, 404, 405 or 503.
	Status int
	// Code is the error's code, as programs get it: authentication_invalid,
	// authorization_invalid, resource_not_found; reverification_needed where the JSON has
	// Clerk's reverification-error in its place; verification_unavailable. redirect_loop and developer_error are
	// for browsers only. clerk_unavailable means that Clerk is down. [Authenticator.SignOut] has cross_site_request and
	// method_not_allowed.
	Code string
	// Message is a sentence for whoever develops the client.
	Message string
	// Reason is why nobody is signed in; empty if somebody is.
	Reason Reason
	// State is the judgement of the request.
	State *State
	// Since is when this process noticed that Clerk is down, with clerk_unavailable; else zero.
	Since time.Time
	// Document reports that a browser wants a page to show to a person. Otherwise a
	// program asks, which should get the JSON of [Error.WriteJSON].
	Document bool

	title     string
	challenge string // how to authenticate, for a 401 and a 403 that other scopes would mend
	hint      *hint
	recovers  bool // the same request may succeed later
	problem   bool // the client wants the form of RFC 9457
	body      any  // in place of Clerk's error shape

	// What SignInURL needs.
	authenticator *Authenticator
	request       *http.Request
}

// Error returns the code and the message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// SignInURL returns where a person signs in, and comes back from: to the page that was
// asked for or, after a form, to the one that had the form. It is empty if signing in
// would not help. It holds what the request says of its address; html/template makes it
// safe for a page.
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
		return "" // it is where the person is
	}
	return target.Href()
}

// WriteJSON answers as without [Options.ErrorHandler]: with Clerk's error shape.
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

// problemBody returns Clerk's error shape, with the members of RFC 9457 for who knows them.
func (e *Error) problemBody() problemBody {
	body := problemBody{Errors: []problemItem{{Code: e.Code, Message: e.title, LongMessage: e.Message, Meta: e.hint}}, Recoverable: e.recovers}
	if e.problem {
		body.Title, body.Status, body.Detail = e.title, e.Status, e.Message
	}
	return body
}

// setHeader sets what is the same for programs and people.
func (e *Error) setHeader(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if e.challenge != "" {
		h.Set("WWW-Authenticate", e.challenge)
	}
}

// anyBearer is the challenge of a 401 that has no more to say.
const anyBearer = "Bearer"

// problemBody is Clerk's error shape.
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

// hint tells a program why it is not signed in, and whether Clerk's front-end library may
// help, see [State.Recoverable].
type hint struct {
	Reason      Reason `json:"reason"`
	Recoverable bool   `json:"recoverable"`
}

// turnAway answers a request that must not go on. A nil a has no handler.
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

// explain answers a request whose state is a developer's error.
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

// unauthenticated is for requests that need somebody to be signed in. s is nil if nobody
// has judged the request.
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

// redirectLoop is for browsers that the loop guard has stopped.
func redirectLoop(s *State) *Error {
	e := unauthenticated(s, anyBearer)
	e.Code, e.title = "redirect_loop", "Redirect loop"
	e.Message = "The browser was sent through Clerk several times, and came back signed out each time."
	return e
}

// unavailable is for those whose token may be good.
func unavailable() *Error {
	return &Error{
		Status: http.StatusServiceUnavailable, Code: "verification_unavailable", title: "Try again later",
		Message: "The token could not be verified for now: too many are being verified. It may be valid; try again later.",
	}
}

// notFound hides what is there.
func notFound() *Error {
	return &Error{Status: http.StatusNotFound, Code: "resource_not_found", title: "Not found", Message: "There is nothing at this address."}
}

// forbidden is for those who are signed in and may not.
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
