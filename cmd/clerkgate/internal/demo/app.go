package demo

import (
	"encoding/json"
	"html/template"
	"net/http"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

// clockSkew is clerkgate's default: a token is still accepted for so long after its
// expiry, and refreshed only then.
const clockSkew = 5 * time.Second

// The targets of the buttons.
const (
	endPath    = "/session/end"
	revokePath = "/session/revoke-refresh-token"
	downPath   = "/clerk/down"
	upPath     = "/clerk/up"
)

// app is the application behind clerkgate in the demo. Like an app in any language, it
// reads the X-Clerk-* headers and checks no token, which is safe because it is reachable
// only through clerkgate.
type app struct {
	production bool
	clerk      localClerk
	outage     time.Duration // how long Clerk is down at the push of a button
	email      func(userID string) string
	story      *story
	// sessionCookies are the names of the cookies that may hold the session token, in
	// order of preference.
	sessionCookies []string
	now            func() time.Time

	pages *template.Template
}

// localClerk has the operations of the local Clerk that the buttons need.
type localClerk interface {
	EndSession(sessionID string)
	InvalidateRefreshTokens(sessionID string)
	SetOutage(o clerktest.Outage)
	Outage() clerktest.Outage
}

// handler returns the app. It refuses unsafe requests from other origins.
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
	mux.HandleFunc("POST "+downPath, a.clerkDown)
	mux.HandleFunc("POST "+upPath, a.clerkUp)

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

// endSession ends the session at the local Clerk and deletes the session token, as
// Clerk's browser library does. The next request then has a client_uat but no token, so
// clerkgate starts a handshake, in which Clerk finds no session.
func (a *app) endSession(w http.ResponseWriter, r *http.Request) {
	if !a.onSession(w, r, a.clerk.EndSession) {
		return
	}
	for _, name := range a.sessionCookies {
		http.SetCookie(w, &http.Cookie{Name: name, Path: "/", MaxAge: -1, SameSite: http.SameSiteLaxMode})
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// revokeRefreshToken leaves a note that is shown until the browser has a new session
// token, which it gets in a handshake together with a working refresh token.
func (a *app) revokeRefreshToken(w http.ResponseWriter, r *http.Request) {
	if a.onSession(w, r, a.clerk.InvalidateRefreshTokens) {
		setNote(w, noteRevoked+a.token(r).ID)
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

// clerkDown makes everything at Clerk fail. It ends by itself, because a browser whose token has expired meanwhile cannot
// reach the button that ends it.
func (a *app) clerkDown(w http.ResponseWriter, r *http.Request) {
	a.clerk.SetOutage(clerktest.Outage{Kind: clerktest.OutageDown, Lasts: a.outage})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) clerkUp(w http.ResponseWriter, r *http.Request) {
	a.clerk.SetOutage(clerktest.Outage{})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// onSession calls do with the caller's session. clerkgate also refreshes expired tokens of
// POST requests, but cannot without a valid refresh token, and a handshake would lose the
// form. In that case onSession redirects to the page, which says so.
func (a *app) onSession(w http.ResponseWriter, r *http.Request, do func(sessionID string)) bool {
	if !isSignedIn(r) {
		setNote(w, noteNothingDone)
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return false
	}
	do(r.Header.Get("X-Clerk-Session-Id"))
	return true
}

// apiErrors is an error response in the format of Clerk's APIs, so that front-end code can
// handle both alike.
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
	_ = json.NewEncoder(w).Encode(body) // fails only if the client has disconnected
}
