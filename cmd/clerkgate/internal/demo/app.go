package demo

import (
	"bytes"
	"crypto/rand"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"time"
)

//go:embed assets
var assets embed.FS

// clockSkew is what clerkgate allows by default: a token goes on being
// accepted for so long after its expiry, and is refreshed only then.
const clockSkew = 5 * time.Second

// app is the application behind clerkgate in the demo. Like any app in any
// language, it learns who is there from the X-Clerk-* headers alone and checks
// no token; that is safe because only clerkgate can reach it.
type app struct {
	production bool
	sessions   sessions
	email      func(userID string) string
	// sessionCookies are the names under which the upstream gets the session
	// token, the one that counts first.
	sessionCookies []string
	now            func() time.Time

	pages *template.Template
	style template.CSS
}

// sessions is what the demo's buttons do at the local Clerk.
type sessions interface {
	EndSession(sessionID string)
	InvalidateRefreshTokens(sessionID string)
}

// handler returns the app. Its unsafe methods are refused when they come from
// another origin.
func (a *app) handler() (http.Handler, error) {
	pages, err := template.ParseFS(assets, "assets/*.html")
	if err != nil {
		return nil, err
	}
	style, err := assets.ReadFile("assets/style.css")
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

// page is what the templates show.
type page struct {
	SignedIn          bool
	Email, Mode, Note string
	Origin            string
	SignIn, SignOut   string
	Headers           []identityHeader
	SecondsLeft       int
	ClockSkew         int
	Style             template.CSS
	Nonce             string
}

// SecondsShown is the token's life for a browser without scripts.
func (p page) SecondsShown() int { return max(0, p.SecondsLeft) }

type identityHeader struct{ Name, Value string }

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	origin := publicOrigin(r)
	p := page{
		SignedIn:    signedIn(r),
		Mode:        "development",
		Origin:      origin,
		SignIn:      clerkPage(origin, "/sign-in"),
		SignOut:     clerkPage(origin, "/sign-out"),
		Headers:     identityHeaders(r.Header),
		SecondsLeft: a.secondsLeft(r),
		ClockSkew:   int(clockSkew / time.Second),
		Style:       a.style,
		Nonce:       rand.Text(),
	}
	if a.production {
		p.Mode = "production"
	}
	if p.SignedIn {
		p.Email = a.email(r.Header.Get("X-Clerk-User-Id"))
	}
	if r.URL.Query().Get("refresh") == "revoked" {
		p.Note = "The refresh token is invalid now. Wait for the token to expire, then reload: you come back through the handshake."
	}

	var body bytes.Buffer
	if err := a.pages.ExecuteTemplate(&body, "page.html", p); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store") // it shows who is signed in
	h.Set("Content-Security-Policy", "default-src 'none'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "+
		"style-src 'nonce-"+p.Nonce+"'; script-src 'nonce-"+p.Nonce+"'")
	_, _ = w.Write(body.Bytes())
}

// me is an API endpoint: programs get JSON and never a redirect.
func (a *app) me(w http.ResponseWriter, r *http.Request) {
	if !signedIn(r) {
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

func (a *app) revokeRefreshToken(w http.ResponseWriter, r *http.Request) {
	if a.onSession(w, r, a.sessions.InvalidateRefreshTokens) {
		http.Redirect(w, r, "/?refresh=revoked", http.StatusSeeOther)
	}
}

// onSession does something to the caller's session. A token that expired before a
// POST arrives can't be refreshed by it: then the answer leads to the page, which
// can.
func (a *app) onSession(w http.ResponseWriter, r *http.Request, do func(sessionID string)) bool {
	if !signedIn(r) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return false
	}
	do(r.Header.Get("X-Clerk-Session-Id"))
	return true
}

// secondsLeft is how long the token that the upstream got still lives; negative
// once it has expired.
func (a *app) secondsLeft(r *http.Request) int {
	for _, name := range a.sessionCookies {
		cookie, err := r.Cookie(name)
		if err != nil {
			continue
		}
		if exp, ok := unverifiedExpiry(cookie.Value); ok {
			return int(exp.Sub(a.now()).Round(time.Second) / time.Second)
		}
	}
	return 0
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
