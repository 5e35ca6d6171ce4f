package frontend

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// hanging is a Frontend API that never answers.
func hanging(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func newAPI(proxyURL string, transport kit.RoundTripFunc) *API {
	return New(Options{
		Path: "/__clerk", ProxyURL: proxyURL, Origin: &url.URL{Scheme: "https", Host: "clerk.example.com"},
		SecretKey: "sk_live_planted0secret", Transport: transport, Origins: origin.New(nil),
	})
}

// ask sends a request for app.example.com, and says what the access log would.
func ask(a *API, r *http.Request) (*httptest.ResponseRecorder, answer.Outcome) {
	w, o := httptest.NewRecorder(), answer.Outcome{}
	a.Serve(w, r, origin.New(nil).Public(r), &o)
	return w, o
}

func request(target string) *http.Request {
	return httptest.NewRequest(http.MethodGet, "http://app.example.com"+target, nil)
}

func TestServes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		proxyURL, target string
		want             bool
	}{
		{"/__clerk", "/__clerk", true},
		{"/__clerk", "/__clerk/v1/client", true},
		{"/__clerk", "/__clerks", false},
		{"/__clerk", "/", false},
		{"http://app.example.com/__clerk", "/__clerk/v1", true},
		{"http://APP.example.com/__clerk/", "/__clerk/v1", true},
		{"http://other.example.com/__clerk", "/__clerk/v1", false},
	} {
		r := request(test.target)
		got := newAPI(test.proxyURL, hanging).Serves(origin.New(nil).Public(r), r.URL.Path)
		assert.Equal(t, test.want, got, "%s of %s", test.target, test.proxyURL)
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	w, o := ask(newAPI("/__clerk", func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }), request("/__clerk/v1/client"))
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.JSONEq(t, `{"errors":[{"code":"proxy_request_failed","message":"The Frontend API could not be reached."}]}`, w.Body.String())
	assert.ErrorIs(t, o.Err, io.ErrUnexpectedEOF)
	assert.Zero(t, o.Status)
}

func TestRequestsOutsideArePassedNowhere(t *testing.T) {
	t.Parallel()
	a := newAPI("/__clerk", func(*http.Request) (*http.Response, error) { panic("asked") })
	for _, target := range []string{"/", "/v1/client", "/__clerkx/v1"} {
		w, _ := ask(a, request(target))
		assert.Equal(t, http.StatusBadRequest, w.Code, target)
	}
	r := request("/__clerk/v1")
	r.Host = ""
	w, _ := ask(a, r)
	assert.Equal(t, http.StatusBadRequest, w.Code, "no host")
}

// A Clerk that hangs holds a bounded number of requests, for a bounded time.
func TestHangingClerkIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, start := newAPI("/__clerk", hanging), time.Now()
		type result struct {
			status int
			after  time.Duration
		}
		results := make(chan result, 2*maxInFlight)
		for range maxInFlight {
			go func() {
				w, _ := ask(a, request("/__clerk/v1/client"))
				results <- result{w.Code, time.Since(start)}
			}()
		}
		synctest.Wait()
		w, o := ask(a, request("/__clerk/v1/client"))
		assert.Equal(t, http.StatusServiceUnavailable, w.Code, "no place is left")
		assert.Equal(t, "1", w.Header().Get("Retry-After"))
		assert.JSONEq(t, `{"errors":[{"code":"proxy_request_failed","message":"Too many requests are waiting for the Frontend API. Try again in a moment."}]}`, w.Body.String())
		assert.ErrorIs(t, o.Err, errBusy)
		for range maxInFlight {
			assert.Equal(t, result{http.StatusServiceUnavailable, maxDuration}, <-results)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("the client has gone"))
		w, _ = ask(a, request("/__clerk/v1/client").WithContext(ctx))
		assert.Equal(t, http.StatusServiceUnavailable, w.Code, "the places are free again")
		require.Empty(t, a.places)
	})
}
