package clerktest

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
)

// Client signs the user in and returns a client whose cookie jar holds what that user's browser holds at the
// application, so that its requests there are signed in. appURL is the application's address, such as
// "http://127.0.0.1:3000". The client does not ask for pages as a browser does (no Sec-Fetch-Dest), so that no handshake
// meets it: once its token has expired it is refreshed. Close idle connections of its transport, or the server, at the
// end. Like [Clerk.SignIn] it panics on an unknown email, and on an appURL that is none.
func (c *Clerk) Client(email, appURL string) *http.Client {
	u, err := url.Parse(appURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		panic(fmt.Sprintf("clerktest: %q is not the URL of an application", appURL))
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(fmt.Sprintf("clerktest: cookie jar: %v", err))
	}
	session := c.SignIn(email)
	jar.SetCookies(u, c.Cookies(session.ID, u.Scheme+"://"+u.Host))
	return &http.Client{Jar: jar}
}
