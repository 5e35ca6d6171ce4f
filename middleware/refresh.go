package middleware

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/revocation"
	"github.com/clerkgate/clerkgate/internal/token"
)

// Why a refresh was not tried, or failed. An error code of the Backend API may appear
// instead of one of these.
const (
	refreshNonEligibleNonGet   = "non-eligible-non-get"
	refreshNonEligibleNoCookie = "non-eligible-no-refresh-cookie"
	refreshMissingAPIClient    = "missing-api-client"
	refreshDecodeFailed        = "expired-session-token-decode-failed"
	refreshMissingSID          = "expired-session-token-missing-sid-claim"
	refreshFetchError          = "fetch-error"
	refreshUnexpectedAPI       = "unexpected-bapi-error"
	refreshUnexpectedSDK       = "unexpected-sdk-error"
	refreshInvalidToken        = "invalid-session-token"
)

// refreshConsumed is the code with which Clerk refuses an expired token that was exchanged
// already (docs/protocol.md, 17.9).
const refreshConsumed = "session_refresh_expired_session_token_consumed"

// isAboutEndedSession reports whether Clerk has refused a refresh because there is no
// session any more. Of the other codes, most are about the tokens, which may be old.
func isAboutEndedSession(reason Reason) bool {
	switch strings.TrimPrefix(string(reason), string(ReasonSessionTokenExpired)+"-refresh-") {
	case "session_refresh_session_not_found", "session_refresh_inactive_session", "session_refresh_user_not_found":
		return true
	}
	return false
}

// refreshMemory is how long a refreshed token answers further requests that carry
// the same expired token: a browser sends several before it has the new cookies,
// and Clerk takes an expired token only once.
const refreshMemory = 10 * time.Second

// refusalMemory is how long a refresh that Clerk has refused is remembered. The same two
// tokens are refused again, and a browser that sends them once a second must not cost a
// call each time.
const refusalMemory = time.Minute

// maxRefreshToken limits the refresh tokens that are sent to Clerk, in bytes. Browsers
// keep no longer cookies.
const maxRefreshToken = 4096

// Limits on the remembered refreshes: Clerk allows 1,000 calls in ten seconds, and a
// refresh takes about 7 KB.
const (
	refreshCacheSize  = 10_000
	refreshCacheBytes = 32 << 20
)

// refreshKey identifies a refresh by everything that its result depends on.
type refreshKey [sha256.Size]byte

// refreshQuestion is a call for a refresh.
type refreshQuestion struct {
	sid, subject string // of the token that is sent, whose signature may not have been checked
	// verifiedSID is of the token that was found expired after its signature was
	// checked. With tokens in both, that is the one in the header, and the one in the
	// cookie is sent, as by Clerk's SDK.
	verifiedSID string
	verified    bool // both are the same token
	suffixed    bool
	params      clerkapi.RefreshSessionParams
}

// refreshed is the outcome of a refresh, shared by all requests for it.
type refreshed struct {
	verified *token.Verified
	token    string
	cookies  []string
	asked    time.Time // when this process asked Clerk; zero if another one did
	why      string    // set when it failed
	// unavailable means that it failed because Clerk is down, or because of a rate limit.
	unavailable bool
	byReplica   bool // another replica made the call
	abandoned   bool // the request ended before the outcome was known
}

// refused reports whether Clerk has refused the refresh of a session that may go on.
func (o *refreshed) refused() bool {
	switch o.why {
	case "", refreshFetchError, refreshUnexpectedAPI, refreshUnexpectedSDK, refreshInvalidToken:
		return false
	}
	return !o.unavailable && !isAboutEndedSession(Reason(o.why))
}

