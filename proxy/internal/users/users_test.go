package users_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/claimheader"
	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/internal/users"
)

const jane = `{"object":"user","id":"user_1","username":"jane","first_name":"Jane","last_name":null,"image_url":"https://img.example/1","external_id":"7",
	"primary_email_address_id":"idn_1","primary_phone_number_id":"idn_3",
	"email_addresses":[{"id":"idn_2","email_address":"other@example.com","verification":{"status":"verified"}},{"id":"idn_1","email_address":"jane@example.com","verification":{"status":"verified"}}],
	"phone_numbers":[{"id":"idn_3","phone_number":"+15550100","verification":{"status":"verified"}}],
	"public_metadata":{"team":"blue"},"private_metadata":{"key":"private"},"unsafe_metadata":{"team":"unsafe"}}`

// backend answers all calls, and counts them.
type backend struct {
	calls  atomic.Int64
	takes  time.Duration
	status int
	body   string
}

func (b *backend) RoundTrip(r *http.Request) (*http.Response, error) {
	b.calls.Add(1)
	select {
	case <-time.After(b.takes):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	return &http.Response{
		StatusCode: b.status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(b.body)), Request: r,
	}, nil
}

func newUsers(t testing.TB, b *backend, log *kit.Buffer) *users.Users {
	t.Helper()
	client, err := clerkapi.New(clerkapi.Options{SecretKey: "sk_test_planted0secret", Transport: b})
	require.NoError(t, err)
	u, err := users.New(users.Options{Client: client, TTL: 5 * time.Minute, Now: time.Now, Logger: slog.New(slog.NewTextHandler(log, nil))})
	require.NoError(t, err)
	return u
}

// value is a field of a user as a header has it.
func value(t testing.TB, u *claimheader.User, path string) (got string) {
	t.Helper()
	s, err := claimheader.New([]claimheader.Header{{Name: "X-Value", Value: path}})
	require.NoError(t, err)
	s.Values(json.RawMessage(`{}`), u).Write(func(_, v string) { got = v })
	return got
}

func TestFields(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUsers(t, &backend{status: 200, body: jane}, &kit.Buffer{})
		defer u.Close()
		user := u.Get(t.Context(), "user_1")
		for path, want := range map[string]string{
			"id": "user_1", "email": "jane@example.com", "phone": "%2B15550100", "username": "jane", "first_name": "Jane", "last_name": "",
			"image_url": "https://img.example/1", "external_id": "7", "public_metadata.team": "blue", "public_metadata": `{"team":"blue"}`,
		} {
			assert.Equal(t, strings.ReplaceAll(want, "%2B", "+"), value(t, user, path), path)
		}
	})
}

// Private metadata are for a backend alone, and users write the unsafe ones themselves.
// Whoever adds a field has to add it here.
func TestNothingElseLeaves(t *testing.T) {
	t.Parallel()
	client, err := clerkapi.New(clerkapi.Options{SecretKey: "sk_test_planted0secret", Transport: &backend{status: 200, body: jane}})
	require.NoError(t, err)
	user, _, err := client.GetUser(t.Context(), "user_1")
	require.NoError(t, err)
	require.NotEmpty(t, user.PrivateMetadata, "Clerk says it, and it stops here")
	require.NotEmpty(t, user.UnsafeMetadata)
	fields, err := users.FieldsOf(user)
	require.NoError(t, err)
	assert.JSONEq(t, `{"id":"user_1","email":"jane@example.com","phone":"+15550100","username":"jane","first_name":"Jane","last_name":null,
		"image_url":"https://img.example/1","external_id":"7","public_metadata":{"team":"blue"}}`, string(fields))
}

func TestUnverifiedAddressesAreLeftOut(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		strings.ReplaceAll(jane, `"status":"verified"`, `"status":"unverified"`),
		strings.ReplaceAll(jane, `"verification":{"status":"verified"}`, `"verification":null`),
		strings.NewReplacer(`"idn_1",`, `null,`, `"idn_3",`, `null,`).Replace(jane),
	} {
		synctest.Test(t, func(t *testing.T) {
			u := newUsers(t, &backend{status: 200, body: body}, &kit.Buffer{})
			defer u.Close()
			user := u.Get(t.Context(), "user_1")
			assert.Empty(t, value(t, user, "email"))
			assert.Empty(t, value(t, user, "phone"))
			assert.Equal(t, "jane", value(t, user, "username"))
		})
	}
}

func TestOneCallForAllAndForTheTTL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &backend{status: 200, body: jane, takes: time.Second}
		u := newUsers(t, b, &kit.Buffer{})
		defer u.Close()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { assert.NotNil(t, u.Get(t.Context(), "user_1")) })
		}
		wg.Wait()
		assert.EqualValues(t, 1, b.calls.Load())
		first := u.Get(t.Context(), "user_1")
		time.Sleep(4*time.Minute - 2*time.Second)
		assert.Same(t, first, u.Get(t.Context(), "user_1"))
		assert.EqualValues(t, 1, b.calls.Load())
		time.Sleep(2 * time.Second)
		assert.Same(t, first, u.Get(t.Context(), "user_1"), "nobody waits for the renewal")
		time.Sleep(2 * time.Second)
		assert.NotSame(t, first, u.Get(t.Context(), "user_1"))
		assert.EqualValues(t, 2, b.calls.Load())
	})
}

func TestClerkThatFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, log := &backend{status: 200, body: jane}, &kit.Buffer{}
		u := newUsers(t, b, log)
		defer u.Close()
		require.NotNil(t, u.Get(t.Context(), "user_1"))
		b.status, b.body = 503, `{}`
		time.Sleep(4*time.Minute + 30*time.Second)
		assert.NotNil(t, u.Get(t.Context(), "user_1"), "what is known is used until it is too old")
		time.Sleep(30 * time.Second)
		assert.Nil(t, u.Get(t.Context(), "user_1"))
		for i := range 300 {
			assert.Nil(t, u.Get(t.Context(), "user_"+strings.Repeat("x", i+1)))
		}
		assert.Less(t, b.calls.Load(), int64(30), "look-ups pause while they fail")
		assert.LessOrEqual(t, strings.Count(log.String(), "user look-up failed"), 2)
		assert.NotContains(t, log.String(), "planted0secret")

		b.status, b.body = 200, jane
		time.Sleep(time.Minute)
		assert.NotNil(t, u.Get(t.Context(), "user_1"))
	})
}

func TestClerkThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := newUsers(t, &backend{status: 200, body: jane, takes: time.Hour}, &kit.Buffer{})
		defer u.Close()
		began := time.Now()
		assert.Nil(t, u.Get(t.Context(), "user_1"))
		assert.Equal(t, 2*time.Second, time.Since(began))
	})
}

func TestUserThatDoesNotExist(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &backend{status: 404, body: `{"errors":[{"code":"resource_not_found"}]}`}
		u := newUsers(t, b, &kit.Buffer{})
		defer u.Close()
		for range 3 {
			assert.Nil(t, u.Get(t.Context(), "user_1"))
		}
		assert.EqualValues(t, 1, b.calls.Load())
	})
}
