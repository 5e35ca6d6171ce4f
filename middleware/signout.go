package middleware

import (
	"net/http"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/clerkgate/clerkgate/internal/navigation"
	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/token"
	"github.com/clerkgate/clerkgate/internal/weburl"
)

// signOutSkew is how long ago a token may have expired for its user to sign out with it:
// a page may have been open for days. Such a token does nothing but end its own session.
const signOutSkew = 30 * 24 * time.Hour

// SignOut is a handler that lets people sign out without JavaScript. Register it for a path
// of the application, outside [Require].
//
// GET responds with a page that has a button, which sends a POST. POST ends the session at
// Clerk and, although its tokens have not expired, for this Authenticator at once; removes
// the session's cookies from this host and from its registrable domain; and redirects to
// [Options.AfterSignOutURL]. If Clerk cannot be reached, the browser is still signed out,
// the response says that the session may still be open elsewhere, and the call to Clerk is
// retried in the background for up to an hour.
//
// A POST from a page of another site is refused with 403. Ending a session takes a token of
// that session signed by Clerk.
func (a *Authenticator) SignOut(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		signOutPage().Write(w, r, http.StatusOK)
	case http.MethodPost:
		public := a.origin.Public(r)
		if !isFromOwnPage(r, public) {
			a.refuseSignOut(w, r, &Error{
				Status: http.StatusForbidden, Code: "cross_site_request", title: "Forbidden",
				Message: "A page of another site made this request. Nobody was signed out.",
			})
			return
		}
		a.signOut(w, r, public)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		a.refuseSignOut(w, r, &Error{
			Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", title: "Method not allowed", Message: "Send a POST request to sign out.",
		})
	}
}

func (a *Authenticator) signOut(w http.ResponseWriter, r *http.Request, public *origin.Public) {
	verified, err := a.sessionToEnd(r, public)
	ended := err == nil
	switch {
	case err != nil:
		a.log().WarnContext(r.Context(), "user signed out, but the session could not be told", "error", err)
	case verified != nil:
		a.counts.revoked(RevokedBySignOut, 1)
		_, err = a.endings.end(r.Context(), verified.Claims().SessionID)
		ended = err == nil
	}
	h := w.Header()
	for _, line := range a.expiredCookies(public) {
		h.Add("Set-Cookie", line)
	}
	h.Set("Cache-Control", "no-store")
	switch {
	case ended:
		h.Set("Location", a.opts.AfterSignOutURL)
		w.WriteHeader(http.StatusSeeOther)
	case navigation.IsDocument(r.Header):
		signedOutHerePage(a.opts.AfterSignOutURL).Write(w, r, http.StatusOK)
	default:
		failed := Error{
			Status: http.StatusBadGateway, Code: "session_not_ended", title: "Session not ended",
			Message: "The cookies were removed, but Clerk could not be reached to end the session. It is tried again.",
		}
		failed.WriteJSON(w)
	}
}

// isFromOwnPage reports whether r was made by a page of this origin, or by no page.
func isFromOwnPage(r *http.Request, public *origin.Public) bool {
	asked := *r
	if _, host, ok := public.SchemeAndHost(); ok {
		asked.Host = host // which is what Origin is compared with
	}
	return new(http.CrossOriginProtection).Check(&asked) == nil
}

// sessionToEnd returns the verified token of the session that r belongs to, or nil if there
// is none. An error means that this could not be determined.
func (a *Authenticator) sessionToEnd(r *http.Request, public *origin.Public) (*token.Verified, error) {
	j := &judged{a: a, r: r, ctx: r.Context(), public: public, headerToken: bearerToken(r.Header)}
	j.cookies = readCookies(r.Header, &a.instance.names)
	j.readSession()
	t := j.unverified(j.anySessionToken())
	if t == nil || t.HeaderIsNull() || t.ClaimsAreNull() || t.IsMachineJWT() || t.NonSessionCategory() {
		return nil, nil //nolint:nilnil // no session
	}
	v, err := a.verifier.SessionWithSkew(j.ctx, t.Raw(), signOutSkew)
	if failed, ok := tokenError(err); ok && !isAboutKeys(failed) {
		return nil, nil //nolint:nilnil // not a session of this instance
	}
	if err != nil {
		return nil, err
	}
	if v.Unreadable() || v.Claims().SessionID == "" {
		return nil, nil //nolint:nilnil // a token of a template
	}
	return v, nil
}

// isAboutKeys reports whether a token was refused because no keys were available.
func isAboutKeys(failed *token.Error) bool {
	switch failed.Reason {
	case token.ReasonSecretKeyInvalid, token.ReasonRemoteKeysFailedToLoad, token.ReasonKeyFailedToResolve:
		return true
	}
	return false
}

// expiredCookies are the Set-Cookie lines that remove the session. Clerk sets its cookies on
// the host and on the registrable domain, with and without the instance's suffix. The dev
// browser stays: it names the browser, not the user.
func (a *Authenticator) expiredCookies(public *origin.Public) []string {
	names := &a.instance.names
	scheme, _, _ := public.SchemeAndHost()
	domains := []string{""}
	if domain := registrableDomain(public); domain != "" {
		domains = append(domains, domain)
	}
	var lines []string
	for _, domain := range domains {
		for _, name := range [...]string{
			cookieSession, names.session, cookieClientUAT, names.clientUAT, names.refresh,
		} {
			c := http.Cookie{Name: name, Domain: domain, Path: "/", MaxAge: -1, SameSite: http.SameSiteLaxMode, Secure: scheme == "https"} //nolint:gosec // it only removes a cookie, over plain HTTP too
			lines = append(lines, c.String())
		}
	}
	return lines
}

// registrableDomain returns the widest domain for which this host may set cookies, or ""
// for IP addresses, localhost and public suffixes.
func registrableDomain(public *origin.Public) string {
	u, err := weburl.Parse(public.Origin())
	if err != nil {
		return ""
	}
	host := strings.TrimSuffix(u.Hostname(), ".")
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return ""
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil {
		return ""
	}
	return domain
}
