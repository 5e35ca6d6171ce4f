package middleware

import (
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/navigation"
)

// Answer writes the answers that no application may see first: redirects through
// Clerk, and in development what is wrong. It reports whether it did. It is for who
// calls [Authenticator.Authenticate] without [Authenticator.Handler].
//
// A page that is fetched ahead gets 503 in place of a redirect through Clerk.
func (a *Authenticator) Answer(w http.ResponseWriter, r *http.Request, s *State) bool {
	switch {
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

// writeProblem is an answer in Clerk's error shape.
func writeProblem(w http.ResponseWriter, status int, code, message, long string) {
	refused := Error{Status: status, Code: code, title: message, Message: long}
	refused.WriteJSON(w)
}

const developerPage = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Clerk could not sign you in</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:38rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}code{opacity:.7}</style>
<h1>Clerk could not sign you in</h1><p>%MESSAGE%</p><p><code>%REASON%</code></p>
<p>This page appears with development keys only.</p>
`

func writeDeveloperPage(w http.ResponseWriter, s *State) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusBadRequest)
	page := strings.NewReplacer(
		"%MESSAGE%", template.HTMLEscapeString(s.DeveloperError),
		"%REASON%", template.HTMLEscapeString(string(s.Reason)),
	)
	_, _ = page.WriteString(w, developerPage)
}
