package middleware_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/middleware"
)

// TestVariantRefreshesEveryMethod: as in Clerk's SDK, only GET is refreshed, unless a
// variant allows more. Both share one cache of refreshes.
func TestVariantRefreshesEveryMethod(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	session := clerk.SignIn("jane@example.com")
	cookies := clerk.Cookies(session.ID, flowOrigin)
	a := newFlow(t, clerk, nil)
	every, err := a.With(middleware.Variant{RefreshEveryMethod: true})
	require.NoError(t, err)
	clerk.Advance(2 * time.Minute)

	post := pageRequest(cookies)
	post.Method = http.MethodPost
	post.Header.Set("Sec-Fetch-Dest", "empty")
	assert.Equal(t, middleware.SignedOut, a.Authenticate(post).Status)
	s := every.Authenticate(post)
	require.Equal(t, middleware.SignedIn, s.Status, s.Reason)
	assert.True(t, s.Refreshed)

	assert.True(t, a.Authenticate(pageRequest(cookies)).Refreshed)
	assert.Equal(t, 1, clerk.CallCount(http.MethodPost, "/v1/sessions/"), "refreshes")
}

// TestVariantAcceptsOtherTokens: what one route accepts, another refuses, however
// often the token was seen (CVE-2021-32701).
func TestVariantAcceptsOtherTokens(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	session := clerk.SignIn("jane@example.com")
	token := clerk.Token(session.ID, flowOrigin)
	a := newFlow(t, clerk, nil)
	machines, err := a.With(middleware.Variant{AcceptsToken: []middleware.TokenType{middleware.APIKeyToken}})
	require.NoError(t, err)
	request := httptest.NewRequest(http.MethodGet, flowOrigin+"/", nil)
	request.Header.Set("Authorization", "Bearer "+token)
	for range 2 {
		assert.Equal(t, middleware.SignedIn, a.Authenticate(request).Status)
		assert.Equal(t, middleware.ReasonTokenTypeMismatch, machines.Authenticate(request).Reason)
	}
	machines.Close()
	assert.Equal(t, middleware.SignedIn, a.Authenticate(request).Status, "closing a variant closes nothing")
}

func TestVariantThatCannotBe(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	a := newFlow(t, clerk, nil)
	for name, kinds := range map[string][]middleware.TokenType{
		"any beside another": {middleware.AnyToken, middleware.APIKeyToken},
		"unknown":            {"password"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := a.With(middleware.Variant{AcceptsToken: kinds})
			var invalid *middleware.OptionsError
			require.True(t, errors.As(err, &invalid), "%v", err)
			assert.Equal(t, "AcceptsToken", invalid.Problems[0].Where)
		})
	}
}

func TestUnauthenticatedAnswers(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{Production: true})
	a := newFlow(t, clerk, nil)
	for _, c := range []struct {
		how              middleware.Unauthenticated
		document, script int
	}{
		{middleware.UnauthenticatedAuto, 307, 401},
		{middleware.Unauthenticated401, 401, 401},
		{middleware.Unauthenticated404, 404, 404},
		{middleware.UnauthenticatedRedirect, 307, 307},
	} {
		t.Run(fmt.Sprintf("%q", c.how), func(t *testing.T) {
			handler := a.Handler(middleware.Require(middleware.Requirement{Unauthenticated: c.how})(http.NotFoundHandler()))
			for dest, want := range map[string]int{"document": c.document, "empty": c.script} {
				r := pageRequest(nil)
				r.Header.Set("Sec-Fetch-Dest", dest)
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				assert.Equal(t, want, w.Code, dest)
				assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			}
		})
	}
}
