package middleware

import (
	"net/http"
	"strconv"

	"github.com/clerkgate/clerkgate/internal/navigation"
	"github.com/clerkgate/clerkgate/internal/weburl"
)

// Requirement is what a request must meet to be served. The zero value requires a
// signed-in user or an accepted machine token, and no more. All fields that are set must
// hold; data that the token lacks counts as not met.
type Requirement struct {
	// Role and Permission are of the active organization, with or without org:.
	Role, Permission string
	// Feature and Plan are of the organization or the user; with the prefix org: or user:,
	// of that one alone.
	Feature, Plan string
	// Reverification is strict_mfa, strict, moderate or lax, which require that the user's
	// factors were verified less than 10, 10, 60 or 1440 minutes ago.
	Reverification string
	// Level and AfterMinutes together require a level and an age that none of Clerk's names
	// stands for. They cannot be combined with Reverification.
	Level        Level
	AfterMinutes int
	// Scopes must all be granted to the OAuth token, API key or M2M token. Sessions have no
	// scopes.
	Scopes []string
	// Unauthenticated is the answer to requests that are signed out; "" sends browsers to
	// the sign-in page and gives programs 401.
	Unauthenticated Unauthenticated
	// UnauthenticatedURL is where [UnauthenticatedAuto] sends browsers in place of the
	// sign-in page, and ForbiddenURL where it sends browsers that are signed in but not
	// allowed. Each is a path of this origin or an https URL; "" means no such page. It
	// gets the requested page in the parameter redirect_url. Programs and forms still get
	// 401 and 403.
	UnauthenticatedURL, ForbiddenURL string
}

// Unauthenticated is the kind of answer that signed-out requests get.
type Unauthenticated string

// The answers.
const (
	// UnauthenticatedAuto sends browsers to the sign-in page, programs get 401.
	UnauthenticatedAuto Unauthenticated = ""
	// Unauthenticated401 gives everybody 401.
	Unauthenticated401 Unauthenticated = "401"
	// Unauthenticated404 gives everybody 404, so that the page's existence is not revealed.
	Unauthenticated404 Unauthenticated = "404"
	// UnauthenticatedRedirect sends everybody to the sign-in page.
	UnauthenticatedRedirect Unauthenticated = "redirect"
	// UnauthenticatedSignUp sends browsers to the sign-up page, programs get 401.
	UnauthenticatedSignUp Unauthenticated = "sign-up"
)

// Require turns away requests that are signed out, or do not meet q. If signed out,
// browsers are sent to the sign-in page and programs get 401; requests that are signed in
// but not allowed get 403. q can choose other answers. Require must run inside
// [Authenticator.Handler]: outside it every request is refused.
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

// Permits reports whether s meets q. If not, it has written the answer. It is [Require] for
// callers of [Authenticator.Authenticate] that do not use [Authenticator.Handler]. A nil
// Authenticator knows no sign-in page.
func (a *Authenticator) Permits(w http.ResponseWriter, r *http.Request, s *State, q *Requirement) bool {
	switch {
	case s.Status == Unavailable, s.Stale() > 0 && q.asksFresh():
		a.refuseUnavailable(w, r, s)
	case s.Status != SignedIn || !s.Auth.IsSignedIn():
		a.refuse(w, r, s, q)
	case q.isEmpty() || s.Auth.Has(*q):
		return true
	case s.Auth.lacksFreshFactorOnly(*q):
		a.turnAway(w, r, s, reverificationNeeded(*q))
	case s.Auth.lacksScopesOnly(*q):
		a.turnAway(w, r, s, insufficientScope(q.Scopes, a.scopeChallenge(r, s, q.Scopes)))
	default:
		a.forbid(w, r, s, q)
	}
	return false
}

// refuse answers a request that is signed out.
func (a *Authenticator) refuse(w http.ResponseWriter, r *http.Request, s *State, q *Requirement) {
	redirect := q.Unauthenticated == UnauthenticatedRedirect
	if q.Unauthenticated == UnauthenticatedAuto || q.Unauthenticated == UnauthenticatedSignUp {
		redirect = isDocumentRequest(r)
	}
	switch {
	case q.Unauthenticated == Unauthenticated404:
		a.turnAway(w, r, s, notFound())
		return
	case s.retryAfter > 0:
		w.Header().Set("Retry-After", strconv.Itoa(int(s.retryAfter)))
		a.turnAway(w, r, s, unavailable())
		return
	case a == nil || !redirect:
		a.turnAway(w, r, s, unauthenticated(s, a.challenge(r, s, q.Scopes)))
		return
	case navigation.IsSpeculative(r.Header):
		writeNotAhead(w)
		return
	case s.looped && a.opts.ErrorHandler != nil:
		a.turnAway(w, r, s, redirectLoop(s))
		return
	}
	to, err := a.wayIn(r, s, q)
	if !a.redirect(w, r, s, to, err) {
		a.turnAway(w, r, s, unauthenticated(s, a.challenge(r, s, q.Scopes)))
	}
}

// wayIn returns where q sends people who are signed out.
func (a *Authenticator) wayIn(r *http.Request, s *State, q *Requirement) (*weburl.URL, error) {
	public := a.publicOf(r, s)
	switch {
	case q.Unauthenticated == UnauthenticatedSignUp:
		return a.leadTo(r, s, a.signUpPage, public, public.URL())
	case q.Unauthenticated == UnauthenticatedAuto && q.UnauthenticatedURL != "":
		return ownPage(q.UnauthenticatedURL, public.URL())
	}
	return a.leadTo(r, s, a.signInPage, public, public.URL())
}

// forbid answers a request that is signed in but not allowed.
func (a *Authenticator) forbid(w http.ResponseWriter, r *http.Request, s *State, q *Requirement) {
	if a != nil && q.ForbiddenURL != "" && isDocumentRequest(r) && !navigation.IsSpeculative(r.Header) {
		to, err := ownPage(q.ForbiddenURL, a.publicOf(r, s).URL())
		if a.redirect(w, r, s, to, err) {
			return
		}
	}
	a.turnAway(w, r, s, forbidden())
}

// redirect sends a person to another page. It reports whether it did: it does not if that
// page is the requested one.
func (a *Authenticator) redirect(w http.ResponseWriter, r *http.Request, s *State, to *weburl.URL, err error) bool {
	if err == nil && isSamePage(to, a.publicOf(r, s).URL()) {
		err = errSamePage
	}
	if err != nil {
		a.log().ErrorContext(r.Context(), "redirect could not be built", "error", err)
		return false
	}
	w.Header().Set("Location", to.Href())
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusTemporaryRedirect)
	return true
}
