package middleware

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/navigation"
)

// problemType is the media type of RFC 9457.
const problemType = "application/problem+json"

// clerkUnavailable is for requests that only Clerk can decide, while it is down.
func clerkUnavailable(s *State) *Error {
	return &Error{
		Status: http.StatusServiceUnavailable, Code: "clerk_unavailable", title: "Try again later", recovers: true, Since: s.Since(),
		Message: "The sign-in service cannot be reached, so it cannot be told whether the request may go on. Nobody is signed out; try again later.",
		hint:    &hint{s.Reason, true},
	}
}

// refuseUnavailable answers 503: with a page that reloads itself for people, who would not know
// what else to do, and with an error that says so for programs.
func (a *Authenticator) refuseUnavailable(w http.ResponseWriter, r *http.Request, s *State) {
	if navigation.IsSpeculative(r.Header) {
		writeNotAhead(w)
		return
	}
	e := clerkUnavailable(s)
	e.problem = strings.Contains(headerValue(r.Header, "Accept"), problemType)
	s.setHeaders(w.Header())
	wait := s.retryAfter
	if wait == 0 && a != nil {
		wait = a.health.retryAfter() // the grace accepts the session, but not for this request
	}
	h := w.Header()
	h.Set("Retry-After", strconv.Itoa(max(1, int(wait))))
	if reloads := isDocumentRequest(r); reloads {
		h.Set("Refresh", strconv.Itoa(reloadAfter(int(wait))))
	}
	if navigation.IsDocument(r.Header) && (a == nil || a.opts.ErrorHandler == nil) {
		unavailablePage(advice(r, e.Since)).Write(w, r, e.Status)
		return
	}
	a.turnAway(w, r, s, e)
}

// leastReload is the shortest time, in seconds, after which a page reloads itself, so that
// many open pages are no burden.
const leastReload = 5

// reloadAfter returns after how many seconds a page reloads itself, with a random part so
// that pages do not all reload at once.
func reloadAfter(wait int) int {
	wait = max(wait, leastReload)
	return wait + rand.IntN(wait) //nolint:gosec // not for security
}

// advice returns a sentence about since when, and what happens next. A form is not sent
// again by itself.
func advice(r *http.Request, since time.Time) string {
	text := "This page reloads itself."
	if !isDocumentRequest(r) {
		text = "What you sent was not accepted. Wait a moment, then reload this page and let your browser send it once more."
	}
	if !since.IsZero() {
		text = "It has been so since " + since.UTC().Format("15:04 UTC") + ". " + text
	}
	return text
}
