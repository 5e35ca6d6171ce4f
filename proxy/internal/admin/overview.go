package admin

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/build"
)

// Overview is the data of the pages about the server as a whole: /-/ for people, and
// /-/status, /-/routes and /-/config for programs. Its functions are called for each request.
type Overview struct {
	// Status returns how the server is doing.
	Status func(context.Context) Status
	// Routes returns the routes in force, in their order.
	Routes func() []Route
	// Settings returns the configuration in force. It holds no secret.
	Settings func() []Setting
}

// Status is how the server is doing.
type Status struct {
	Build   build.Info `json:"build"`
	Started time.Time  `json:"started"`
	// UptimeInSeconds is how long ago that was.
	UptimeInSeconds int64 `json:"uptime_in_seconds"`
	// State is that of /readyz, with its parts.
	State string            `json:"status"`
	Parts map[string]string `json:"parts,omitempty"`
	// Breakers keep calls from a part of Clerk that is failing.
	Breakers []Breaker `json:"breakers"`
}

// Breaker is the state of one breaker.
type Breaker struct {
	Name  string    `json:"name"`
	Open  bool      `json:"open"`
	Since time.Time `json:"since,omitzero"` // when it opened
	// RetryInSeconds is how long it is until the next call may be made.
	RetryInSeconds float64 `json:"retry_in_seconds,omitempty"`
}

// Route is a route in force, with the requests that it was chosen for.
type Route struct {
	Name     string   `json:"name,omitempty"`
	Hosts    []string `json:"hosts,omitempty"`
	Match    string   `json:"match"`
	Methods  []string `json:"methods,omitempty"`
	Auth     string   `json:"auth"`
	Upstream string   `json:"upstream,omitempty"`
	Requests uint64   `json:"requests"`
}

// Setting is a variable, its value, and where that comes from.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"`
}

// pages returns the pages for programs.
func (o *Overview) pages() []Page {
	return []Page{
		{http.MethodGet, "/-/status", "version, readiness with its parts, and breakers", asJSON(func(r *http.Request) any { return o.Status(r.Context()) })},
		{http.MethodGet, "/-/routes", "the routes in force, with the requests of each", asJSON(func(*http.Request) any {
			return struct {
				Routes []Route `json:"routes"`
			}{o.Routes()}
		})},
		{http.MethodGet, "/-/config", "every variable: its value, and where that comes from", asJSON(func(*http.Request) any {
			return struct {
				Settings []Setting `json:"settings"`
			}{o.Settings()}
		})},
	}
}

func asJSON(data func(*http.Request) any) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { WriteJSON(w, http.StatusOK, data(r)) })
}

// wantsHTML reports whether a browser asks for a page.
func wantsHTML(r *http.Request) bool {
	for _, line := range r.Header["Accept"] {
		if strings.Contains(line, "text/html") {
			return true
		}
	}
	return false
}
