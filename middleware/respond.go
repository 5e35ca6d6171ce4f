package middleware

import (
	"net/http"
	"slices"

	"github.com/clerkgate/clerkgate/internal/navigation"
)

// Answer writes the answer to requests that must not reach the application: a redirect
// through Clerk; 503 if only Clerk can decide and is down; in development, a page that
// says what is wrong. It reports whether it did. It is for callers of
// [Authenticator.Authenticate] that do not use [Authenticator.Handler].
//
// A page that is prefetched gets 503 in place of a redirect through Clerk.
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

// setHeaders adds the cookies to those already set, and sets the other headers.
func (s *State) setHeaders(h http.Header) {
	for name, values := range s.Header {
		if name == "Set-Cookie" {
			h[name] = append(slices.Clone(h[name]), values...)
			continue
		}
		h[name] = values
	}
}

// writeNotAhead answers a prefetch in place of a redirect. Nobody sees where the redirect
// would end, but its cookie would count for the loop guard, which might then stop the real
// navigation. Browsers discard prefetched and prerendered pages whose status is an error,
// and request them again when the link is followed; a 204 they would keep. A Retry-After
// would make Chromium stop prefetching altogether.
func writeNotAhead(w http.ResponseWriter) {
	notAhead := Error{
		Status: http.StatusServiceUnavailable, Code: "not_available_ahead", title: "Not available ahead",
		Message: "This page cannot be fetched ahead, because the browser must go to Clerk first. Open it.",
	}
	notAhead.WriteJSON(w)
}
