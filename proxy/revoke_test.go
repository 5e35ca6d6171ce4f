package proxy

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// runAt runs a server for the instance of a local Clerk.
func runAt(t *testing.T, clerk *clerktest.Server, change func(*settings.Config)) *running {
	t.Helper()
	r := run(t, &received{}, func(c *settings.Config) {
		c.Auth.PublishableKey, c.Auth.SecretKey, c.Auth.APIURL, c.Auth.JWTKey = clerk.PublishableKey(), clerk.SecretKey(), clerk.URL, ""
		c.Auth.Now = clerk.Now
		if change != nil {
			change(c)
		}
	})
	t.Cleanup(func() {
		r.stop()
		assert.NoError(t, <-r.done)
	})
	return r
}

// revoke posts to /-/revoke.
func (r *running) revoke(t *testing.T, body string, headers ...string) (int, revoked) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+r.Admin.String()+"/-/revoke", strings.NewReader(body))
	require.NoError(t, err)
	q.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	res, said := send(t, q)
	var answer revoked
	if res.StatusCode == http.StatusOK || res.StatusCode == http.StatusBadGateway {
		require.NoError(t, json.Unmarshal([]byte(said), &answer))
	}
	return res.StatusCode, answer
}

// passes reports whether a request with a token reaches the application.
func (r *running) passes(t *testing.T, token string) bool {
	t.Helper()
	status, _ := fetch(t, "http://"+r.Public.String()+"/", "Authorization", "Bearer "+token)
	return status == http.StatusOK
}

func TestOperatorRevokes(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	redis := miniredis.RunT(t)
	store := func(c *settings.Config) { c.Store = "redis://" + redis.Addr() }
	one, two := runAt(t, clerk, store), runAt(t, clerk, store)
	session, other, mei := clerk.SignIn("jane@example.com"), clerk.SignIn("jane@example.com"), clerk.SignIn("mei@example.com")
	token := func(s *clerktest.Session) string { return clerk.Token(s.ID, "http://"+one.Public.String()) }
	ofSession, ofOther, ofMei := token(session), token(other), token(mei)
	for _, each := range []string{ofSession, ofOther, ofMei} {
		require.True(t, one.passes(t, each) && two.passes(t, each))
	}
	everywhere := func(token string) {
		t.Helper()
		assert.False(t, one.passes(t, token))
		require.Eventually(t, func() bool { return !two.passes(t, token) }, time.Minute, time.Millisecond)
	}

	status, answer := one.revoke(t, `{"session_id":"`+session.ID+`"}`)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, revoked{Revoked: revocation{SessionID: session.ID}, Here: "in force", Replicas: "told", Clerk: "told"}, answer)
	everywhere(ofSession)
	assert.True(t, one.passes(t, ofOther))

	status, answer = one.revoke(t, `{"user_id":"`+session.UserID+`"}`)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, revoked{Revoked: revocation{UserID: session.UserID}, Here: "in force", Replicas: "told", Clerk: "told"}, answer)
	everywhere(ofOther)
	assert.True(t, one.passes(t, ofMei) && two.passes(t, ofMei))

	status, answer = one.revoke(t, `{"everyone":true}`)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, revoked{Revoked: revocation{Everyone: true}, Here: "in force", Replicas: "told", Clerk: "not needed"}, answer)
	everywhere(ofMei)
	clerk.Advance(time.Second)
	assert.True(t, two.passes(t, token(mei)), "the session goes on with a new token")
}

func TestOperatorLearnsWhoCouldNotBeTold(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	alone := runAt(t, clerk, nil)
	session := clerk.SignIn("jane@example.com")
	token := clerk.Token(session.ID, "http://"+alone.Public.String())
	require.True(t, alone.passes(t, token))
	clerk.Fail(clerktest.Fault{Method: http.MethodPost, Path: "/v1/sessions/*/revoke", Status: http.StatusServiceUnavailable, Times: 1})
	status, answer := alone.revoke(t, `{"session_id":"`+session.ID+`"}`)
	assert.Equal(t, http.StatusBadGateway, status)
	assert.Equal(t, "in force", answer.Here)
	assert.Equal(t, "no store", answer.Replicas)
	assert.Equal(t, "failed", answer.Clerk)
	assert.Len(t, answer.Problems, 1)
	assert.False(t, alone.passes(t, token))

	redis := miniredis.RunT(t)
	r := runAt(t, clerk, func(c *settings.Config) { c.Store = "redis://" + redis.Addr() })
	mei := clerk.SignIn("mei@example.com")
	token = clerk.Token(mei.ID, "http://"+r.Public.String())
	require.True(t, r.passes(t, token))
	redis.SetError("LOADING")
	status, answer = r.revoke(t, `{"session_id":"`+mei.ID+`"}`)
	assert.Equal(t, http.StatusBadGateway, status)
	assert.Equal(t, revoked{Revoked: revocation{SessionID: mei.ID}, Here: "in force", Replicas: "failed", Clerk: "told", Problems: answer.Problems}, answer)
	assert.False(t, r.passes(t, token))
	api, err := clerkapi.New(clerkapi.Options{SecretKey: clerk.SecretKey(), BaseURL: clerk.URL})
	require.NoError(t, err)
	defer api.CloseIdleConnections()
	got, _, err := api.GetSession(t.Context(), mei.ID)
	require.NoError(t, err)
	assert.Equal(t, clerkapi.SessionRevoked, got.Status)
}

func TestWhatIsNoRevocation(t *testing.T) {
	t.Parallel()
	clerk := clerktest.NewServer(t, clerktest.Options{})
	r := runAt(t, clerk, nil)
	token := clerk.Token(clerk.SignIn("jane@example.com").ID, "http://"+r.Public.String())
	for _, body := range []string{
		"", "{}", "null", "[]", `{"everyone":false}`, `{"session_id":""}`, `{"session_id":"user_1"}`, `{"user_id":"sess_1"}`,
		`{"sesion_id":"sess_1"}`, `{"everyone":true,"user_id":"user_1"}`, `{"everyone":true}{"everyone":true}`, `{"everyone":"true"}`,
	} {
		status, _ := r.revoke(t, body)
		assert.Equal(t, http.StatusBadRequest, status, body)
	}
	for _, header := range [][]string{{"Content-Type", "text/plain"}, {"Content-Type", ""}} {
		status, _ := r.revoke(t, `{"everyone":true}`, header...)
		assert.Equal(t, http.StatusUnsupportedMediaType, status)
	}
	status, _ := r.revoke(t, `{"everyone":true}`, "Origin", "http://"+r.Admin.String())
	assert.Equal(t, http.StatusForbidden, status, "a browser")
	assert.True(t, r.passes(t, token))
}
