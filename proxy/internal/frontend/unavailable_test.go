package frontend_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/internal/frontend"
)

// clerkThat answers as the test says, and counts.
type clerkThat struct {
	answers func() (*http.Response, error)
	calls   int
}

func (c *clerkThat) RoundTrip(*http.Request) (*http.Response, error) {
	c.calls++
	return c.answers()
}

func with(status int, kind, body string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1,
		}, nil
	}
}

func noConnection() (*http.Response, error) { return nil, errors.New("connection refused") }

func newAPI(clerk *clerkThat, now func() time.Time) func(r *http.Request) *httptest.ResponseRecorder {
	origins := origin.New(nil)
	api := frontend.New(frontend.Options{
		Path: "/__clerk", ProxyURL: "/__clerk", Origin: &url.URL{Scheme: "https", Host: "clerk.example.com"}, SecretKey: "sk_test_x",
		Transport: clerk, Origins: origins, Pages: answer.NewPages(nil, nil), Now: now,
	})
	return func(r *http.Request) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		api.Serve(w, r, origins.Public(r), &answer.Outcome{})
		return w
	}
}

// TestFailuresOfClerkSignNobodyOut: Clerk's front-end library signs the user out after 403 and
// 500, and fails on what is not JSON. What Clerk has decided stays as it is.
func TestFailuresOfClerkSignNobodyOut(t *testing.T) {
	t.Parallel()
	const asJSON, failure = "application/json", `{"errors":[{"code":"x","message":"x"}]}`
	for name, test := range map[string]struct {
		answers func() (*http.Response, error)
		want    int
	}{
		"no connection":   {noConnection, 503},
		"500":             {with(500, asJSON, failure), 503},
		"500 as HTML":     {with(500, "text/html", "<html>"), 503},
		"502 as HTML":     {with(502, "text/html", "<html>"), 503},
		"503":             {with(503, asJSON, failure), 503},
		"403 is Clerk's":  {with(403, asJSON, failure), 403},
		"429 is Clerk's":  {with(429, asJSON, failure), 429},
		"401 is Clerk's":  {with(401, asJSON, failure), 401},
		"as Clerk has it": {with(200, asJSON, `{}`), 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ask := newAPI(&clerkThat{answers: test.answers}, nil)
			w := ask(httptest.NewRequest("GET", "/__clerk/v1/client", nil))
			assert.Equal(t, test.want, w.Code)
			assert.Equal(t, asJSON, w.Header().Get("Content-Type"))
			assert.True(t, json.Valid(w.Body.Bytes()), w.Body.String())
			if test.want != 503 {
				assert.Empty(t, w.Header().Get("Retry-After"))
				return
			}
			var body struct {
				Errors []struct{ Code, Message string }
			}
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
			assert.NotEmpty(t, body.Errors)
			wait, err := strconv.Atoi(w.Header().Get("Retry-After"))
			assert.NoError(t, err)
			assert.Positive(t, wait)

			page := httptest.NewRequest("GET", "/__clerk/v1/client/handshake", nil)
			page.Header.Set("Sec-Fetch-Dest", "document")
			w = ask(page)
			assert.Equal(t, 503, w.Code)
			assert.Contains(t, w.Body.String(), "<html")
			assert.NotEmpty(t, w.Header().Get("Refresh"), "a page opens itself again")
		})
	}
}

// TestWaitsDiffer: clients that were refused together do not all come back together.
func TestWaitsDiffer(t *testing.T) {
	t.Parallel()
	for random, want := range map[float64]string{0: "3", 0.5: "5", 0.999: "6"} {
		origins := origin.New(nil)
		api := frontend.New(frontend.Options{
			Path: "/__clerk", ProxyURL: "/__clerk", Origin: &url.URL{Scheme: "https", Host: "clerk.example.com"}, SecretKey: "sk_test_x",
			Transport: &clerkThat{answers: noConnection}, Origins: origins, Random: func() float64 { return random },
			Now: func() time.Time { return time.Unix(1_790_000_000, 0) },
		})
		r, w := httptest.NewRequest("GET", "/__clerk/v1/client", nil), httptest.NewRecorder()
		api.Serve(w, r, origins.Public(r), &answer.Outcome{})
		assert.Equal(t, want, w.Header().Get("Retry-After"), "%v", random)
	}
}

func TestClerkThatIsDownIsLeftAlone(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_790_000_000, 0)
	clerk := &clerkThat{answers: noConnection}
	ask := newAPI(clerk, func() time.Time { return now })
	fetch := func() int { return ask(httptest.NewRequest("GET", "/__clerk/v1/client", nil)).Code }
	for range 50 {
		require.Equal(t, 503, fetch())
	}
	assert.Equal(t, 10, clerk.calls)
	clerk.answers = with(429, "application/json", "{}")
	now = now.Add(8 * time.Second)
	assert.Equal(t, 429, fetch(), "that is about one browser")
	clerk.answers = with(200, "application/json", "{}")
	for range 5 {
		assert.Equal(t, 200, fetch())
	}
	ctx, leave := context.WithCancel(t.Context())
	leave()
	clerk.answers = func() (*http.Response, error) { return nil, context.Canceled }
	for range 20 {
		ask(httptest.NewRequest("GET", "/__clerk/v1/client", nil).WithContext(ctx))
	}
	clerk.answers = with(200, "application/json", "{}")
	assert.Equal(t, 200, fetch(), "browsers that leave say nothing about Clerk")
}
