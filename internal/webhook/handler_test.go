package webhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/revocation"
	"github.com/clerkgate/clerkgate/internal/webhook"
)

const (
	secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	older  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
)

var now = time.UnixMilli(1_767_225_655_123)

// receiver is a Handler with what it has recorded.
type receiver struct {
	http.Handler
	log bytes.Buffer

	mu       sync.Mutex
	recorded [][]revocation.Entry
	fail     error
}

func newReceiver(t *testing.T, change func(*webhook.Config)) *receiver {
	t.Helper()
	rc := &receiver{}
	c := webhook.Config{
		Secrets: []string{secret}, Now: func() time.Time { return now },
		Logger: slog.New(slog.NewTextHandler(&rc.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Record: func(_ context.Context, entries ...revocation.Entry) error {
			rc.mu.Lock()
			defer rc.mu.Unlock()
			if rc.fail == nil {
				rc.recorded = append(rc.recorded, entries)
			}
			return rc.fail
		},
	}
	if change != nil {
		change(&c)
	}
	var err error
	rc.Handler, err = webhook.New(c)
	require.NoError(t, err)
	return rc
}

// delivery is an event as Clerk sends it.
func delivery(id, secret, body string, at time.Time) *http.Request {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "." + body))
	r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(body))
	r.Header.Set("Svix-Id", id)
	r.Header.Set("Svix-Timestamp", stamp)
	r.Header.Set("Svix-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return r
}

func (rc *receiver) send(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	rc.ServeHTTP(w, r)
	return w
}

func event(kind, data string) string {
	return fmt.Sprintf(`{"object":"event","type":%q,"timestamp":1767225650123,"instance_id":"ins_own","data":%s}`, kind, data)
}

var happened = time.UnixMilli(1_767_225_650_123).UTC()

func TestEvents(t *testing.T) {
	t.Parallel()
	membership := `{"id":"orgmem_1","organization":{"id":"org_1"},"public_user_data":{"user_id":"user_1"}}`
	for name, tc := range map[string]struct {
		body   string
		status int
		want   revocation.Entry
	}{
		"session.ended":   {event("session.ended", `{"id":"sess_1","user_id":"user_1"}`), 204, revocation.Entry{Kind: revocation.Session, ID: "sess_1"}},
		"session.removed": {event("session.removed", `{"id":"sess_1"}`), 204, revocation.Entry{Kind: revocation.Session, ID: "sess_1"}},
		"session.revoked": {event("session.revoked", `{"id":"sess_1"}`), 204, revocation.Entry{Kind: revocation.Session, ID: "sess_1"}},
		"user.deleted":    {event("user.deleted", `{"id":"user_1","deleted":true}`), 204, revocation.Entry{Kind: revocation.User, ID: "user_1"}},
		"a ban":           {event("user.updated", `{"id":"user_1","banned":true}`), 204, revocation.Entry{Kind: revocation.User, ID: "user_1"}},
		"a new name":      {event("user.updated", `{"id":"user_1","banned":false}`), 204, revocation.Entry{}},
		"a new role":      {event("organizationMembership.updated", membership), 204, revocation.Entry{Kind: revocation.Membership, ID: "user_1", Org: "org_1"}},
		"a member leaves": {event("organizationMembership.deleted", membership), 204, revocation.Entry{Kind: revocation.Membership, ID: "user_1", Org: "org_1"}},
		"a sign-in":       {event("session.created", `{"id":"sess_1"}`), 204, revocation.Entry{}},
		"a new member":    {event("organizationMembership.created", membership), 204, revocation.Entry{}},
		"something new":   {event("planet.created", `[]`), 204, revocation.Entry{}},

		"no id":             {event("session.ended", `{"id":""}`), 422, revocation.Entry{}},
		"an id of no text":  {event("session.ended", `{"id":7}`), 422, revocation.Entry{}},
		"data of no object": {event("session.ended", `"sess_1"`), 422, revocation.Entry{}},
		"no data":           {`{"type":"session.ended"}`, 422, revocation.Entry{}},
		"no member":         {event("organizationMembership.deleted", `{"organization":{"id":"org_1"}}`), 422, revocation.Entry{}},
		"null":              {`null`, 400, revocation.Entry{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rc := newReceiver(t, nil)
			assert.Equal(t, tc.status, rc.send(delivery("msg_1", secret, tc.body, now)).Code)
			if tc.want == (revocation.Entry{}) {
				assert.Empty(t, rc.recorded)
				return
			}
			tc.want.At = happened
			assert.Equal(t, [][]revocation.Entry{{tc.want}}, rc.recorded)
		})
	}
}

