package clerktest_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

// The operations that flows of their own test above, once more by clerkapi.
func TestClerkAPIRefreshes(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	api := f.client()
	session := f.SignIn("jane@example.com")
	params := func(format clerkapi.RefreshFormat) *clerkapi.RefreshSessionParams {
		return &clerkapi.RefreshSessionParams{
			ExpiredToken: f.Token(session.ID, app), RefreshToken: f.refreshToken(session.ID), RequestOrigin: app, Format: format,
		}
	}
	used := params("")
	got, _, err := api.RefreshSession(t.Context(), session.ID, used)
	require.NoError(t, err)
	require.NotNil(t, got.Token)
	assert.Equal(t, session.ID, f.claims(got.Token.JWT)["sid"])
	got, _, err = api.RefreshSession(t.Context(), session.ID, params(clerkapi.RefreshFormatCookie))
	require.NoError(t, err)
	require.NotNil(t, got.Cookies)
	assert.NotEmpty(t, got.Cookies.Cookies)

	_, _, err = api.RefreshSession(t.Context(), session.ID, used)
	status, code := refused(t, err)
	assert.Equal(t, http.StatusUnauthorized, status)
	assert.Equal(t, "session_refresh_expired_session_token_consumed", code)
}

func TestClerkAPIFetchesHandshakePayloads(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	session := f.SignIn("jane@example.com")
	back := f.do(http.MethodGet, handshakePath("__clerk_db_jwt", f.devBrowser(session.ID)), "").Header.Get("Location")
	target, err := url.Parse(back)
	require.NoError(t, err)
	nonce := target.Query().Get("__clerk_handshake_nonce")
	payload, _, err := f.client().GetHandshakePayload(t.Context(), nonce)
	require.NoError(t, err)
	assert.Equal(t, session.ID, f.claims(cookiesIn(t, payload.Directives)["__session"].Value)["sid"])
	_, _, err = f.client().GetHandshakePayload(t.Context(), nonce)
	_, code := refused(t, err)
	assert.Equal(t, "invalid_nonce", code, "it works once")
}

func TestClerkAPIReadsEverySession(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	var want []string
	for range 205 { // three pages
		want = append(want, f.SignIn("jane@example.com").ID)
	}
	var got []string
	for session, err := range f.client().AllSessions(t.Context(), &clerkapi.ListSessionsParams{UserID: f.Users()[0].ID}) {
		require.NoError(t, err)
		got = append(got, session.ID)
	}
	assert.ElementsMatch(t, want, got)
}
