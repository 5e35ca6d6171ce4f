package clerktest

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"time"
)

// maxListedUsers keeps the sign-in page short on instances with many users.
const maxListedUsers = 12

// pageCall is a request for a page that has been checked.
type pageCall struct {
	w    http.ResponseWriter
	r    *http.Request
	base *url.URL
	back *url.URL // where to go afterwards; nil to stay here
	jar  jar
}

// pageData is the data of the templates.
type pageData struct {
	App, Title, Message, Email string
	Query                      template.URL // of the page, for links that must keep redirect_url
	Current                    *pageUser
	Users                      []pageUser
	Continue                   string
}

type pageUser struct{ Name, Email, Initial, Note string }

func parsePages() *template.Template {
	return template.Must(template.ParseFS(files, "templates/*.html"))
}

// page makes the checks that all pages need: the URL to go to afterwards must belong to the application, and a form must
// come from this page itself.
func (c *Clerk) page(show func(*pageCall)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		base, err := c.publicBase(r)
		if err != nil {
			writeError(w, err)
			return
		}
		call := &pageCall{w: w, r: r, base: base, jar: c.jarFor(originOf(base), "")}
		if raw := r.URL.Query().Get("redirect_url"); raw != "" {
			if call.back, err = c.allowedURL(raw, base, r); err != nil {
				c.render(call, http.StatusBadRequest, "message.html", pageData{
					Title: "That link leads elsewhere", Message: "The address to return to does not belong to this application.",
				})
				return
			}
			call.jar = c.jarFor(originOf(base), call.back.Hostname())
		}
		if r.Method == http.MethodPost && !sameOrigin(r, base) {
			c.render(call, http.StatusForbidden, "message.html", pageData{
				Title: "Please try again", Message: "This form was sent from another site, so nothing was done.",
			})
			return
		}
		show(call)
	}
}

// sameOrigin reports whether a form comes from this site. A request with neither header is not from a current browser,
// so no other site can have caused it.
func sameOrigin(r *http.Request, base *url.URL) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return false
	}
	origin := r.Header.Get("Origin")
	return origin == "" || origin == originOf(base)
}

func (c *Clerk) signInPage(call *pageCall) { c.showSignIn(call, http.StatusOK, "", "") }

func (c *Clerk) showSignIn(call *pageCall, status int, message, email string) {
	data := pageData{Title: "Sign in", Message: message, Email: email}
	data.Current, data.Continue = c.current(call)
	c.mu.Lock()
	for _, u := range c.users.users[:min(len(c.users.users), maxListedUsers)] {
		if data.Current == nil || data.Current.Email != u.Email { // the list is titled "as somebody else"
			data.Users = append(data.Users, describe(u))
		}
	}
	c.mu.Unlock()
	c.render(call, status, "sign-in.html", data)
}

// signInSubmit signs in one of the listed users ("user", without a password), or the user whose email address and
// password were entered.
func (c *Clerk) signInSubmit(call *pageCall) {
	values, err := formBody(call.r)
	if err != nil {
		writeError(call.w, err)
		return
	}
	token, ok := c.signInOnPage(call, values)
	if !ok {
		// One message for both, so that the page does not tell which addresses exist.
		c.showSignIn(call, http.StatusUnprocessableEntity, "That email and password do not go together.", values.Get("email"))
		return
	}
	c.leave(call, token)
}

// signInOnPage starts a session for the user that the form names, and returns the browser's token.
func (c *Clerk) signInOnPage(call *pageCall, values url.Values) (token string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u := c.users.byEmail[normalEmail(values.Get("user"))]
	if u == nil {
		u = c.users.byEmail[normalEmail(values.Get("email"))]
		if u == nil || !u.passwordIs(values.Get("password")) {
			return "", false
		}
	}
	cl := c.browser(call.r)
	if cl == nil {
		cl = c.state.newClient(newClientToken(true), c.Now())
	}
	c.beginSession(call.w, cl, u, u.initial(), call.jar)
	return cl.token, true
}

func (c *Clerk) signOutPage(call *pageCall) {
	data := pageData{Title: "Sign out"}
	data.Current, data.Continue = c.current(call)
	c.render(call, http.StatusOK, "sign-out.html", data)
}

func (c *Clerk) signOutSubmit(call *pageCall) {
	c.mu.Lock()
	token := ""
	if cl := c.browser(call.r); cl != nil {
		c.endAll(cl, "removed", c.Now())
		token = cl.token
	}
	c.mu.Unlock()
	if c.production {
		setCookies(call.w, call.jar.clientUAT(time.Time{})...)
	}
	c.leave(call, token)
}

// leave redirects the browser back in a way that makes the application notice the change: in development the dev browser
// in the URL causes a handshake, in production the shared cookie client_uat does. Without a URL to go back to, it
// redirects to the sign-in page, which shows who is signed in.
func (c *Clerk) leave(call *pageCall, token string) {
	back := call.back
	if back == nil && call.r.Header.Get("Clerk-Proxy-Url") != "" {
		back = &url.URL{Scheme: call.base.Scheme, Host: call.base.Host, Path: "/"}
	}
	if !c.production {
		setCookies(call.w, call.jar.devBrowser(token)...)
	}
	target := "sign-in" // relative, so that it works under any prefix
	if back != nil {
		target = c.returnTo(back, token)
	}
	redirect(call.w, http.StatusSeeOther, target)
}

// returnTo returns the URL to go back to, in development with the dev browser, which causes a handshake.
func (c *Clerk) returnTo(back *url.URL, token string) string {
	if c.production {
		return back.String()
	}
	return withParam(back, "__clerk_db_jwt", token)
}

// current returns the user who is signed in in this browser, or nil, and the URL to continue to. Unlike a handshake it
// creates no new browser, because showing a page changes nothing.
func (c *Clerk) current(call *pageCall) (user *pageUser, goOn string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	tokens := []string{cookieValue(call.r, "__client")}
	if !c.production {
		tokens = c.devBrowserTokens(call.r)
	}
	for _, token := range tokens {
		cl := c.state.clientByToken(token)
		if cl == nil {
			continue
		}
		s := cl.active(c.Now())
		if s == nil {
			break // the form acts on this browser, so the session of another one is irrelevant
		}
		if call.back != nil {
			goOn = c.returnTo(call.back, token)
		}
		shown := describe(s.user)
		return &shown, goOn
	}
	return nil, ""
}

func describe(u *user) pageUser {
	user := pageUser{Name: u.name(), Email: u.Email}
	if user.Name == "" {
		user.Name = u.Email
	}
	for _, first := range user.Name {
		user.Initial = string(first)
		break
	}
	if len(u.members) > 0 {
		user.Note = u.members[0].org.name
	}
	return user
}

func (c *Clerk) render(call *pageCall, status int, name string, data pageData) {
	data.App = c.appName
	if call.r.URL.RawQuery != "" {
		data.Query = template.URL("?" + call.r.URL.Query().Encode()) //nolint:gosec // encoded on this line
	}
	var page bytes.Buffer
	if err := c.pages.ExecuteTemplate(&page, name, data); err != nil {
		panic(fmt.Sprintf("clerktest: render %s: %v", name, err)) // our own templates always render
	}
	h := call.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	// Without form-action, which browsers also apply to redirects after the form; these lead to the application.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	// Not no-referrer: that would turn the form's own Origin into null.
	h.Set("Referrer-Policy", "same-origin")
	call.w.WriteHeader(status)
	_, _ = page.WriteTo(call.w)
}
