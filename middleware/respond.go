package middleware

import (
	"net/http"
	"slices"

	"github.com/clerkgate/clerkgate/internal/navigation"
)

// Answer writes the answers that no application may see first: redirects through
// Clerk, 503 where only Clerk can tell and is down, and in development what is wrong. It reports whether it did. It is for who
// calls [Authenticator.Authenticate] without [Authenticator.Handler].
//
// A page that is fetched ahead gets 503 in place of a redirect through Clerk.
func (a *Authenticator) Answer(w http.ResponseWriter, r *http.Request, s *State) bool {
	switch {
	case s.Status == Unavailable:
		a.refuseUnavailable(w, r, s)
	case s.Status == Handshake && navigation.IsSpeculative(r.Header):
		writeNotAhead(w)
	case s.Location() != "":
		s.setHeaders(w.Header())
		w.WriteHeader(http.StatusTemporaryRedirect)
	case s.DeveloperError != "":
		s.setHeaders(w.Header())
		a.explain(w, r, s)
	default:
		return false
	}
	return true
}

// setHeaders adds cookies to those that are there and sets the rest.
func (s *State) setHeaders(h http.Header) {
	for name, values := range s.Header {
		if name == "Set-Cookie" {
			h[name] = append(slices.Clone(h[name]), values...)
			continue
		}
		h[name] = values
	}
}

// writeNotAhead answers a page that is fetched ahead in place of a redirect. Nobody sees
// where the redirect would end, its cookie would count for the loop guard, and the click
// would find the guard closed. Browsers keep no prefetched page and no prerendered one
// whose status is an error, and ask again when the link is followed; they keep a 204. A
// Retry-After would keep Chromium from fetching anything ahead.
func writeNotAhead(w http.ResponseWriter) {
	notAhead := Error{
		Status: http.StatusServiceUnavailable, Code: "not_available_ahead", title: "Not available ahead",
		Message: "This page cannot be fetched ahead, because the browser must go to Clerk first. Open it.",
	}
	notAhead.WriteJSON(w)
}
