package main

import (
	"bytes"
	"crypto/rand"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"time"
)

//go:embed demo_assets
var demoAssets embed.FS

// demoClockSkew is what clerkgate allows by default: a token goes on being
// accepted for so long after its expiry, and is refreshed only then.
const demoClockSkew = 5 * time.Second

// demoApp is the application behind clerkgate in the demo. Like any app in any
// language, it learns who is there from the X-Clerk-* headers alone and checks
// no token; that is safe because only clerkgate can reach it.
type demoApp struct {
	production bool
	sessions   demoSessions
	email      func(userID string) string
	// sessionCookies are the names under which the upstream gets the session
	// token, the one that counts first.
	sessionCookies []string
	now            func() time.Time

	pages *template.Template
	style template.CSS
}

// demoSessions is what the demo's buttons do at the local Clerk.
type demoSessions interface {
	EndSession(sessionID string)
	InvalidateRefreshTokens(sessionID string)
}

// handler returns the app. Its unsafe methods are refused when they come from
// another origin.
func (a *demoApp) handler() (http.Handler, error) {
	pages, err := template.ParseFS(demoAssets, "demo_assets/*.html")
	if err != nil {
		return nil, err
	}
	style, err := demoAssets.ReadFile("demo_assets/style.css")
	if err != nil {
		return nil, err
	}
	a.pages, a.style = pages, template.CSS(style) //nolint:gosec // our own embedded file

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("GET /api/me", a.me)
	mux.HandleFunc("POST /session/end", a.endSession)
	mux.HandleFunc("POST /session/revoke-refresh-token", a.revokeRefreshToken)

	return http.NewCrossOriginProtection().Handler(mux), nil
}

// demoPage is what the templates show.
type demoPage struct {
	SignedIn          bool
	Email, Mode, Note string
	Origin            string
	SignIn, SignOut   string
	Headers           []demoHeader
	SecondsLeft       int
	ClockSkew         int
	Style             template.CSS
	Nonce             string
}

// SecondsShown is the token's life for a browser without scripts.
func (p demoPage) SecondsShown() int { return max(0, p.SecondsLeft) }

type demoHeader struct{ Name, Value string }

func (a *demoApp) home(w http.ResponseWriter, r *http.Request) {
	origin := demoPublicOrigin(r)
	page := demoPage{
		SignedIn:    demoSignedIn(r),
		Mode:        "development",
		Origin:      origin,
		SignIn:      demoClerkPage(origin, "/sign-in"),
		SignOut:     demoClerkPage(origin, "/sign-out"),
		Headers:     demoIdentityHeaders(r.Header),
		SecondsLeft: a.secondsLeft(r),
		ClockSkew:   int(demoClockSkew / time.Second),
		Style:       a.style,
		Nonce:       rand.Text(),
	}
	if a.production {
		page.Mode = "production"
	}
	if page.SignedIn {
		page.Email = a.email(r.Header.Get("X-Clerk-User-Id"))
	}
	if r.URL.Query().Get("refresh") == "revoked" {
		page.Note = "The refresh token is invalid now. Wait for the token to expire, then reload: you come back through the handshake."
	}

	var body bytes.Buffer
	if err := a.pages.ExecuteTemplate(&body, "page.html", page); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store") // it shows who is signed in
	h.Set("Content-Security-Policy", "default-src 'none'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "+
		"style-src 'nonce-"+page.Nonce+"'; script-src 'nonce-"+page.Nonce+"'")
	_, _ = w.Write(body.Bytes())
}

// me is an API endpoint: programs get JSON and never a redirect.
func (a *demoApp) me(w http.ResponseWriter, r *http.Request) {
	if !demoSignedIn(r) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		demoJSON(w, http.StatusUnauthorized, demoErrors{Errors: []demoError{{
			Code:        "authentication_required",
			Message:     "Not signed in",
			LongMessage: "A session token is needed, as a cookie or as a bearer token. Reason: " + r.Header.Get("X-Clerk-Auth-Reason") + ".",
		}}})
		return
	}
	user := r.Header.Get("X-Clerk-User-Id")
	demoJSON(w, http.StatusOK, map[string]string{
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
func (a *demoApp) endSession(w http.ResponseWriter, r *http.Request) {
	if !a.onSession(w, r, a.sessions.EndSession) {
		return
	}
	for _, name := range a.sessionCookies {
		http.SetCookie(w, &http.Cookie{Name: name, Path: "/", MaxAge: -1, SameSite: http.SameSiteLaxMode})
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *demoApp) revokeRefreshToken(w http.ResponseWriter, r *http.Request) {
	if a.onSession(w, r, a.sessions.InvalidateRefreshTokens) {
		http.Redirect(w, r, "/?refresh=revoked", http.StatusSeeOther)
	}
}

// onSession does something to the caller's session. A token that expired before a
// POST arrives can't be refreshed by it: then the answer leads to the page, which
// can.
func (a *demoApp) onSession(w http.ResponseWriter, r *http.Request, do func(sessionID string)) bool {
	if !demoSignedIn(r) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return false
	}
	do(r.Header.Get("X-Clerk-Session-Id"))
	return true
}

// secondsLeft is how long the token that the upstream got still lives; negative
// once it has expired.
func (a *demoApp) secondsLeft(r *http.Request) int {
	for _, name := range a.sessionCookies {
		cookie, err := r.Cookie(name)
		if err != nil {
			continue
		}
		if exp, ok := demoUnverifiedExpiry(cookie.Value); ok {
			return int(exp.Sub(a.now()).Round(time.Second) / time.Second)
		}
	}
	return 0
}

// demoErrors is an error answer in the shape that Clerk's APIs use, so that
// front-end code needs one way to read errors.
type demoErrors struct {
	Errors []demoError `json:"errors"`
}

type demoError struct {
	Code        string `json:"code"`
	Message     string `json:"message"`
	LongMessage string `json:"long_message"`
}

func demoJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that hung up is nobody's failure
}
