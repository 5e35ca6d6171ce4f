package demo

import (
	"bytes"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"html/template"
	"math"
	"net/http"
	"slices"
	"time"
)

//go:embed assets
var assets embed.FS

// page is the data of the templates.
type page struct {
	SignedIn          bool
	Email, Mode, Note string
	Origin            string
	SignIn, SignOut   string
	Headers           []identityHeader
	Left, ClockSkew   time.Duration // until the token expires, and how much longer it is accepted
	ClerkDown         bool          // at the push of the button
	Outage            time.Duration // how long it stays down
	Story             storyView
	Nonce             string
}

// storyView is the part of the story that the page shows: the last requests, newest
// first, and the last visit.
type storyView struct {
	Events []event
	Visit  visit
	Last   int // the newest event's ID
}

type identityHeader struct{ Name, Value string }

// SecondsShown is the token's life for a browser without scripts, in whole seconds.
func (p page) SecondsShown() int { return int(math.Ceil(max(0, p.Left.Seconds()))) }

// Life returns the token's state: good, late (expired, but still accepted), or over. It
// is exact to the millisecond, since the page tells people to reload once it is over.
func (p page) Life() string {
	switch {
	case p.Left > 0:
		return "good"
	case p.Left > -p.ClockSkew:
		return "late"
	default:
		return "over"
	}
}

// parsePages parses the templates. Style, script and icon are part of the page, so that
// no requests for them appear in the story.
func parsePages() (*template.Template, error) {
	return template.New("").Funcs(template.FuncMap{
		"style": func() (template.CSS, error) {
			text, err := assets.ReadFile("assets/style.css")
			return template.CSS(text), err //nolint:gosec // an embedded file of ours
		},
		"script": func() (template.JS, error) {
			text, err := assets.ReadFile("assets/script.js")
			return template.JS(text), err //nolint:gosec // an embedded file of ours
		},
		"icon": func() (template.URL, error) {
			image, err := assets.ReadFile("assets/icon.svg")
			return template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(image)), err //nolint:gosec // an embedded file of ours
		},
		"seconds": func(d time.Duration) int { return int(d.Seconds()) },
		"clock":   func(t time.Time) string { return t.Format(time.TimeOnly) },
	}).ParseFS(assets, "assets/*.html")
}

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	origin := publicOrigin(r)
	token := a.token(r)
	p := page{
		SignedIn:  isSignedIn(r),
		Mode:      "development",
		Origin:    origin,
		SignIn:    clerkPage(origin, "/sign-in"),
		SignOut:   clerkPage(origin, "/sign-out"),
		Headers:   identityHeaders(r.Header),
		ClockSkew: clockSkew,
		Note:      takeNote(w, r, token.ID),
		Nonce:     rand.Text(),
		ClerkDown: a.clerk.Outage().Kind != "",
		Outage:    a.outage,
	}
	if !token.ExpiresAt.IsZero() {
		p.Left = token.ExpiresAt.Sub(a.now())
	}
	if a.production {
		p.Mode = "production"
	}
	if p.SignedIn {
		p.Email = a.email(r.Header.Get("X-Clerk-User-Id"))
	}
	events, _ := a.story.tell()
	p.Story = viewOf(events)

	var body bytes.Buffer
	if err := a.pages.ExecuteTemplate(&body, "page.html", p); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store") // it shows who is signed in
	h.Set("Content-Security-Policy", "default-src 'none'; img-src data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "+
		"frame-ancestors 'none'; style-src 'nonce-"+p.Nonce+"'; script-src 'nonce-"+p.Nonce+"'")
	_, _ = w.Write(body.Bytes())
}

// viewOf converts events, oldest first, to what the page shows.
func viewOf(events []event) storyView {
	v := storyView{Visit: lastVisit(events)}
	if len(events) > 0 {
		v.Last = events[len(events)-1].ID
	}
	v.Events = slices.Clone(events)
	slices.Reverse(v.Events)
	return v
}

// token returns the content of the session token that the app got, or the zero value.
func (a *app) token(r *http.Request) unverifiedToken {
	for _, name := range a.sessionCookies {
		if cookie, err := r.Cookie(name); err == nil {
			if token, ok := readUnverified(cookie.Value); ok {
				return token
			}
		}
	}
	return unverifiedToken{}
}
