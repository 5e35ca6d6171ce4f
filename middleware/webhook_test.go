package middleware_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

// newHook is an exit with an endpoint that the local Clerk sends its webhooks to.
func newHook(t *testing.T) *exit {
	t.Helper()
	e := newExit(t, true, nil)
	hook := e.clerk.AddWebhook(clerktest.Webhook{URL: e.URL + "/hook"})
	handler, err := e.auth.WebhookHandler(hook.Secret)
	require.NoError(t, err)
	e.mux.Handle("/hook", handler)
	return e
}

// delivered waits for the webhooks that were sent.
func (e *exit) delivered(t *testing.T) {
	t.Helper()
	for _, d := range e.clerk.Deliveries() {
		require.Equal(t, http.StatusNoContent, d.Status, d.Event)
	}
}

func TestWebhookEndsASession(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*clerktest.Server, *clerktest.Session){
		"session.ended":   func(c *clerktest.Server, s *clerktest.Session) { c.EndSession(s.ID) },
		"session.revoked": func(c *clerktest.Server, s *clerktest.Session) { c.RevokeSession(s.ID) },
		"user.deleted": func(c *clerktest.Server, s *clerktest.Session) {
			r, _ := http.NewRequest(http.MethodDelete, c.URL+"/v1/users/"+s.UserID, nil) //nolint:noctx // a test
			r.Header.Set("Authorization", "Bearer "+c.SecretKey())
			res, err := c.Client("mei@example.com", flowOrigin).Do(r)
			if err == nil {
				_ = res.Body.Close()
			}
		},
		"a ban": func(c *clerktest.Server, s *clerktest.Session) {
			c.Emit("user.updated", map[string]any{"id": s.UserID, "banned": true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newHook(t)
			session, other := e.clerk.SignIn("jane@example.com"), e.clerk.SignIn("mei@example.com")
			cookies := e.clerk.Cookies(session.ID, flowOrigin)
			require.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", cookies).StatusCode)
			end(e.clerk, session)
			e.delivered(t)
			res := e.do(t, http.MethodGet, "/", cookies)
			assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
			assert.Equal(t, "session-revoked", res.Header.Get("X-Clerk-Auth-Reason"))
			assert.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", e.clerk.Cookies(other.ID, flowOrigin)).StatusCode)
		})
	}
}

// Somebody whose rights have changed is not signed out: the next request brings a token
// with the new ones.
func TestWebhookHasTokensRenewed(t *testing.T) {
	t.Parallel()
	for event, data := range map[string]func(user, org string) any{
		"organizationMembership.updated": func(user, org string) any {
			return map[string]any{"organization": map[string]any{"id": org}, "public_user_data": map[string]any{"user_id": user}}
		},
		"organization.deleted": func(_, org string) any { return map[string]any{"id": org, "deleted": true} },
		"role.updated":         func(_, _ string) any { return map[string]any{"id": "role_1", "key": "org:approver"} },
		"permission.deleted":   func(_, _ string) any { return map[string]any{"id": "perm_1", "key": "org:invoices:view"} },
	} {
		t.Run(event, func(t *testing.T) {
			t.Parallel()
			e := newHook(t)
			session := e.clerk.SignIn("mei@example.com")
			require.NotEmpty(t, session.OrganizationID)
			cookies := e.clerk.Cookies(session.ID, flowOrigin)
			require.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", cookies).StatusCode)
			e.clerk.Emit(event, data(session.UserID, session.OrganizationID))
			e.delivered(t)
			e.clerk.Advance(time.Second)
			res := e.do(t, http.MethodGet, "/", cookies)
			assert.Equal(t, http.StatusOK, res.StatusCode)
			require.NotEmpty(t, res.Cookies())
			assert.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", replaced(cookies, res.Cookies())).StatusCode)
			assert.Equal(t, 1, e.clerk.CallCount(http.MethodPost, "/v1/sessions/"))
		})
	}
}

func TestWebhookOfAnotherInstance(t *testing.T) {
	t.Parallel()
	e := newHook(t)
	session := e.clerk.SignIn("jane@example.com")
	cookies := e.clerk.Cookies(session.ID, flowOrigin)
	other := clerktest.NewServer(t, clerktest.Options{})
	other.AddWebhook(e.clerk.Webhooks()[0])
	other.Emit("session.ended", map[string]any{"id": session.ID})
	deliveries := other.Deliveries()
	assert.Equal(t, http.StatusForbidden, deliveries[0].Status)
	assert.Equal(t, http.StatusOK, e.do(t, http.MethodGet, "/", cookies).StatusCode)
}

func TestWebhookHandlerNeedsASecret(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	a := newFlow(t, clerk, nil)
	for _, secrets := range [][]string{nil, {"planted0secret"}} {
		_, err := a.WebhookHandler(secrets...)
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "planted")
	}
}