// Changes that many tokens have to be renewed for are gathered, so that they are renewed
// once.
func TestChangesOfRolesAreGathered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rc := newReceiver(t, nil)
		start := time.Now()
		var all sync.WaitGroup
		for i, e := range []string{
			event("role.updated", `{"id":"role_1","key":"org:admin"}`), event("role.deleted", `{"id":"role_1","key":"admin"}`),
			event("permission.updated", `{"id":"perm_1","key":"org:invoices:view"}`), event("permission.deleted", `{"id":"perm_2","key":"org:invoices:pay"}`),
			event("organization.deleted", `{"id":"org_1","deleted":true}`), event("permission.created", `{"id":"perm_3","key":"org:x:y"}`),
		} {
			all.Go(func() {
				assert.Equal(t, http.StatusNoContent, rc.send(delivery(fmt.Sprint("msg_", i), secret, e, now)).Code)
			})
		}
		all.Wait()
		assert.Equal(t, time.Second, time.Since(start))
		require.Len(t, rc.recorded, 1)
		assert.ElementsMatch(t, []revocation.Entry{
			{Kind: revocation.Role, ID: "org:admin", At: happened},
			{Kind: revocation.Permission, ID: "org:invoices:view", At: happened}, {Kind: revocation.Permission, ID: "org:invoices:pay", At: happened},
			{Kind: revocation.Organization, ID: "org_1", At: happened},
		}, rc.recorded[0])

		rc.fail = errors.New("the store is down")
		assert.Equal(t, http.StatusServiceUnavailable, rc.send(delivery("msg_9", secret, event("role.updated", `{"key":"org:admin"}`), now)).Code)
	})
}

func TestTimes(t *testing.T) {
	t.Parallel()
	for stamp, want := range map[string]time.Time{
		`1767225650123`:  happened,                       // milliseconds
		`1767225650`:     happened.Truncate(time.Second), // seconds
		`null`:           now.UTC().Truncate(time.Second),
		`"yesterday"`:    now.UTC().Truncate(time.Second),
		`99999999999999`: now.Add(5 * time.Minute),
	} {
		rc := newReceiver(t, nil)
		body := `{"type":"session.ended","timestamp":` + stamp + `,"data":{"id":"sess_1"}}`
		require.Equal(t, http.StatusNoContent, rc.send(delivery("msg_1", secret, body, now)).Code)
		assert.Equal(t, want.UnixMilli(), rc.recorded[0][0].At.UnixMilli(), stamp)
	}
}

func TestWhatIsNotFromClerkIsRefused(t *testing.T) {
	t.Parallel()
	body := event("session.ended", `{"id":"sess_planted"}`)
	change := func(f func(*http.Request)) *http.Request {
		r := delivery("msg_1", secret, body, now)
		f(r)
		return r
	}
	for name, tc := range map[string]struct {
		r    *http.Request
		want int
	}{
		"another secret":  {delivery("msg_1", older, body, now), 400},
		"five minutes":    {delivery("msg_1", secret, body, now.Add(-301*time.Second)), 400},
		"from the future": {delivery("msg_1", secret, body, now.Add(301*time.Second)), 400},
		"another id":      {change(func(r *http.Request) { r.Header.Set("Svix-Id", "msg_2") }), 400},
		"no id":           {change(func(r *http.Request) { r.Header.Del("Svix-Id") }), 400},
		"no signature":    {change(func(r *http.Request) { r.Header.Del("Svix-Signature") }), 400},
		"GET":             {change(func(r *http.Request) { r.Method = http.MethodGet }), 405},
		"giant":           {delivery("msg_1", secret, `{"x":"`+strings.Repeat("x", 600<<10)+`"}`, now), 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rc := newReceiver(t, nil)
			w := rc.send(tc.r)
			assert.Equal(t, tc.want, w.Code)
			assert.Empty(t, w.Body.String())
			assert.Empty(t, rc.recorded)
			assert.NotContains(t, rc.log.String(), "planted")
		})
	}
}

func TestSecretsRotate(t *testing.T) {
	t.Parallel()
	rc := newReceiver(t, func(c *webhook.Config) { c.Secrets = []string{secret, older} })
	for i, s := range []string{secret, older} {
		assert.Equal(t, http.StatusNoContent, rc.send(delivery(fmt.Sprint("msg_", i), s, event("session.ended", `{"id":"sess_1"}`), now)).Code)
	}
	assert.Len(t, rc.recorded, 2)
	for _, secrets := range [][]string{nil, {""}, {"whsec_?"}, {secret, "sk_test_planted"}} {
		_, err := webhook.New(webhook.Config{Secrets: secrets})
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "planted")
	}
}

// The second attempt of a delivery is recorded if the first one was not.
func TestRepeatedDeliveries(t *testing.T) {
	t.Parallel()
	body := event("session.ended", `{"id":"sess_1"}`)
	seen := map[string]bool{}
	rc := newReceiver(t, func(c *webhook.Config) {
		c.Seen = func(_ context.Context, id string) bool { return seen[id] }
		c.Saw = func(_ context.Context, id string) { seen[id] = true }
	})
	rc.fail = errors.New("the store is down")
	w := rc.send(delivery("msg_1", secret, body, now))
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.NotEmpty(t, w.Header().Get("Retry-After"))
	rc.fail = nil
	for range 3 {
		assert.Equal(t, http.StatusNoContent, rc.send(delivery("msg_1", secret, body, now)).Code)
	}
	assert.Len(t, rc.recorded, 1)
	assert.True(t, seen["msg_1"])
	seen["msg_2"] = true
	assert.Equal(t, http.StatusNoContent, rc.send(delivery("msg_2", secret, body, now)).Code)
	assert.Len(t, rc.recorded, 1, "another replica has it")
}

