package demo

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/middleware"
)

// shown is how many requests the page shows.
const shown = 10

// decision is what clerkgate did with a request.
type decision string

const (
	signedIn  decision = "signed in"
	signedOut decision = "signed out"
	handshake decision = "handshake" // the browser is sent to Clerk and back
	forClerk  decision = "for Clerk" // a request to the Frontend API or its pages, passed on
)

// event is one request and what clerkgate did with it.
type event struct {
	ID           int
	At           time.Time
	Method, Path string
	Decision     decision
	Reason       string // why it is not signed in, as in Clerk's SDK
	User         string // email address
	Refreshed    bool   // an expired token was refreshed
	LookedUp     bool   // the session was looked up at Clerk
	// GoesOn is set if the response redirects the browser, so that the next event belongs
	// to the same visit.
	GoesOn bool
}

// story keeps the last events. Its methods are safe for concurrent use.
type story struct {
	now   func() time.Time
	email func(userID string) string

	mu      sync.Mutex
	events  []event // oldest first, at most shown
	last    int     // the newest event's ID
	lookups bool    // a session was looked up since the last event
	changed chan struct{}
	over    bool
}

func newStory(now func() time.Time, email func(userID string) string) *story {
	return &story{now: now, email: email, changed: make(chan struct{})}
}

// judged adds a decision. It is a [middleware.Options.Observer], so that the page can show
// its own request.
func (s *story) judged(r *http.Request, state *middleware.State) {
	e := event{
		Method: r.Method, Path: r.URL.Path, Decision: signedOut, Reason: string(state.Reason),
		Refreshed: state.Refreshed, GoesOn: state.Location() != "" || r.Method == http.MethodPost,
	}
	switch {
	case state.Status == middleware.Handshake:
		e.Decision = handshake
	case state.Auth.UserID != "":
		e.Decision, e.User = signedIn, s.email(state.Auth.UserID)
	}
	s.add(e)
}

// passedOn adds a request that was passed on to Clerk without a decision.
func (s *story) passedOn(method, path string, status int) {
	s.add(event{Method: method, Path: path, Decision: forClerk, GoesOn: status >= 300 && status < 400})
}

func (s *story) add(e event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	e.ID, e.At = s.last, s.now()
	if e.Decision != forClerk {
		e.LookedUp, s.lookups = s.lookups, false
	}
	s.events = append(s.events, e)
	if len(s.events) > shown {
		s.events = append(s.events[:0], s.events[1:]...)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

// lookedUp records clerkgate's look-ups of sessions at Clerk, which a decision does not
// mention.
func (s *story) lookedUp(clerk http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/v1/sessions/") {
			s.mu.Lock()
			s.lookups = true
			s.mu.Unlock()
		}
		clerk.ServeHTTP(w, r)
	})
}

// tell returns the events, oldest first, and a channel that is closed when there are
// more. The channel is nil after [story.end].
func (s *story) tell() (events []event, more <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	events = append(events, s.events...)
	if !s.over {
		more = s.changed
	}
	return events, more
}

// end releases everybody who waits for more events.
func (s *story) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	close(s.changed)
	s.changed = make(chan struct{})
}
