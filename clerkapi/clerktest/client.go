package clerktest

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
)

// Client signs the user in and returns an HTTP client with the cookies that the user's browser would have for the
// application, so that its requests are signed in. appURL is the application's address, such as
// "http://127.0.0.1:3000". The client does not request documents as a browser does (no Sec-Fetch-Dest), so it gets no
// handshakes: once its token has expired, it is refreshed. Client panics if email is unknown or appURL is invalid.
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