func TestEventsOfAnotherInstance(t *testing.T) {
	t.Parallel()
	at, asked, down := now, 0, true
	rc := newReceiver(t, func(c *webhook.Config) {
		c.Now = func() time.Time { return at }
		c.Instance = func(context.Context) (string, error) {
			asked++
			if down {
				return "", errors.New("Clerk is down")
			}
			return "ins_own", nil
		}
	})
	foreign := strings.Replace(event("session.ended", `{"id":"sess_1"}`), "ins_own", "ins_other", 1)
	for i := range 3 {
		assert.Equal(t, http.StatusNoContent, rc.send(delivery(fmt.Sprint("msg_", i), secret, foreign, at)).Code, "it cannot be told")
	}
	assert.Equal(t, 1, asked)
	at, down = at.Add(10*time.Second), false
	assert.Equal(t, http.StatusForbidden, rc.send(delivery("msg_a", secret, foreign, at)).Code)
	assert.Equal(t, http.StatusNoContent, rc.send(delivery("msg_b", secret, event("session.ended", `{"id":"sess_1"}`), at)).Code)
	assert.Equal(t, 2, asked)
	assert.Contains(t, rc.log.String(), "ins_other")
}

// An event that comes while another one has Clerk asked waits for the same answer.
func TestEventsOfAnotherInstanceAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rc := newReceiver(t, func(c *webhook.Config) {
			c.Instance = func(context.Context) (string, error) {
				time.Sleep(time.Second)
				return "ins_own", nil
			}
		})
		foreign := strings.Replace(event("session.ended", `{"id":"sess_1"}`), "ins_own", "ins_other", 1)
		var senders sync.WaitGroup
		for i := range 3 {
			senders.Go(func() {
				assert.Equal(t, http.StatusForbidden, rc.send(delivery(fmt.Sprint("msg_", i), secret, foreign, now)).Code)
			})
		}
		senders.Wait()
	})
}

// When many users are deleted, everything comes at once.
func TestManyDeliveriesAtOnce(t *testing.T) {
	t.Parallel()
	const many = 10_000
	var recorded atomic.Int64
	rc := newReceiver(t, func(c *webhook.Config) {
		c.Record = func(context.Context, ...revocation.Entry) error { recorded.Add(1); return nil }
	})
	body := event("user.deleted", `{"id":"user_1"}`)
	requests := make([]*http.Request, many)
	for i := range requests {
		requests[i] = delivery(fmt.Sprint("msg_", i), secret, body, now)
	}
	var senders sync.WaitGroup
	for _, r := range requests {
		senders.Go(func() { assert.Equal(t, http.StatusNoContent, rc.send(r).Code) })
	}
	senders.Wait()
	assert.EqualValues(t, many, recorded.Load())
}

// What strangers send is held in bounded memory, and what is over makes room.
func TestMemoryOfBodies(t *testing.T) {
	t.Parallel()
	rc := newReceiver(t, nil)
	release := make(chan struct{})
	var all sync.WaitGroup
	var held, refused atomic.Int64
	for range 200 { // half a megabyte each
		all.Go(func() {
			body := &waiting{left: 500 << 10, arrived: &held, release: release}
			r := httptest.NewRequest(http.MethodPost, "/webhook", body)
			if rc.send(r).Code == http.StatusServiceUnavailable {
				refused.Add(1)
			}
		})
	}
	require.Eventually(t, func() bool { return held.Load()+refused.Load() == 200 }, time.Minute, time.Millisecond)
	assert.Positive(t, refused.Load())
	close(release)
	all.Wait()
	assert.Equal(t, http.StatusNoContent, rc.send(delivery("msg_1", secret, event("session.ended", `{"id":"sess_1"}`), now)).Code)
}

// waiting is a body that does not end until it is released.
type waiting struct {
	left    int
	arrived *atomic.Int64
	release chan struct{}
}

func (b *waiting) Read(p []byte) (int, error) {
	if b.left == 0 {
		b.arrived.Add(1)
		<-b.release
		return 0, errors.New("the client has gone")
	}
	n := min(len(p), b.left)
	b.left -= n
	return n, nil
}

// Without replicas, too, an event is applied once, for as long as Clerk may send it again.
func TestSeenEvents(t *testing.T) {
	t.Parallel()
	at := now
	rc := newReceiver(t, func(c *webhook.Config) { c.Now = func() time.Time { return at } })
	send := func() {
		t.Helper()
		require.Equal(t, http.StatusNoContent, rc.send(delivery("msg_1", secret, event("session.ended", `{"id":"sess_1"}`), at)).Code)
	}
	send()
	send()
	at = at.Add(webhook.SeenFor - time.Second)
	send()
	assert.Len(t, rc.recorded, 1)
	at = at.Add(time.Second)
	send()
	assert.Len(t, rc.recorded, 2)
}