// refresh exchanges an expired token at the Backend API. found is the token that was
// verified and found expired. It returns the signed-in state, or why there is none.
func (j *judged) refresh(found string) (*State, string) {
	if j.a.opts.SecretKey == "" {
		return nil, refreshMissingAPIClient
	}
	sent := j.anySessionToken()
	t, err := j.a.decode(sent)
	if err != nil {
		return nil, refreshDecodeFailed
	}
	sid, ok := t.SID()
	if !ok {
		return nil, refreshMissingSID
	}
	if !isPlausible(j.cookies.refresh, maxRefreshToken) {
		return nil, refreshUnexpectedAPI
	}
	q := &refreshQuestion{sid: sid, subject: t.Subject(), verifiedSID: sid, verified: sent == found, suffixed: j.suffixed, params: clerkapi.RefreshSessionParams{
		Format:         clerkapi.RefreshFormatCookie,
		ExpiredToken:   sent,
		RefreshToken:   j.cookies.refresh,
		RequestOrigin:  j.origin(),
		RequestHeaders: requestHeaders(j.r, j.a.origin.TrustedPeer(j.r)),
	}}
	if !q.verified {
		q.verifiedSID = ""
		if t := j.a.unverified(found); t != nil {
			q.verifiedSID, _ = t.SID()
		}
	}
	outcome := j.a.refreshCurrent(j.ctx, q)
	if outcome.why != "" {
		j.notRenewed = outcome.unavailable
		return nil, outcome.why
	}
	if j.a.verdict(outcome.verified) == revocation.Denied {
		return endedSession(), "" // Clerk has not learned of it yet
	}
	state := j.sessionSignedIn(outcome.verified, outcome.token, http.Header{
		"Set-Cookie": outcome.cookies,
		// A shared cache that stored this response would hand out the session.
		"Cache-Control": {"no-store"},
	})
	state.Refreshed = true
	return state, ""
}

// refreshOnce makes one call for all requests that need the same refresh, at the same
// time or shortly after, here or at another replica.
func (a *Authenticator) refreshOnce(ctx context.Context, q *refreshQuestion) *refreshed {
	p := &q.params
	key := newRefreshKey(q.sid, p.ExpiredToken, p.RefreshToken, p.RequestOrigin, q.suffixed)
	if q.suffixed {
		p.SuffixedCookies = &q.suffixed
	}
	var asked atomic.Bool
	outcome, err := a.refreshes.Do(ctx, key, func(ctx context.Context) (*refreshed, time.Time) {
		asked.Store(true)
		outcome, holds := a.shareRefresh(ctx, key, q)
		return outcome, a.now().Add(holds)
	})
	if err != nil {
		outcome = &refreshed{why: refreshFetchError, abandoned: true}
	}
	a.counts.refreshed(outcome, asked.Load())
	return outcome
}

// size returns roughly how much memory the outcome takes, in bytes.
func (o *refreshed) size() int {
	if o.verified == nil {
		return 256 + len(o.why)
	}
	n := 2048 + 2*len(o.token)
	for _, line := range o.cookies {
		n += 16 + len(line)
	}
	return n
}

// callRefresh returns the outcome and how long it is remembered.
func (a *Authenticator) callRefresh(ctx context.Context, q *refreshQuestion) (*refreshed, time.Duration) {
	a.health.others.hear(ctx) // before the budget, which a call that is not made must not use up
	if a.health.sessions.Refuses() {
		return &refreshed{why: refreshFetchError, unavailable: true}, 0
	}
	leave, busy, ok := a.budget.refresh(ctx, q)
	if !ok {
		return &refreshed{why: refreshFetchError, unavailable: busy && a.health.holds}, 0
	}
	defer leave()
	var result *clerkapi.SessionRefresh
	var response *clerkapi.Response
	var err error
	asked := a.now()
	unavailable, made := a.health.sessions.Call(ctx, func() (*clerkapi.Response, error) {
		result, response, err = a.api.RefreshSession(ctx, q.sid, &q.params)
		return response, err
	})
	switch {
	case !made:
		return &refreshed{why: refreshFetchError, unavailable: true}, 0
	case err != nil:
		why := refreshFailure(response, err)
		a.log().WarnContext(ctx, "session could not be refreshed", "why", why, "error", err)
		return &refreshed{why: why, unavailable: unavailable}, failureMemory(response, refusalMemory)
	}
	outcome := a.readRefresh(ctx, result)
	if outcome.why != "" {
		return outcome, transientMemory
	}
	outcome.asked = asked
	a.budget.sessions.refreshed(q)
	return outcome, refreshMemory
}

