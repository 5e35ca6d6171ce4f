package middleware

import (
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/clerkgate/clerkgate/internal/navigation"
)

// Answer writes the answers that no application may see first: redirects through
// Clerk, and in development what is wrong. It reports whether it did. It is for who
// calls [Authenticator.Authenticate] without [Authenticator.Handler].
//
// A page that is fetched ahead gets 503 in place of a redirect through Clerk.
func (s *State) Answer(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case s.Status == Handshake && navigation.IsSpeculative(r.Header):
		writeNotAhead(w)
	case s.Location() != "":
		s.setHeaders(w.Header())
		w.WriteHeader(http.StatusTemporaryRedirect)
	case s.DeveloperError != "":
		s.setHeaders(w.Header())
		writeDeveloperError(w, r, s)
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

// problemBody is Clerk's error shape.
type problemBody struct {
	Errors []problemItem `json:"errors"`
}

type problemItem struct {
	Code        string            `json:"code"`
	Message     string            `json:"message"`
	LongMessage string            `json:"long_message"`
	Meta        map[string]string `json:"meta,omitempty"`
}

// writeUnauthenticated is the 401 for programs; challenge says how to authenticate.
func writeUnauthenticated(w http.ResponseWriter, s *State, challenge string) {
	w.Header().Set("WWW-Authenticate", challenge)
	item := problemItem{
		Code: "authentication_invalid", Message: "Unauthenticated",
		LongMessage: "This needs a signed-in user. Send a session token in the Authorization header or the session cookie.",
	}
	if s != nil {
		item.Meta = map[string]string{"reason": string(s.Reason)}
	}
	writeJSON(w, http.StatusUnauthorized, problemBody{Errors: []problemItem{item}})
}

// writeNotAhead answers a page that is fetched ahead in place of a redirect. Nobody sees
// where the redirect would end, its cookie would count for the loop guard, and the click
// would find the guard closed. Browsers keep no prefetched page and no prerendered one
// whose status is an error, and ask again when the link is followed; they keep a 204. A
// Retry-After would keep Chromium from fetching anything ahead.
func writeNotAhead(w http.ResponseWriter) {
	writeJSON(w, http.StatusServiceUnavailable, problemBody{Errors: []problemItem{{
		Code: "not_available_ahead", Message: "Not available ahead",
		LongMessage: "This page cannot be fetched ahead, because the browser must go to Clerk first. Open it.",
	}}})
}

// writeUnavailable is the 503 for a program whose token may be good.
func writeUnavailable(w http.ResponseWriter, retryAfter uint16) {
	w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter)))
	writeJSON(w, http.StatusServiceUnavailable, problemBody{Errors: []problemItem{{
		Code: "verification_unavailable", Message: "Try again later",
		LongMessage: "The token could not be verified for now: too many are being verified. It may be valid; try again later.",
	}}})
}

// writeNotFound is the 404 that hides what is there.
func writeNotFound(w http.ResponseWriter) {
	writeJSON(w, http.StatusNotFound, problemBody{Errors: []problemItem{{
		Code: "resource_not_found", Message: "Not found", LongMessage: "There is nothing at this address.",
	}}})
}

// writeForbidden is the 403 for who is signed in and may not.
func writeForbidden(w http.ResponseWriter) {
	writeJSON(w, http.StatusForbidden, problemBody{Errors: []problemItem{{
		Code: "authorization_invalid", Message: "Forbidden", LongMessage: "The signed-in user may not do this.",
	}}})
}

// writeReverification asks Clerk's front-end libraries to verify the user again,
// in the shape that they know.
func writeReverification(w http.ResponseWriter, q Requirement) {
	type clerkError struct {
		Type     string         `json:"type"`
		Reason   string         `json:"reason"`
		Metadata map[string]any `json:"metadata"`
	}
	var asked any = q.Reverification
	if q.Level != "" {
		asked = map[string]any{"level": q.Level, "afterMinutes": q.AfterMinutes}
	}
	writeJSON(w, http.StatusForbidden, map[string]clerkError{
		"clerk_error": {Type: "forbidden", Reason: "reverification-error", Metadata: map[string]any{"reverification": asked}},
	})
}

// writeProblem is an answer in Clerk's error shape.
func writeProblem(w http.ResponseWriter, status int, code, message, long string) {
	writeJSON(w, status, problemBody{Errors: []problemItem{{Code: code, Message: message, LongMessage: long}}})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		http.Error(w, http.StatusText(status), status)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n'))
}

const developerPage = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Clerk could not sign you in</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:38rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}code{opacity:.7}</style>
<h1>Clerk could not sign you in</h1><p>%MESSAGE%</p><p><code>%REASON%</code></p>
<p>This page appears with development keys only.</p>
`

func writeDeveloperError(w http.ResponseWriter, r *http.Request, s *State) {
	if !isDocumentRequest(r) {
		writeUnauthenticated(w, s, "Bearer")
		return
	}
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
