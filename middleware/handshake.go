package middleware

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/javascript"
	"github.com/clerkgate/clerkgate/internal/revocation"
	"github.com/clerkgate/clerkgate/internal/token"
	"github.com/clerkgate/clerkgate/internal/weburl"
)

// Query parameters of the protocol, apart from those that are named like cookies.
const (
	querySynced      = "__clerk_synced"
	queryRedirectURL = "__clerk_redirect_url"
	queryHelp        = "__clerk_help"
	queryDevSession  = "__dev_session"
)

// handshakeAPIVersion is the version that the redirect names to the Frontend API.
const handshakeAPIVersion = "2026-05-12"

// redirectLimit is the exact redirect count at which the loop guard stops. Its cookie
// lives for two seconds.
const redirectLimit = 3

// developmentSkew is the clock skew that is tried for a session from a development
// handshake that seems expired or early, since the machine's clock must be wrong.
const developmentSkew = 24 * time.Hour

// handshake asks for a redirect through the Frontend API.
func (j *judged) handshake(reason Reason, message string) *State {
	if !isDocumentRequest(j.r) {
		s := signedOut(SessionToken, reason, message, nil)
		s.recoverable = j.showsSession() && !isAboutEndedSession(reason)
		return s
	}
	if j.a.health.isGone(j.ctx) {
		return j.a.unavailable(SessionToken, reason, message)
	}
	location, err := j.handshakeURL(reason)
	if err != nil {
		j.a.log().ErrorContext(j.ctx, "handshake redirect could not be built", "error", err)
		return signedOut(SessionToken, reason, message, nil)
	}
	return j.redirect(reason, message, location)
}

// showsSession reports whether the request has any sign of a session.
func (j *judged) showsSession() bool { return j.anySessionToken() != "" || j.clientUAT != 0 }

// redirect sends a browser to location, unless it has been redirected too often within
// two seconds. Other clients are signed out.
func (j *judged) redirect(reason Reason, message, location string) *State {
	if !isDocumentRequest(j.r) {
		return signedOut(SessionToken, reason, message, nil)
	}
	if j.loopCounter == redirectLimit {
		hint := "check that the publishable and the secret key are of the same instance, and this machine's clock"
		if reason == ReasonSatelliteNeedsSyncing {
			hint = "check that this domain is configured as a satellite or the primary domain of the instance"
		}
		j.a.log().ErrorContext(j.ctx, "redirect loop stopped", "reason", string(reason), "hint", hint)
		s := signedOut(SessionToken, reason, message, nil)
		s.looped = true
		return s
	}
	h := make(http.Header, 6)
	h.Set("Location", location)
	// Without it, browsers repeat the 307 from their cache forever.
	h.Set("Cache-Control", "no-store")
	h.Add("Set-Cookie", cookieRedirectCount+"="+javascript.FormatNumber(j.loopCounter+1)+"; SameSite=Lax; HttpOnly; Max-Age=2")
	return withAuthHeaders(&State{Status: Handshake, Reason: reason, Message: message, TokenType: SessionToken, Header: h, Auth: signedOutAuth})
}

func (j *judged) handshakeURL(reason Reason) (string, error) {
	back := j.public.URL()
	back.Delete(cookieDevBrowser, queryDevSession)
	u, err := frontendURL(j.frontendAPI(), "v1/client/handshake")
	if err != nil {
		return "", err
	}
	u.Append("redirect_url", back.Href())
	u.Append("__clerk_api_version", handshakeAPIVersion)
	u.Append("suffixed_cookies", strconv.FormatBool(j.suffixed))
	u.Append("__clerk_hs_reason", string(reason))
	if !j.notRenewed && !j.a.health.isDown() && (j.a.budget.mayTakeNonce() || !j.a.health.holds) {
		u.Append("format", "nonce")
	} // else a token: only the Backend API can exchange a nonce
	if t := j.anySessionToken(); t != "" {
		u.Append(cookieSession, t)
	}
	if !j.a.instance.production && j.devBrowser != "" {
		u.Append(cookieDevBrowser, j.devBrowser)
	}
	if target, ok := j.organizationTarget(); ok {
		u.Append("organization_id", target.name())
	}
	return u.Href(), nil
}

// frontendURL returns the URL of a path of the Frontend API. base is its host, which Clerk serves
// over HTTPS, or an absolute URL.
func frontendURL(base, path string) (*weburl.URL, error) {
	if !hasHTTPPrefix(base) {
		base = "https://" + base
	}
	return weburl.ParseRef(path, strings.TrimRight(base, "/")+"/")
}

// anySessionToken returns the token in the cookie, or else the one in the header.
func (j *judged) anySessionToken() string {
	if j.session != "" {
		return j.session
	}
	return j.headerToken
}

