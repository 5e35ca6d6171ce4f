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
	"time"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/token"
)

// Why a refresh did not happen, or failed; an error code of the Backend API may
// stand in their place.
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

// refreshMemory is how long a refreshed token answers further requests that carry
// the same expired token: a browser sends several before it has the new cookies,
// and Clerk takes an expired token only once.
const refreshMemory = 10 * time.Second

// refusalMemory is how long it is remembered that Clerk refused a refresh. It does not
// change its mind about the same two tokens, and a browser that goes on sending them,
// once a second say, must not be a call each time.
const refusalMemory = time.Minute

// maxRefreshToken bounds, in bytes, a refresh token that is sent to Clerk: no browser
// keeps a longer cookie.
const maxRefreshToken = 4096

// These bound how many recent refreshes are remembered, and how much memory they
// take: Clerk allows 1,000 calls in ten seconds, and a refresh takes about 7 KB.
const (
	refreshCacheSize  = 10_000
	refreshCacheBytes = 32 << 20
)

// refreshKey names one refresh by everything that its answer depends on.
type refreshKey [sha256.Size]byte

// refreshQuestion is what Clerk is asked.
type refreshQuestion struct {
	sid string // of the token that is sent, which may be unsigned
	// verifiedSID is of the token that was found expired, by a signature of Clerk's.
	// It is that in the header where the one in the cookie is sent.
	verifiedSID string
	verified    bool // the token that is sent is the one found expired
	suffixed    bool
	params      clerkapi.RefreshSessionParams
}

// refreshed is the outcome of one refresh, shared by all who asked for it.
type refreshed struct {
	verified *token.Verified
	token    string
	cookies  []string
	why      string // set when it failed
}

// refresh exchanges an expired token at the Backend API. found is the one that was
// verified and found expired. It returns the signed-in state, or why it could not be had.
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
	q := &refreshQuestion{sid: sid, verifiedSID: sid, verified: sent == found, suffixed: j.suffixed, params: clerkapi.RefreshSessionParams{
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
	outcome := j.a.refreshOnce(j.ctx, q)
	if outcome.why != "" {
		return nil, outcome.why
	}
	state := j.sessionSignedIn(outcome.verified, outcome.token, http.Header{
		"Set-Cookie": outcome.cookies,
		// A shared cache that kept this answer would hand out the session.
		"Cache-Control": {"no-store"},
	})
	state.Refreshed = true
	return state, ""
}

// refreshOnce makes one call for all requests that wait for the same refresh, and
// answers those that come shortly after from memory.
func (a *Authenticator) refreshOnce(ctx context.Context, q *refreshQuestion) *refreshed {
	p := &q.params
	key := newRefreshKey(q.sid, p.ExpiredToken, p.RefreshToken, p.RequestOrigin, q.suffixed)
	if q.suffixed {
		p.SuffixedCookies = &q.suffixed
	}
	outcome, err := a.refreshes.Do(ctx, key, func(ctx context.Context) (*refreshed, time.Time) {
		outcome, holds := a.callRefresh(ctx, q)
		return outcome, a.now().Add(holds)
	})
	if err != nil {
		return &refreshed{why: refreshFetchError}
	}
	return outcome
}

// size is about what the outcome takes in memory, in bytes.
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

// callRefresh returns the outcome and how long it holds.
func (a *Authenticator) callRefresh(ctx context.Context, q *refreshQuestion) (*refreshed, time.Duration) {
	leave, ok := a.budget.refresh(ctx, q)
	if !ok {
		return &refreshed{why: refreshFetchError}, 0
	}
	defer leave()
	result, response, err := a.api.RefreshSession(ctx, q.sid, &q.params)
	if err != nil {
		why := refreshFailure(response, err)
		a.log().WarnContext(ctx, "session could not be refreshed", "why", why, "error", err)
		return &refreshed{why: why}, failureMemory(response, refusalMemory)
	}
	outcome := a.readRefresh(ctx, result)
	if outcome.why != "" {
		return outcome, transientMemory
	}
	a.budget.sessions.refreshed(q)
	return outcome, refreshMemory
}

// readRefresh finds the new session in Clerk's answer and verifies it.
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
		return &refreshed{why: refreshInvalidToken}
	}
	return &refreshed{verified: v, token: fresh, cookies: cookies}
}

// refreshFailure names a failed call as Clerk's SDK would. response is nil when
// none came.
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

// unreadable reports an answer at whose shape Clerk's SDK stops with an error of
// its own: it counts as no answer.
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

// requestHeaders is every header of the request the way the refresh endpoint takes
// them: lower-case names, one element each. What a peer that is no trusted proxy
// says of itself being one is left out.
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

// newRefreshKey hashes length-prefixed parts, so that no two sets of inputs meet.
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
