package clerkapi_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
)

// The session of the API documentation's example.
const sessionJSON = `{
  "object": "session", "id": "sess_3aQm8XcVtb2LpR9dWz7YkEfHs1J", "user_id": "user_3aQm7HnUe5KdT1gBx4ZwPvRoC6L",
  "client_id": "client_3aQm6FjYr8NsG0mQa2VtXuLiD9K", "actor": null, "status": "active",
  "last_active_organization_id": "org_3aQm5TpWk1HbZ6cMy8RnSeJgA4U", "last_active_at": 1767225600000,
  "latest_activity": {"object": "session_activity", "id": "sess_activity_3aQm9AvBq4XdF7hKo5LtNwUzI2M",
    "device_type": "Macintosh", "is_mobile": false, "browser_name": "Firefox", "browser_version": "133.0",
    "ip_address": "203.0.113.7", "city": "Lyon", "country": "FR"},
  "expire_at": 1767830400000, "abandon_at": 1769817600000, "updated_at": 1767225600000,
  "created_at": 1767225600000, "tasks": null}`

func TestGetSession(t *testing.T) {
	t.Parallel()
	c, f := setup(t, nil, ok(sessionJSON))
	s, res, err := c.GetSession(t.Context(), sessionID)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.JSONEq(t, sessionJSON, string(res.Body))
	assert.Equal(t, sessionID, s.ID)
	assert.Equal(t, clerkapi.SessionActive, s.Status)
	assert.Equal(t, "org_3aQm5TpWk1HbZ6cMy8RnSeJgA4U", *s.LastActiveOrganizationID)
	assert.Equal(t, "Lyon", s.LatestActivity.City)
	assert.Equal(t, "2026-01-01T00:00:00Z", s.CreatedAtTime().Format("2006-01-02T15:04:05Z07:00"))
	assert.Equal(t, s.CreatedAtTime(), s.UpdatedAtTime())
	assert.Equal(t, s.CreatedAtTime(), s.LastActiveAtTime())
	assert.Equal(t, s.CreatedAtTime().AddDate(0, 0, 7), s.ExpireAtTime())
	assert.Equal(t, s.CreatedAtTime().AddDate(0, 0, 30), s.AbandonAtTime())

	require.Len(t, f.got(), 1)
	r := f.got()[0]
	assert.Equal(t, "GET", r.method)
	assert.Equal(t, "/v1/sessions/"+sessionID, r.uri)
	assert.Empty(t, r.body)
	assert.Equal(t, "Bearer "+secretKey, r.header.Get("Authorization"))
	assert.Equal(t, "2026-05-12", r.header.Get("Clerk-Api-Version"))
	assert.Equal(t, "application/json", r.header.Get("Content-Type"))
	assert.Equal(t, "clerkapi/"+clerkapi.Version, r.header.Get("User-Agent"))
}

func refreshParams() *clerkapi.RefreshSessionParams {
	return &clerkapi.RefreshSessionParams{ExpiredToken: "planted.jwt", RefreshToken: "planted_refresh", RequestOrigin: "https://app.example.com"}
}

func TestRefreshSessionRequest(t *testing.T) {
	t.Parallel()
	yes, no, ip := true, false, "203.0.113.7"
	full := refreshParams()
	full.RequestHeaders = map[string][]string{"user-agent": {"Mozilla/5.0"}, "X-Odd": {"a", "b"}}
	full.Format, full.RequestOriginatingIP, full.SuffixedCookies = clerkapi.RefreshFormatCookie, &ip, &yes
	without := refreshParams()
	without.SuffixedCookies = &no
	const least = `{"expired_token":"planted.jwt","refresh_token":"planted_refresh","request_origin":"https://app.example.com"}`
	cases := []struct {
		name      string
		params    *clerkapi.RefreshSessionParams
		uri, body string
	}{
		{"least", refreshParams(), "/v1/sessions/s/refresh", least},
		{"false is not sent", without, "/v1/sessions/s/refresh", least},
		{"full", full, "/v1/sessions/s/refresh?suffixed_cookies=true", `{"expired_token":"planted.jwt","refresh_token":"planted_refresh",
			"request_origin":"https://app.example.com","request_headers":{"user-agent":["Mozilla/5.0"],"X-Odd":["a","b"]},
			"format":"cookie","request_originating_ip":"203.0.113.7"}`},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, f := setup(t, nil, ok(`{"object":"token","jwt":"fresh"}`))
			out, _, err := c.RefreshSession(t.Context(), "s", tc.params)
			require.NoError(t, err)
			assert.Equal(t, "fresh", out.Token.JWT)
			assert.Nil(t, out.Cookies)
			r := f.got()[0]
			assert.Equal(t, "POST", r.method)
			assert.Equal(t, tc.uri, r.uri)
			assert.JSONEq(t, tc.body, r.body)
			assert.Equal(t, "application/json", r.header.Get("Content-Type"))
			assert.Equal(t, "2026-05-12", r.header.Get("Clerk-Api-Version"))
		})
	}
}

func TestRefreshSessionReply(t *testing.T) {
	t.Parallel()
	c, _ := setup(t, nil, ok(`{"object":"cookies","cookies":["__session=a; Path=/","__refresh_x=b"]}`))
	out, _, err := c.RefreshSession(t.Context(), "s", refreshParams())
	require.NoError(t, err)
	assert.Nil(t, out.Token)
	assert.Equal(t, []string{"__session=a; Path=/", "__refresh_x=b"}, out.Cookies.Cookies)

	for _, body := range []string{`{}`, `null`, `[]`, `{"object":"token"}`, `{"object":"token","jwt":""}`, `{"object":"cookies"}`,
		`{"object":"cookies","cookies":[]}`, `{"object":"session","jwt":"x"}`, `{"object":"token","jwt":7}`, `{"object":1}`} {
		c, _ := setup(t, nil, ok(body))
		out, res, err := c.RefreshSession(t.Context(), "s", refreshParams())
		var d *clerkapi.DecodeError
		require.ErrorAs(t, err, &d, body)
		assert.Nil(t, out)
		assert.NotNil(t, res)
	}

	c, f := setup(t, func(o *clerkapi.Options) { o.MaxRetries = 3 },
		reply{401, nil, `{"errors":[{"code":"session_refresh_expired_session_token_consumed","message":"planted.jwt"}]}`})
	_, _, err = c.RefreshSession(t.Context(), "s", refreshParams())
	var api *clerkapi.APIError
	require.ErrorAs(t, err, &api)
	require.ErrorIs(t, err, clerkapi.ErrUnauthorized)
	assert.Equal(t, "session_refresh_expired_session_token_consumed", api.Code())
	noSecrets(t, err.Error())
	assert.Len(t, f.got(), 1)
}

// The three refusals are made here, the rest is Clerk's to judge.
func TestRefreshSessionParams(t *testing.T) {
	t.Parallel()
	c, f := setup(t, nil, ok(`{}`))
	for _, p := range []*clerkapi.RefreshSessionParams{nil, {}, {ExpiredToken: "e", RefreshToken: "r"}, {ExpiredToken: "e", RequestOrigin: "o"},
		{RefreshToken: "r", RequestOrigin: "o"}} {
		_, res, err := c.RefreshSession(t.Context(), "s", p)
		require.ErrorIs(t, err, clerkapi.ErrInvalidParams)
		assert.Nil(t, res)
	}
	assert.Empty(t, f.got())
}
