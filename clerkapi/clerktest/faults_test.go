package clerktest_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

func TestFaultAnswers(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	tests := []struct {
		name   string
		fault  clerktest.Fault
		status int
		code   string
		body   string
		kind   string
	}{
		{"status", clerktest.Fault{Status: 503}, 503, "internal_clerk_error", "", "application/json"},
		{"rate limit", clerktest.Fault{Status: 429}, 429, "too_many_requests", "", "application/json"},
		{"code", clerktest.Fault{Status: 401, Code: "clerk_key_invalid"}, 401, "clerk_key_invalid", "", "application/json"},
		{"code alone", clerktest.Fault{Code: "quite_odd"}, 500, "quite_odd", "", "application/json"},
		{"broken body", clerktest.Fault{Body: `{"keys":[`}, 200, "", `{"keys":[`, "application/json"},
		{"other type", clerktest.Fault{Status: 502, Body: "<html>", ContentType: "text/html"}, 502, "", "<html>", "text/html"},
		{"empty", clerktest.Fault{Status: 204}, 204, "", "", ""},
		{"delay only", clerktest.Fault{Delay: time.Millisecond}, 200, "", "", "application/json"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.fault.Path = "/v1/jwks"
			remove := f.Fail(tt.fault)
			got := f.backend(http.MethodGet, "/v1/jwks", nil)
			assert.Equal(t, tt.status, got.StatusCode)
			assert.Equal(t, tt.code, got.code())
			assert.Equal(t, tt.kind, got.Header.Get("Content-Type"))
			if tt.body != "" {
				assert.Equal(t, tt.body, string(got.body))
			}
			remove()
			remove()
			assert.Equal(t, http.StatusOK, f.backend(http.MethodGet, "/v1/jwks", nil).StatusCode)
		})
	}
}

func TestFaultScope(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	session := f.SignIn("jane@example.com")
	status := func(method, path string) int { return f.backend(method, path, nil).StatusCode }

	defer f.Fail(clerktest.Fault{Method: "POST", Path: "/v1/sessions/*/revoke", Status: 500, Times: 2})()
	assert.Equal(t, 200, status("GET", "/v1/sessions/"+session.ID))
	assert.Equal(t, 500, status("POST", "/v1/sessions/"+session.ID+"/revoke"))
	assert.Equal(t, 500, status("POST", "/v1/sessions/"+session.ID+"/revoke"))
	assert.Equal(t, 200, status("POST", "/v1/sessions/"+session.ID+"/revoke"), "Times is used up")

	defer f.Fail(clerktest.Fault{Path: "/v1/client", Status: 500})()
	assert.Equal(t, 500, status("GET", "/v1/client/handshake"))
	assert.Equal(t, 400, status("GET", "/v1/clients/handshake_payload?nonce=x"), "a prefix ends with a segment")
}

// waitForCall waits until the server has the request in hand.
func waitForCall(t *testing.T, f *fixture, path string) {
	t.Helper()
	require.Eventually(t, func() bool { return f.CallCount("", path) > 0 }, 5*time.Second, time.Millisecond)
}

func TestHeldRequestsEndWithTheClient(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]clerktest.Fault{"hang": {Hang: true}, "delay": {Delay: time.Hour, Status: 500}} {
		t.Run(name, func(t *testing.T) {
			f := setup(t, clerktest.Options{})
			f.Fail(fault)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() {
				req, _ := http.NewRequestWithContext(ctx, http.MethodGet, f.URL+"/v1/jwks", nil)
				resp, err := f.http.Do(req)
				if err == nil {
					resp.Body.Close()
				}
				done <- err
			}()
			waitForCall(t, f, "/v1/jwks")
			cancel()
			require.ErrorIs(t, <-done, context.Canceled)
		})
	}
}

func TestCloseReleasesHeldRequests(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	f.Fail(clerktest.Fault{Hang: true})
	done := make(chan error, 1)
	go func() {
		req, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, f.URL+"/v1/jwks", nil)
		resp, err := f.http.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		done <- err
	}()
	waitForCall(t, f, "/v1/jwks")
	f.Close()
	require.Error(t, <-done)
	f.Close()
}

func TestCalls(t *testing.T) {
	t.Parallel()
	f := setup(t, clerktest.Options{})
	f.backend(http.MethodGet, "/v1/jwks?x=1", nil)
	f.form("/v1/dev_browser", nil)
	f.backend(http.MethodGet, "/v1/sessions/sess_x", nil)

	calls := f.Calls()
	require.Len(t, calls, 3)
	assert.Equal(t, "1", calls[0].Query.Get("x"))
	assert.Equal(t, "Bearer "+f.SecretKey(), calls[0].Header.Get("Authorization"))
	assert.Equal(t, 404, calls[2].Status)
	assert.Equal(t, 1, f.CallCount("GET", "/v1/sessions"))
	assert.Equal(t, 1, f.CallCount("", "/v1/sessions/*"))
	assert.Equal(t, 3, f.CallCount("", "/"))
	assert.Zero(t, f.CallCount("POST", "/v1/jwks"))
	f.ResetCalls()
	assert.Empty(t, f.Calls())
}
