package demo

import (
	"encoding/json"
	"html/template"
	"net/http"
	"time"
)

// clockSkew is what clerkgate allows by default: a token goes on being
// accepted for so long after its expiry, and is refreshed only then.
const clockSkew = 5 * time.Second

// What the buttons do.
const (
	endPath    = "/session/end"
	revokePath = "/session/revoke-refresh-token"
)

// app is the application behind clerkgate in the demo. Like any app in any
// language, it learns who is there from the X-Clerk-* headers alone and checks
// no token; that is safe because only clerkgate can reach it.
type app struct {
	production bool
	sessions   sessions
	email      func(userID string) string
	story      *story
	// sessionCookies are the names under which the upstream gets the session
	// token, the one that counts first.
	sessionCookies []string
	now            func() time.Time

	pages *template.Template
}

// sessions is what the demo's buttons do at the local Clerk.
type sessions interface {
	EndSession(sessionID string)
	InvalidateRefreshTokens(sessionID string)
}

// handler returns the app. Its unsafe methods are refused when they come from
// another origin.
func (a *app) handler() (http.Handler, error) {
	pages, err := parsePages()
	if err != nil {
		return nil, err
	}
	a.pages = pages

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET "+eventsPath, a.events)
	mux.HandleFunc("GET /api/me", a.me)
	mux.HandleFunc("POST "+endPath, a.endSession)
	mux.HandleFunc("POST "+revokePath, a.revokeRefreshToken)

	return http.NewCrossOriginProtection().Handler(mux), nil
}

// me is an API endpoint: programs get JSON and never a redirect.
func (a *app) me(w http.ResponseWriter, r *http.Request) {
	if !isSignedIn(r) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		writeJSON(w, http.StatusUnauthorized, apiErrors{Errors: []apiError{{
			Code:        "authentication_required",
			Message:     "Not signed in",
			LongMessage: "A session token is needed, as a cookie or as a bearer token. Reason: " + r.Header.Get("X-Clerk-Auth-Reason") + ".",
		}}})
		return
	}
	user := r.Header.Get("X-Clerk-User-Id")
	writeJSON(w, http.StatusOK, map[string]string{
		"user_id":    user,
		"email":      a.email(user),
		"session_id": r.Header.Get("X-Clerk-Session-Id"),
		"org_id":     r.Header.Get("X-Clerk-Org-Id"),
		"org_role":   r.Header.Get("X-Clerk-Org-Role"),
	})
}

// endSession ends the session at the local Clerk and drops the short-lived token,
// as Clerk's browser library does. The next page then has a client_uat but no
// token, so clerkgate asks Clerk by a handshake, and Clerk knows nobody.
func (a *app) endSession(w http.ResponseWriter, r *http.Request) {
	if !a.onSession(w, r, a.sessions.EndSession) {
		return
	}
	for _, name := range a.sessionCookies {
		http.SetCookie(w, &http.Cookie{Name: name, Path: "/", MaxAge: -1, SameSite: http.SameSiteLaxMode})
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// revokeRefreshToken leaves a note that holds for as long as the token that the
// browser has now: a fresh one comes by the handshake, with a refresh token that works.
func (a *app) revokeRefreshToken(w http.ResponseWriter, r *http.Request) {
	if a.onSession(w, r, a.sessions.InvalidateRefreshTokens) {
		setNote(w, noteRevoked+a.token(r).ID)
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// onSession does something to the caller's session. clerkgate refreshes an expired
// token for a POST too, but without a refresh token it can't, and a handshake would
// lose what the form holds: then the answer leads to the page, which says so.
func (a *app) onSession(w http.ResponseWriter, r *http.Request, do func(sessionID string)) bool {
	if !isSignedIn(r) {
		setNote(w, noteNothingDone)
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return false
	}
	do(r.Header.Get("X-Clerk-Session-Id"))
	return true
}

// apiErrors is an error answer in the shape that Clerk's APIs use, so that
// front-end code needs one way to read errors.
type apiErrors struct {
	Errors []apiError `json:"errors"`
}

type apiError struct {
	Code        string `json:"code"`
	Message     string `json:"message"`
	LongMessage string `json:"long_message"`
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that hung up is nobody's failure
}
