package middleware

import (
	"context"
	"errors"
	"net/http"

	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/token"
	"github.com/clerkgate/clerkgate/internal/weburl"
)

// decide judges a request. It writes nothing.
func (a *Authenticator) decide(r *http.Request, public *origin.Public) *State {
	j := &judged{a: a, r: r, ctx: r.Context(), public: public, headerToken: bearerToken(r.Header)}
	s := j.decide()
	s.public = j.public
	return s
}

// decide applies the rules in the order of the protocol.
func (j *judged) decide() *State {
	a, r := j.a, j.r
	if !j.public.Valid() {
		return signedOut(SessionToken, ReasonUnexpectedError, invalidURL(j.public), nil)
	}
	if single := a.accepts.single; single != M2MToken && single != APIKeyToken {
		j.cookies = readCookies(r.Header, &a.instance.names)
		if j.hasNullSession() {
			return signedOut(SessionToken, ReasonUnexpectedError, "", nil)
		}
	}
	if problem := j.satelliteProblem(); problem != "" {
		return signedOut(SessionToken, ReasonUnexpectedError, problem, nil)
	}
	if a.accepts.isList && !a.accepts.allows(j.kindOfHeaderToken()) {
		return signedOut("", ReasonTokenTypeMismatch, "", nil)
	}
	if j.headerToken != "" {
		switch {
		case a.accepts.any || a.accepts.isList:
			return j.anyTokenInHeader()
		case a.accepts.single == SessionToken:
			return j.sessionTokenInHeader()
		default:
			return j.machineTokenInHeader()
		}
	}
	if a.accepts.single.isMachine() {
		return signedOut(a.accepts.single, ReasonNoTokenInHeader, "", nil)
	}
	return j.sessionInCookies()
}

// invalidURL says why the request's URL is not valid.
func invalidURL(public *origin.Public) string {
	if public.TooLong() {
		return "The request's URL is too long, or has too many slashes."
	}
	return "The request's host is not a valid one."
}

// satelliteProblem reports a satellite with a sign-in page on its own origin, which
// cannot work. Clerk's SDK throws an error for every such request.
func (j *judged) satelliteProblem() string {
	o := &j.a.opts
	if !o.IsSatellite || j.a.accepts.single == M2MToken || j.a.signInOrigin == "" {
		return ""
	}
	if headerValue(j.r.Header, "Origin") == j.a.signInOrigin {
		return "The sign-in URL must be on another origin than the satellite application."
	}
	return ""
}

// sessionTokenInHeader judges a header if only session tokens are accepted.
func (j *judged) sessionTokenInHeader() *State {
	if t := j.unverified(j.headerToken); t != nil && (t.IsMachineJWT() || t.NonSessionCategory()) {
		return signedOut(SessionToken, ReasonTokenTypeMismatch, "", nil)
	}
	return j.verifySessionInHeader()
}

// verifySessionInHeader judges a session token in the header. Neither client_uat nor the
// organization in the path matters for it.
func (j *judged) verifySessionInHeader() *State {
	t, err := j.decode(j.headerToken)
	var v *token.Verified
	if err == nil {
		v, err = j.verify(t)
	}
	if err != nil {
		j.readSession()
		return j.sessionFailed(err, "header")
	}
	return j.sessionSignedIn(v, j.headerToken, nil)
}

// errNull is the error for a token whose header or claims are the JSON value null. In
// Clerk's SDK it is not a token error.
var errNull = errors.New("token header or claims are null")

// verify verifies a decoded session token.
func (j *judged) verify(t *token.Unverified) (*token.Verified, error) {
	if t.HeaderIsNull() {
		return nil, errNull
	}
	v, err := j.a.verifier.SessionDecoded(j.ctx, t)
	if err == nil {
		return v, j.a.revoked(v)
	}
	var failed *token.Error
	if errors.As(err, &failed) && failed.Reason == token.ReasonVerificationFailed && t.ClaimsAreNull() {
		return nil, errNull
	}
	return nil, err
}

// sessionInCookies judges a request without a token in its header.
func (j *judged) sessionInCookies() *State {
	j.readSession()
	if state := j.resolveHandshake(); state != nil {
		return state
	}
	if state := j.satelliteSync(); state != nil {
		return state
	}
	if state := j.developmentSync(); state != nil {
		return state
	}
	switch active := j.clientUAT != 0; {
	case !active && j.session == "":
		return signedOut(SessionToken, ReasonSessionTokenAndUATMissing, "", nil)
	case !active:
		return j.handshake(ReasonSessionTokenWithoutClientUAT, "")
	case j.session == "":
		return j.handshake(ReasonClientUATWithoutSessionToken, "")
	}
	return j.sessionCookie()
}

// sessionCookie judges a session cookie of an active client.
func (j *judged) sessionCookie() *State {
	t, err := j.decode(j.session)
	if err != nil {
		return j.sessionFailed(err, "cookie")
	}
	if t.IsMachineJWT() || t.NonSessionCategory() {
		return signedOut(SessionToken, ReasonTokenTypeMismatch, "", nil)
	}
	// This iat is unverified. All it can cause is a redirect to Clerk.
	if t.IssuedBefore(j.clientUAT) {
		return j.handshake(ReasonSessionTokenIATBeforeClientUAT, "")
	}
	v, err := j.verify(t)
	if err != nil {
		return j.sessionFailed(err, "cookie")
	}
	if !v.HasAuthorizedParty() {
		j.a.warnMissingAZP()
	}
	if j.isCrossOriginNavigation() && !j.a.health.isGone(j.ctx) {
		return j.handshake(ReasonPrimaryDomainCrossOriginSync, "Cross-origin request from satellite domain requires handshake")
	}
	state := j.sessionSignedIn(v, j.session, nil)
	if state.Auth.UserID != "" {
		if redirect := j.organizationSync(state.Auth); redirect != nil {
			return redirect
		}
	}
	return state
}

