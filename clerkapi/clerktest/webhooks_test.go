package clerktest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// receiver verifies what it gets, and answers the statuses in turn, then 204.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	secret string
	now    func() time.Time
	answer []int
	events []*clerkapi.WebhookEvent
	errs   []error
}

func newReceiver(t *testing.T, answer ...int) *receiver {
	t.Helper()
	r := &receiver{answer: answer, now: time.Now}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		body, err := io.ReadAll(req.Body)
		assert.NoError(t, err)
		kit.Record(t, os.Getenv(kit.ExchangesVariable), kit.Exchange{Test: t.Name(), Method: kit.WebhookMethod, Sent: req.Header, Body: body})
		event, err := clerkapi.VerifyWebhook(r.secret, req.Header, body, r.now())
		r.events, r.errs = append(r.events, event), append(r.errs, err)
		status := http.StatusNoContent
		if len(r.answer) > 0 {
			status, r.answer = r.answer[0], r.answer[1:]
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	return r
}

func TestWebhooksAreSentAndSigned(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	f := setup(t, clerktest.Options{Webhooks: []clerktest.Webhook{{URL: r.URL}}, Users: []clerktest.User{
		{ID: "user_2fJaneSampleUser0000000000A", Email: "jane@example.com", ExternalID: "crm-42"},
		{Email: "pending@example.com", Tasks: []string{"setup-mfa"}},
	}})
	r.secret, r.now = f.Webhooks()[0].Secret, f.Now
	f.Advance(24 * time.Hour) // signed by the instance's own clock

	ended, revoked := f.SignIn("jane@example.com"), f.SignIn("jane@example.com")
	f.EndSession(ended.ID)
	_, _, err := f.client().RevokeSession(t.Context(), revoked.ID)
	require.NoError(t, err)
	f.RevokeSession(revoked.ID) // it is over already, so nothing happens
	f.CompleteTasks(f.SignIn("pending@example.com").ID)
	last := f.SignIn("jane@example.com")
	assert.Equal(t, 200, f.backend(http.MethodDelete, "/v1/users/"+last.UserID, nil).StatusCode)
	assert.Equal(t, 404, f.backend(http.MethodDelete, "/v1/users/"+last.UserID, nil).StatusCode)
	assert.Equal(t, "removed", f.Session(last.ID).Status)

	deliveries := f.Deliveries()
	var types []string
	for i, d := range deliveries {
		types = append(types, d.Event)
		assert.Equal(t, 204, d.Status)
		require.NoError(t, r.errs[i])
		assert.Equal(t, d.Event, r.events[i].Type)
		assert.Equal(t, d.ID, r.events[i].MessageID)
	}
	assert.Equal(t, []string{
		"session.created", "session.created", "session.ended", "session.revoked", "session.pending", "session.created",
		"session.created", "session.removed", "user.deleted",
	}, types)

	var session struct {
		ID, Status string
		User       struct{ ID string }
	}
	require.NoError(t, json.Unmarshal(r.events[3].Data, &session))
	assert.Equal(t, revoked.ID, session.ID)
	assert.Equal(t, "revoked", session.Status)
	assert.Equal(t, revoked.UserID, session.User.ID)
	assert.NotContains(t, string(r.events[4].Data), `"tasks"`)
	assert.JSONEq(t, `{"object":"user","id":"`+last.UserID+`","deleted":true,"external_id":"crm-42"}`, string(r.events[8].Data))
	var envelope struct {
		Timestamp  int64
		InstanceID string `json:"instance_id"`
		Object     string
	}
	require.NoError(t, json.Unmarshal(deliveries[0].Body, &envelope))
	assert.Regexp(t, `^ins_\w{27}$`, envelope.InstanceID)
	assert.WithinDuration(t, f.Now(), time.UnixMilli(envelope.Timestamp), time.Minute)
	assert.Equal(t, "event", envelope.Object)
}

func TestWebhookIsSentAgainUnderItsID(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, 500, 302)
	f := setup(t, clerktest.Options{})
	hook := f.AddWebhook(clerktest.Webhook{URL: r.URL, Secret: "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", Events: []string{"session.revoked"}})
	r.secret = hook.Secret
	f.RevokeSession(f.SignIn("jane@example.com").ID)
	deliveries := f.Deliveries()
	require.Len(t, deliveries, 1, "only what was asked for")
	assert.Equal(t, 3, deliveries[0].Attempts)
	assert.Equal(t, 204, deliveries[0].Status)
	for _, event := range r.events {
		assert.Equal(t, deliveries[0].ID, event.MessageID)
	}
}

func TestCloseGivesUpDeliveries(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 1)
	held := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-r.Context().Done()
	}))
	defer held.Close()
	clerk := clerktest.New(clerktest.Options{Webhooks: []clerktest.Webhook{{URL: held.URL}}})
	for range 3 {
		clerk.SignIn("jane@example.com")
	}
	<-arrived
	clerk.Close()
	clerk.Close()
	deliveries := clerk.Deliveries()
	require.Len(t, deliveries, 1)
	assert.Zero(t, deliveries[0].Status)
	clerk.SignIn("jane@example.com") // after Close there are no more deliveries
	assert.Len(t, clerk.Deliveries(), 1)
}

func TestWebhooksThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, hook := range map[string]clerktest.Webhook{
		"address": {URL: "ftp://x"}, "secret": {URL: "http://x", Secret: "whsec_!"}, "event": {URL: "http://x", Events: []string{"x"}},
	} {
		err := clerktest.Options{Webhooks: []clerktest.Webhook{hook}}.Validate()
		require.Error(t, err, name)
		assert.NotContains(t, err.Error(), "whsec_!", name)
		assert.Panics(t, func() { clerktest.New(clerktest.Options{}).AddWebhook(hook) }, name)
	}
}