// readRefresh finds the new session token in Clerk's response and verifies it.
func (a *Authenticator) readRefresh(ctx context.Context, result *clerkapi.SessionRefresh) *refreshed {
	if result.Cookies == nil || len(result.Cookies.Cookies) == 0 {
		return &refreshed{why: refreshUnexpectedSDK}
	}
	cookies, ok := setCookieHeaders(result.Cookies.Cookies)
	if !ok {
		return &refreshed{why: refreshUnexpectedSDK}
	}
	fresh, _ := sessionDirective(result.Cookies.Cookies)
	// The SDK does not look at the category here; a template's token must not
	// become a session.
	if t, err := a.decode(fresh); err == nil && t.NonSessionCategory() {
		return &refreshed{why: refreshInvalidToken}
	}
	v, err := a.verifier.Session(ctx, fresh)
	if err != nil {
		a.log().WarnContext(ctx, "refreshed session token does not verify", "error", err)
		return &refreshed{why: refreshInvalidToken, unavailable: errors.Is(err, errClerkUnavailable)}
	}
	return &refreshed{verified: v, token: fresh, cookies: cookies}
}

// refreshFailure names a failed call as Clerk's SDK does. response is nil if there was
// none.
func refreshFailure(response *clerkapi.Response, err error) string {
	var refused *clerkapi.APIError
	switch {
	case errors.Is(err, clerkapi.ErrInvalidID), errors.Is(err, clerkapi.ErrNoContent):
		return refreshUnexpectedAPI
	case response == nil, errors.Is(err, clerkapi.ErrBodyTooLarge):
		return refreshFetchError
	case unreadable(response):
		return refreshFetchError
	case !errors.As(err, &refused):
		return refreshUnexpectedSDK
	case len(refused.Errors) == 0:
		return refreshUnexpectedAPI
	}
	switch code := refused.Errors[0].Code; code {
	case "":
		return refreshUnexpectedSDK
	case "unexpected_error":
		return refreshFetchError
	default:
		return code
	}
}

// unreadable reports whether Clerk's SDK fails to read a response of this form. It counts
// as no response.
func unreadable(response *clerkapi.Response) bool {
	if response.Header.Get("Content-Type") != "application/json" {
		return false
	}
	var doc any
	if json.Unmarshal(response.Body, &doc) != nil {
		return true
	}
	object, isObject := doc.(map[string]any)
	if response.StatusCode < http.StatusMultipleChoices {
		_, isText := doc.(string)
		_, isList := doc.([]any)
		return !isObject && !isText && !isList
	}
	failures, has := object["errors"]
	switch list := failures.(type) {
	case nil:
		return has
	case string:
		return list != ""
	case []any:
		return slices.Contains(list, nil)
	}
	return false
}

// requestHeaders returns the request's headers in the form that the refresh endpoint
// expects: lower-case names with one element each. Forwarding headers count only from
// trusted proxies.
func requestHeaders(r *http.Request, trusted bool) map[string][]string {
	out := make(map[string][]string, len(r.Header)+1)
	for name, values := range r.Header {
		if !trusted && (name == "Forwarded" || strings.HasPrefix(name, "X-Forwarded-")) {
			continue
		}
		separator := ", "
		if name == "Cookie" {
			separator = "; "
		}
		value := strings.Trim(strings.Join(values, separator), " \t")
		if !isASCII(value) {
			value = fromLatin1(value)
		}
		out[strings.ToLower(name)] = []string{value}
	}
	if r.Host != "" {
		out["host"] = []string{r.Host}
	}
	return out
}

// newRefreshKey hashes length-prefixed parts, so that different inputs never give the
// same key.
func newRefreshKey(sid, expired, refreshToken, origin string, suffixed bool) refreshKey {
	h := sha256.New()
	var n [8]byte
	for _, part := range [...]string{sid, expired, refreshToken, origin} {
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write([]byte(part))
	}
	if suffixed {
		h.Write([]byte{1})
	}
	return refreshKey(h.Sum(nil))
}