// sessionFailed tries a refresh, then a handshake. carrier is where the token was: header
// or cookie.
func (j *judged) sessionFailed(err error, carrier string) *State {
	why, found := "", j.session
	if carrier == "header" {
		found = j.headerToken
	}
	if s := j.a.withoutKeys(SessionToken, found, err); s != nil {
		return s
	}
	failed, ok := tokenError(err)
	switch {
	case errors.Is(err, errDenied):
		return endedSession()
	case !ok:
		if !errors.Is(err, context.Canceled) {
			j.a.log().WarnContext(j.ctx, "session token could not be judged", "error", err)
		}
		return signedOut(SessionToken, ReasonUnexpectedError, "", nil)
	}
	switch {
	case j.r.Method != http.MethodGet && !j.a.opts.RefreshEveryMethod:
		why = refreshNonEligibleNonGet
	case j.cookies.refresh == "":
		why = refreshNonEligibleNoCookie
	case failed.Reason == token.ReasonExpired:
		var state *State
		if state, why = j.refresh(found); state != nil {
			return state
		}
	}
	message := failed.FullMessage(carrier)
	switch failed.Reason {
	case token.ReasonExpired:
		reason := ReasonSessionTokenExpired + "-refresh-" + Reason(why)
		if held := j.hold(reason, message, found); held != nil {
			return held
		}
		return j.handshake(reason, message)
	case token.ReasonNotActiveYet:
		return j.handshake(ReasonSessionTokenNBF, message)
	case token.ReasonIATInTheFuture:
		return j.handshake(ReasonSessionTokenIATInTheFuture, message)
	}
	return signedOut(SessionToken, Reason(failed.Reason), message, nil)
}

// satelliteSync sends a visitor of a satellite to the primary domain if the query asks
// for it, or if nothing is known and automatic sync is on.
func (j *judged) satelliteSync() *State {
	o := &j.a.opts
	if !o.IsSatellite || j.r.Method != http.MethodGet || headerValue(j.r.Header, "Sec-Fetch-Dest") != "document" {
		return nil
	}
	synced, _ := j.public.Query(querySynced)
	if synced == "true" {
		return nil
	}
	known, asked := j.session != "" || j.clientUAT != 0, synced == "false"
	switch {
	case !known && !asked && !o.SatelliteAutoSync:
		return signedOut(SessionToken, ReasonSessionTokenAndUATMissing, "", nil)
	case known && !asked:
		return nil
	case j.a.instance.production:
		return j.handshake(ReasonSatelliteNeedsSyncing, "")
	}
	location, err := weburl.Parse(o.SignInURL)
	if err != nil {
		return signedOut(SessionToken, ReasonUnexpectedError, "The sign-in URL is not a valid URL.", nil)
	}
	location.Append(queryRedirectURL, j.public.Href())
	return j.redirect(ReasonSatelliteNeedsSyncing, "", location.Href())
}

// developmentSync responds to a satellite that syncs with this primary, and adopts the dev
// browser that is in the URL on localhost.
func (j *judged) developmentSync() *State {
	if j.a.instance.production {
		return nil
	}
	back, _ := j.public.Query(queryRedirectURL)
	if !j.a.opts.IsSatellite && back != "" {
		location, err := weburl.Parse(back)
		if err != nil {
			return developerError(ReasonPrimaryRespondsToSyncing,
				"The query parameter __clerk_redirect_url is not a URL, so the sign-in cannot be taken back to the satellite application.")
		}
		if j.devBrowser != "" {
			location.Append(cookieDevBrowser, j.devBrowser)
		}
		location.Set(querySynced, "true")
		return j.redirect(ReasonPrimaryRespondsToSyncing, "", location.Href())
	}
	if j.public.HasQuery(cookieDevBrowser) {
		return j.handshake(ReasonDevBrowserSync, "")
	}
	if j.devBrowser == "" {
		return j.handshake(ReasonDevBrowserMissing, "")
	}
	return nil
}

// isCrossOriginNavigation reports whether a person came from another site, which may be a
// satellite with a newer session. Clerk's own pages do not count.
func (j *judged) isCrossOriginNavigation() bool {
	if j.a.opts.IsSatellite || j.r.Method != http.MethodGet || j.loopCounter != 0 ||
		headerValue(j.r.Header, "Sec-Fetch-Dest") != "document" {
		return false
	}
	referer := headerValue(j.r.Header, "Referer")
	if referer == "" || j.public.IsOriginOf(referer) {
		return false
	}
	from, err := weburl.Parse(referer)
	if err != nil || from.Origin() == j.origin() {
		return false
	}
	return !j.isClerkPage(from)
}

func (j *judged) isClerkPage(from *weburl.URL) bool {
	api := j.frontendAPI()
	if !hasHTTPPrefix(api) {
		if from.Hostname() == api {
			return true
		}
	} else if u, err := weburl.Parse(api); err != nil {
		return false
	} else if from.Hostname() == u.Hostname() {
		return true
	}
	if !j.a.instance.production && isDevelopmentPortal(from.Hostname()) {
		return true
	}
	portal, err := weburl.Parse(accountPortal(api))
	return err == nil && from.Origin() == portal.Origin()
}
