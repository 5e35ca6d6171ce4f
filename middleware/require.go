package middleware

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/clerkgate/clerkgate/internal/navigation"
	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/weburl"
)

// Requirement is what a request must have beyond being authenticated. The zero
// value asks for a signed-in user or an accepted machine token only. All fields
// that are set must hold; missing data denies.
type Requirement struct {
	// Role and Permission are of the active organization, with or without org:.
	Role, Permission string
	// Feature and Plan are of the organization or the user; org:x and user:x ask
	// one of them only.
	Feature, Plan string
	// Reverification is strict_mfa, strict, moderate or lax: the user's factors were
	// verified less than 10, 10, 60 or 1440 minutes ago.
	Reverification string
	// Level and AfterMinutes ask the same in other words than Clerk's names; they
	// go together, and not with Reverification.
	Level        Level
	AfterMinutes int
	// Unauthenticated is the answer to who is signed out; "" sends browsers to the
	// sign-in page and gives programs 401.
	Unauthenticated Unauthenticated
}

// Unauthenticated says how requests are answered that nobody is signed in to.
type Unauthenticated string

// The answers.
const (
	// UnauthenticatedAuto sends browsers to the sign-in page, programs get 401.
	UnauthenticatedAuto Unauthenticated = ""
	// Unauthenticated401 gives everybody 401.
	Unauthenticated401 Unauthenticated = "401"
	// Unauthenticated404 tells nobody that there is something to sign in for.
	Unauthenticated404 Unauthenticated = "404"
	// UnauthenticatedRedirect sends everybody to the sign-in page.
	UnauthenticatedRedirect Unauthenticated = "redirect"
)

// Require turns away what [Authenticator.Handler] found signed out, or signed in
// without what q asks for. Browsers are sent to the sign-in page, programs get
// 401; who is signed in and may not gets 403. It must run inside Handler: without
// it every request is refused.
func Require(q Requirement) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			v, ok := r.Context().Value(contextKey{}).(*contextValue)
			switch {
			case !ok:
				unauthenticated(nil, anyBearer).WriteJSON(w)
			case v.authenticator.Permits(w, r, v.state, &q):
				next.ServeHTTP(w, r)
			}
		})
	}
}

// Permits says whether s is signed in with all that q asks for. If not, it has
// written the answer. It is [Require] for who calls [Authenticator.Authenticate]
// without [Authenticator.Handler]. A nil Authenticator knows no sign-in page.
func (a *Authenticator) Permits(w http.ResponseWriter, r *http.Request, s *State, q *Requirement) bool {
	switch {
	case s.Status != SignedIn || !s.Auth.IsSignedIn():
		a.refuse(w, r, s, q.Unauthenticated)
	case q.isEmpty() || s.Auth.Has(*q):
		return true
	case s.Auth.lacksFreshFactorOnly(*q):
		a.turnAway(w, r, s, reverificationNeeded(*q))
	default:
		a.turnAway(w, r, s, forbidden())
	}
	return false
}

// refuse answers a request that nobody is behind.
func (a *Authenticator) refuse(w http.ResponseWriter, r *http.Request, s *State, how Unauthenticated) {
	redirect := how == UnauthenticatedRedirect || how == UnauthenticatedAuto && isDocumentRequest(r)
	switch {
	case how == Unauthenticated404:
		a.turnAway(w, r, s, notFound())
		return
	case s.retryAfter > 0:
		w.Header().Set("Retry-After", strconv.Itoa(int(s.retryAfter)))
		a.turnAway(w, r, s, unavailable())
		return
	case a == nil || !redirect:
		a.turnAway(w, r, s, unauthenticated(s, a.challenge(r, s)))
		return
	case navigation.IsSpeculative(r.Header):
		writeNotAhead(w)
		return
	case s.looped && a.opts.ErrorHandler != nil:
		a.turnAway(w, r, s, redirectLoop(s))
		return
	}
	location, err := a.signInRedirect(r, s)
	if err != nil {
		a.log().ErrorContext(r.Context(), "sign-in redirect could not be built", "error", err)
		a.turnAway(w, r, s, unauthenticated(s, a.challenge(r, s)))
		return
	}
	w.Header().Set("Location", location)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// errSignInPageProtected is a sign-in page that only signed-in users may see. A redirect to
// it would come back for ever.
var errSignInPageProtected = errors.New("the sign-in page itself needs a signed-in user; do not put it behind Require")

// isSamePage compares without query and fragment, which a redirect changes or loses, and
// without a slash at the end, which many servers add by themselves.
func isSamePage(a, b *weburl.URL) bool {
	return a.Origin() == b.Origin() && strings.TrimRight(a.Pathname(), "/") == strings.TrimRight(b.Pathname(), "/")
}

// signInRedirect is where a person signs in and comes back from to this page: the
// configured page, else the instance's account portal.
func (a *Authenticator) signInRedirect(r *http.Request, s *State) (string, error) {
	public := a.publicOf(r, s)
	return a.signInFrom(r, s, public, public.URL())
}

func (a *Authenticator) publicOf(r *http.Request, s *State) *origin.Public {
	if s.public != nil {
		return s.public
	}
	return a.origin.Public(r)
}

// signInFrom is where a person signs in who then comes to page, which it changes.
func (a *Authenticator) signInFrom(r *http.Request, s *State, public *origin.Public, page *weburl.URL) (string, error) {
	target := a.opts.SignInURL
	if target == "" {
		target = accountPortal(a.instance.keyHost) + "/sign-in"
	}
	if s.Auth.SessionStatus == "pending" {
		target += "/tasks"
	}
	u, err := weburl.ParseRef(target, page.Href())
	if err != nil {
		return "", err
	}
	if isSamePage(u, page) {
		return "", errSignInPageProtected
	}
	crossOrigin := page.Hostname() != u.Hostname() || page.Port() != u.Port()
	if crossOrigin && a.opts.IsSatellite {
		page.Set(querySynced, "false")
	}
	u.Set("redirect_url", page.Href())
	if crossOrigin && !a.instance.production {
		j := &judged{a: a, r: r, ctx: r.Context(), public: public, cookies: readCookies(r.Header, &a.instance.names)}
		if j.readSession(); j.devBrowser != "" {
			u.Set(cookieDevBrowser, j.devBrowser)
		}
	}
	return u.Href(), nil
}
