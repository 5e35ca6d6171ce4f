package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
)

// A program is told whether Clerk's front-end library, or a visit of a page, may bring the
// session back.
func TestRecoverable(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	reference := newFlow(t, clerk, nil)
	every := newFlow(t, clerk, func(o *middleware.Options) { o.RefreshEveryMethod = true })
	without := func(cookies []*http.Cookie, prefix string) (left []*http.Cookie) {
		for _, c := range cookies {
			if len(c.Name) < len(prefix) || c.Name[:len(prefix)] != prefix {
				left = append(left, c)
			}
		}
		return left
	}
	for name, c := range map[string]struct {
		a       *middleware.Authenticator
		request func(session *clerktest.Session, cookies []*http.Cookie) *http.Request
		want    bool
	}{
		"a form, which Clerk's SDK does not refresh": {reference, func(_ *clerktest.Session, cookies []*http.Cookie) *http.Request {
			return pageRequest(cookies)
		}, true},
		"no refresh token": {every, func(_ *clerktest.Session, cookies []*http.Cookie) *http.Request {
			return pageRequest(without(cookies, "__refresh"))
		}, true},
		"no session token": {every, func(_ *clerktest.Session, cookies []*http.Cookie) *http.Request {
			return pageRequest(without(cookies, "__session"))
		}, true},
		"a program's expired token": {every, func(s *clerktest.Session, _ []*http.Cookie) *http.Request {
			r := pageRequest(nil)
			r.Header.Set("Authorization", "Bearer "+clerk.Token(s.ID, flowOrigin))
			clerk.Advance(10 * time.Minute)
			return r
		}, true},
		"an ended session": {every, func(s *clerktest.Session, cookies []*http.Cookie) *http.Request {
			clerk.EndSession(s.ID)
			return pageRequest(cookies)
		}, false},
		"nobody": {every, func(_ *clerktest.Session, cookies []*http.Cookie) *http.Request {
			return pageRequest(nil)
		}, false},
		"a forged token": {every, func(_ *clerktest.Session, cookies []*http.Cookie) *http.Request {
			r := pageRequest(nil)
			r.Header.Set("Authorization", "Bearer forged")
			return r
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			session := clerk.SignIn("jane@example.com")
			cookies := clerk.Cookies(session.ID, flowOrigin)
			clerk.Advance(10 * time.Minute)
			r := c.request(session, cookies)
			r.Method = http.MethodPost
			r.Header.Set("Sec-Fetch-Dest", "empty")
			state := c.a.Authenticate(r)
			assert.Equal(t, middleware.SignedOut, state.Status)
			assert.Equal(t, c.want, state.Recoverable(), state.Reason)

			w := httptest.NewRecorder()
			c.a.Handler(middleware.RequireSignedIn(http.NotFoundHandler())).ServeHTTP(w, r)
			assert.Equal(t, http.StatusUnauthorized, w.Code)
			answer := map[bool]string{true: `"recoverable":true}`, false: `"recoverable":false}`}
			assert.Contains(t, w.Body.String(), `"meta":{"reason":"`+string(state.Reason)+`",`+answer[c.want])
		})
	}
}
