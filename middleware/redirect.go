package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/weburl"
)

// SignInURL returns where the person who made r signs in, as redirectToSignIn of Clerk's
// SDK does: [Options.SignInURL], or the page of the account portal; for a pending session,
// the page with its tasks. s is the state of r.
//
// After signing in, the person is sent to returnTo, which may be relative to the public URL
// of r. It is not checked, so it must not come from r itself. "" means the page that r
// requests or, if r submits a form, the page with the form.
func (a *Authenticator) SignInURL(r *http.Request, s *State, returnTo string) (string, error) {
	return a.urlFor(r, s, a.signInPage, returnTo)
}

// SignUpURL returns where the person who made r signs up, as redirectToSignUp of Clerk's
// SDK does: [Options.SignUpURL], or /create below [Options.SignInURL], or the page of the
// account portal. s and returnTo are as in [Authenticator.SignInURL].
func (a *Authenticator) SignUpURL(r *http.Request, s *State, returnTo string) (string, error) {
	return a.urlFor(r, s, a.signUpPage, returnTo)
}

// A clerkPage returns the configured URL of one of Clerk's pages, which may be relative to
// base.
type clerkPage func(base *weburl.URL) (string, error)

func (a *Authenticator) signInPage(*weburl.URL) (string, error) {
	if a.opts.SignInURL != "" {
		return a.opts.SignInURL, nil
	}
	return accountPortal(a.instance.keyHost) + "/sign-in", nil
}

func (a *Authenticator) signUpPage(base *weburl.URL) (string, error) {
	switch {
	case a.opts.SignUpURL != "":
		return a.opts.SignUpURL, nil
	case a.opts.SignInURL == "":
		return accountPortal(a.instance.keyHost) + "/sign-up", nil
	}
	u, err := weburl.ParseRef(a.opts.SignInURL, base.Href())
	if err != nil {
		return "", err
	}
	u.SetPathname(u.Pathname() + "/create")
	return u.Href(), nil
}

func (a *Authenticator) urlFor(r *http.Request, s *State, page clerkPage, returnTo string) (string, error) {
	public := a.publicOf(r, s)
	back := returnPage(r, public)
	if returnTo != "" {
		var err error
		if back, err = weburl.ParseRef(returnTo, public.URL().Href()); err != nil {
			return "", fmt.Errorf("page to return to: %w", err)
		}
	}
	u, err := a.leadTo(r, s, page, public, back)
	if err != nil {
		return "", err
	}
	return u.Href(), nil
}

// leadTo returns the URL of page with back as the page to come back to. It changes back.
func (a *Authenticator) leadTo(r *http.Request, s *State, page clerkPage, public *origin.Public, back *weburl.URL) (*weburl.URL, error) {
	base := public.URL()
	target, err := page(base)
	if err != nil {
		return nil, err
	}
	if s.Auth.SessionStatus == "pending" {
		target += "/tasks"
		if strings.HasPrefix(target, "//") {
			target = target[1:] // two slashes would begin a host
		}
	}
	u, err := weburl.ParseRef(target, base.Href())
	if err != nil {
		return nil, err
	}
	crossOrigin := base.Hostname() != u.Hostname() || base.Port() != u.Port()
	if crossOrigin && a.opts.IsSatellite {
		back.Set(querySynced, "false")
	}
	u.Set(queryReturnTo, back.Href())
	if crossOrigin && !a.instance.production {
		j := &judged{a: a, r: r, ctx: r.Context(), public: public, cookies: readCookies(r.Header, &a.instance.names)}
		if j.readSession(); j.devBrowser != "" {
			u.Set(cookieDevBrowser, j.devBrowser)
		}
	}
	return u, nil
}

// queryReturnTo is the parameter that names the page to come back to.
const queryReturnTo = "redirect_url"

// ownPage returns the URL of a page that a [Requirement] names, with the requested page as
// a parameter. Nothing in the request can make it lead to another site: a path is one of
// this origin.
func ownPage(target string, asked *weburl.URL) (*weburl.URL, error) {
	u, err := weburl.ParseRef(target, asked.Href())
	if err != nil {
		return nil, err
	}
	if here := strings.HasPrefix(target, "/") && u.Origin() == asked.Origin(); !here && !strings.HasPrefix(target, "https://") {
		return nil, errNoPage
	}
	u.Set(queryReturnTo, asked.Href())
	return u, nil
}

var errNoPage = errors.New("the page must be a path such as /welcome, or an https URL")

// errSamePage means that a page that people are redirected to has the same requirement
// itself, so that the redirects would never end.
var errSamePage = errors.New("the page that people are redirected to has the same requirement itself; do not put it behind Require")

// isSamePage compares without query and fragment, which a redirect changes or loses, and
// without a slash at the end, which many servers add by themselves.
func isSamePage(a, b *weburl.URL) bool {
	return a.Origin() == b.Origin() && strings.TrimRight(a.Pathname(), "/") == strings.TrimRight(b.Pathname(), "/")
}

func (a *Authenticator) publicOf(r *http.Request, s *State) *origin.Public {
	if s.public != nil {
		return s.public
	}
	return a.origin.Public(r)
}

// returnPage returns the page to come back to after signing in: the requested one. The URL
// that a form is sent to is often not a page, so that for a form it is the page of this
// origin with the form, or else the page /.
func returnPage(r *http.Request, public *origin.Public) *weburl.URL {
	page := public.URL()
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return page
	}
	if referer := headerValue(r.Header, "Referer"); public.IsOriginOf(referer) {
		if from, err := weburl.Parse(referer); err == nil {
			return from
		}
	}
	if first, err := weburl.ParseRef("/", page.Href()); err == nil {
		return first
	}
	return page
}
