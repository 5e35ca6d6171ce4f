package proxy

import (
	"errors"
	"net/http"
	"strings"

	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/outbound"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// reasonCrossSite is the X-Clerk-Auth-Reason of a request that counts as signed out because
// a page of another site made it.
const reasonCrossSite = "cross-site-request"

var errCrossSite = errors.New("a page of another site made this request with the user's cookies")

// forbids reports whether the CSRF guard keeps the user's cookies from authenticating r.
func (rl *rule) forbids(r *http.Request, public *origin.Public) bool {
	return rl.guard != nil && rl.guard.Concerns(r) && usesCookies(r) && !rl.guard.Allows(r, public.PageOrigin())
}

// guard keeps pages of other sites from acting with a user's cookies. On public paths
// their requests pass, but without the session: identity and payment providers send people
// back with forms that are posted from their own pages.
func guard(next station) station {
	return func(w http.ResponseWriter, r *http.Request, ps *passage) {
		switch rl := ps.rule; {
		case rl.route.Auth == routes.AuthNone || !rl.forbids(r, ps.public):
			next(w, r, ps)
		case rl.route.Auth == routes.AuthPublic:
			ps.state = &middleware.State{Status: middleware.SignedOut, Reason: reasonCrossSite, Auth: &middleware.Auth{}}
			next(w, outbound.WithoutSession(r), ps)
		default:
			ps.outcome.Err = errCrossSite
			ps.site.pages.Refuse(w, r, http.StatusForbidden, "cross_site_request",
				"This request was made by a page of another site, and carries your session. It was not let through.")
		}
	}
}

// usesCookies reports whether a request would be authenticated by Clerk's cookies.
func usesCookies(r *http.Request) bool {
	for _, line := range r.Header["Cookie"] {
		if strings.Contains(line, "__session") {
			return !middleware.HasHeaderToken(r)
		}
	}
	return false
}
