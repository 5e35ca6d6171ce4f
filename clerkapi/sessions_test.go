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