func hasHTTPPrefix(s string) bool { return strings.HasPrefix(s, "http") }

// resolveHandshake reads what the Frontend API has sent back. It returns nil if there is
// nothing, or if the normal flow must go on.
func (j *judged) resolveHandshake() *State {
	nonce, handshakeToken := j.cookies.handshakeNonce, j.cookies.handshake
	if q, _ := j.public.Query(cookieHandshakeNonce); q != "" {
		nonce = q
	}
	if q, _ := j.public.Query(cookieHandshake); q != "" {
		handshakeToken = q
	}
	var directives []string
	switch {
	case nonce != "":
		outcome := j.a.payloadOfNonce(j.ctx, nonce)
		if outcome.unavailable {
			return j.a.unavailable(SessionToken, ReasonVerificationUnavailable, "The handshake could not be completed.")
		}
		directives = outcome.directives
	case handshakeToken != "":
		if t := j.a.unverified(handshakeToken); t != nil && t.HeaderIsNull() {
			return nil // Clerk's SDK does not count this as a token error, so the flow goes on
		}
		var err error
		if directives, err = j.a.verifier.Handshake(j.ctx, handshakeToken); err != nil {
			return j.handshakeFailed(handshakeToken, err)
		}
	default:
		return nil
	}
	cookies, ok := setCookieHeaders(directives)
	if !ok {
		j.a.log().ErrorContext(j.ctx, "handshake ignored: a cookie in it is not a valid header")
		return nil
	}
	return j.applyDirectives(directives, cookies)
}

// handshakeFailed judges a handshake token that does not verify. In production it may
// belong to an application on a sibling domain, so the flow goes on. In development it
// came in the URL, and going on would loop.
func (j *judged) handshakeFailed(raw string, err error) *State {
	if s := j.a.withoutKeys(SessionToken, raw, err); s != nil {
		return s
	}
	failed, ok := tokenError(err)
	if !ok || j.a.instance.production {
		j.a.log().ErrorContext(j.ctx, "handshake could not be resolved", "error", err)
		return nil
	}
	message := "The handshake token does not verify: " + failed.FullMessage("")
	if failed.Reason == token.ReasonInvalidSignature {
		message = "The handshake token is signed by another key. If you switched Clerk keys, clear the cookies of this site and try again."
	}
	return developerError(Reason(failed.Reason), message)
}

// applyDirectives returns the state that follows from the handshake's directives. cookies
// are the directives as header values.
func (j *judged) applyDirectives(directives, cookies []string) *State {
	h := http.Header{
		"Access-Control-Allow-Origin":      {"null"},
		"Access-Control-Allow-Credentials": {"true"},
	}
	if len(directives) > 0 {
		h["Set-Cookie"] = cookies
		h.Set("Cache-Control", "no-store")
	}
	if !j.a.instance.production {
		clean := j.public.URL()
		clean.Delete(cookieHandshake, queryHelp, cookieDevBrowser, cookieHandshakeNonce)
		h.Set("Location", clean.Href())
		h.Set("Cache-Control", "no-store")
	}
	session, found := sessionDirective(directives)
	if !found || session == "" && sessionDirectiveHasValue(directives) {
		return signedOut(SessionToken, ReasonSessionTokenMissing, "", h)
	}
	v, err := j.a.verifier.Session(j.ctx, session)
	if err != nil && !j.a.instance.production && isClockError(err) {
		j.a.log().WarnContext(j.ctx, "clock skew: a session fresh from Clerk is not valid by this machine's clock; set the clock right", "error", err)
		v, err = j.a.verifier.SessionWithSkew(j.ctx, session, developmentSkew)
	}
	if s := j.a.withoutKeys(SessionToken, session, err); s != nil {
		return s
	}
	if err != nil {
		j.a.log().ErrorContext(j.ctx, "handshake could not be resolved", "error", err)
		return nil
	}
	if j.a.verdict(v) == revocation.Denied { // Clerk has not learned of it yet
		return signedOut(SessionToken, ReasonSessionRevoked, endedMessage, h)
	}
	return j.sessionSignedIn(v, session, h)
}

// sessionDirectiveHasValue distinguishes "__session=", which means signed out, from
// "__session" without "=", which is a token that does not verify.
func sessionDirectiveHasValue(directives []string) bool {
	for _, line := range slices.Backward(directives) {
		if name, _, ok := cookieDirective(line); strings.HasPrefix(name, cookieSession) {
			return ok
		}
	}
	return false
}

func isClockError(err error) bool {
	var failed *token.Error
	if !errors.As(err, &failed) {
		return false
	}
	switch failed.Reason {
	case token.ReasonExpired, token.ReasonNotActiveYet, token.ReasonIATInTheFuture:
		return true
	}
	return false
}
