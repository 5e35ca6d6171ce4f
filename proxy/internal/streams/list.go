package streams

import (
	"net/http"
	"slices"
	"time"

	"github.com/clerkgate/clerkgate/proxy/internal/admin"
	"github.com/clerkgate/clerkgate/proxy/internal/forward"
)

// maxListed is how many sessions a list has at most.
const maxListed = 1000

// report is what [Registry.ServeHTTP] responds with.
type report struct {
	Open     map[forward.Kind]int `json:"open"`
	Ended    map[forward.Kind]int `json:"ended"`
	Sessions []listed             `json:"sessions"` // those of the oldest streams first
	LeftOut  int                  `json:"left_out,omitempty"`
}

// listed is a session in a list.
type listed struct {
	SessionID string               `json:"session_id"`
	UserID    string               `json:"user_id,omitempty"`
	Count     int                  `json:"count"`
	Since     time.Time            `json:"since"` // when the oldest of its streams began
	Kinds     map[forward.Kind]int `json:"kinds"`
	Routes    []string             `json:"routes,omitempty"`
}

// ServeHTTP lists the sessions that have open streams, as JSON. The queries session and user
// choose those with that id.
func (r *Registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body := report{Open: make(map[forward.Kind]int), Ended: make(map[forward.Kind]int)}
	for kind, n := range r.Counts() {
		body.Open[kind], body.Ended[kind] = n.Open, n.Ended
	}
	body.Sessions = r.list(q.FormValue("session"), q.FormValue("user"))
	if n := len(body.Sessions); n > maxListed {
		body.Sessions, body.LeftOut = body.Sessions[:maxListed], n-maxListed
	}
	admin.WriteJSON(w, http.StatusOK, body)
}

// list returns the sessions with the given ids; "" means any.
func (r *Registry) list(sessionID, userID string) []listed {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := []listed{}
	for _, of := range r.sessions {
		if l := of.listed(); (sessionID == "" || sessionID == l.SessionID) && (userID == "" || userID == l.UserID) {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b listed) int { return a.Since.Compare(b.Since) })
	return all
}

func (of *session) listed() listed {
	l := listed{SessionID: of.id, Count: len(of.streams), Kinds: make(map[forward.Kind]int)}
	for e := range of.streams {
		l.UserID = e.UserID
		l.Kinds[e.Kind]++
		if e.Route != "" && !slices.Contains(l.Routes, e.Route) {
			l.Routes = append(l.Routes, e.Route)
		}
		if since := e.since.UTC(); l.Since.IsZero() || since.Before(l.Since) {
			l.Since = since
		}
	}
	slices.Sort(l.Routes)
	return l
}
