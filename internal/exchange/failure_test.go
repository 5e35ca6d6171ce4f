package exchange_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/exchange"
)

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func TestFailuresAreToldApart(t *testing.T) {
	t.Parallel()
	sentinels := []error{exchange.ErrNotFound, exchange.ErrUnavailable}
	for name, c := range map[string]struct {
		fault    clerktest.Fault
		template string
		ended    bool
		want     error
		also     error
	}{
		"unknown template":   {template: "nothing", want: exchange.ErrNotFound, also: clerkapi.ErrNotFound},
		"ended session":      {ended: true, want: exchange.ErrNotFound, also: clerkapi.ErrNotFound},
		"both":               {ended: true, template: "nothing", want: exchange.ErrNotFound},
		"unknown to Clerk":   {fault: clerktest.Fault{Path: "/v1/sessions", Status: http.StatusNotFound}, want: exchange.ErrNotFound},
		"secret key refused": {fault: clerktest.Fault{Path: tokens, Status: http.StatusUnauthorized}, want: exchange.ErrUnavailable, also: clerkapi.ErrUnauthorized},
		"forbidden":          {fault: clerktest.Fault{Path: tokens, Status: http.StatusForbidden}, want: exchange.ErrUnavailable},
		"rate limit":         {fault: clerktest.Fault{Path: tokens, Status: http.StatusTooManyRequests}, want: exchange.ErrUnavailable, also: clerkapi.ErrRateLimited},
		"Clerk is down":      {fault: clerktest.Fault{Path: tokens, Status: http.StatusServiceUnavailable}, want: exchange.ErrUnavailable},
		"redirect":           {fault: clerktest.Fault{Path: tokens, Status: http.StatusFound}, want: exchange.ErrUnavailable, also: clerkapi.ErrRedirect},
		"broken JSON":        {fault: clerktest.Fault{Path: tokens, Body: `{"jwt":`}, want: exchange.ErrUnavailable},
		"not JSON":           {fault: clerktest.Fault{Path: tokens, Body: "hello", ContentType: "text/plain"}, want: exchange.ErrUnavailable},
		"no token in it":     {fault: clerktest.Fault{Path: tokens, Body: `{"object":"token"}`}, want: exchange.ErrUnavailable},
		"no JWT":             {fault: clerktest.Fault{Path: tokens, Body: `{"object":"token","jwt":"opaque"}`}, want: exchange.ErrUnavailable},
		"padding":            {fault: clerktest.Fault{Path: tokens, Body: `{"object":"token","jwt":"e30=.e30.c2ln"}`}, want: exchange.ErrUnavailable},
		"breaks a header":    {fault: clerktest.Fault{Path: tokens, Body: `{"object":"token","jwt":"e30.e30.c2ln\r\nX-Clerk-User-Id: x"}`}, want: exchange.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, exchange.Options{})
			session := f.SignIn("jane@example.com")
			if c.ended {
				f.EndSession(session.ID)
			}
			if c.fault != (clerktest.Fault{}) {
				f.Fail(c.fault)
			}
			key := f.db(session)
			if c.template != "" {
				key.Template = c.template
			}
			raw, err := f.Exchanger.Token(t.Context(), key)
			assert.Empty(t, raw)
			for _, sentinel := range sentinels {
				assert.Equal(t, sentinel == c.want, errors.Is(err, sentinel), "%v: %v", sentinel, err)
			}
			if c.also != nil {
				require.ErrorIs(t, err, c.also)
			}
			assert.NotContains(t, err.Error(), f.SecretKey())
		})
	}
}

func TestAFailureIsRememberedShortly(t *testing.T) {
	t.Parallel()
	f := setup(t, exchange.Options{})
	session := f.SignIn("jane@example.com")
	repair := f.Fail(clerktest.Fault{Path: tokens, Status: http.StatusInternalServerError})
	for range 100 {
		_, err := f.Exchanger.Token(t.Context(), f.db(session))
		require.ErrorIs(t, err, exchange.ErrUnavailable)
	}
	assert.Equal(t, 1, f.fetches())
	repair()
	f.Advance(exchange.FailureMemory)
	_, err := f.Exchanger.Token(t.Context(), f.db(session))
	require.NoError(t, err)
	assert.Equal(t, 2, f.fetches())
}

func TestAllRestWhenClerkAsksForLess(t *testing.T) {
	t.Parallel()
	f := setup(t, exchange.Options{})
	jane, john := f.SignIn("jane@example.com"), f.SignIn("john@example.com")
	f.Fail(clerktest.Fault{Path: tokens, Status: http.StatusTooManyRequests, Times: 1})
	_, err := f.Exchanger.Token(t.Context(), f.db(jane))
	var api *clerkapi.APIError
	require.ErrorAs(t, err, &api)
	require.Positive(t, api.Response.RetryAfter)
	_, err = f.Exchanger.Token(t.Context(), f.db(john))
	require.ErrorIs(t, err, exchange.ErrUnavailable)
	assert.Equal(t, 1, f.fetches())
	f.Advance(api.Response.RetryAfter + exchange.FailureMemory)
	_, err = f.Exchanger.Token(t.Context(), f.db(john))
	require.NoError(t, err)
}

func TestAHangingClerkHasATimeLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		f := setup(t, exchange.Options{Timeout: 3 * time.Second})
		f.hold = make(chan struct{})
		session := f.SignIn("jane@example.com")
		_, err := f.Exchanger.Token(t.Context(), f.db(session))
		require.ErrorIs(t, err, exchange.ErrUnavailable)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 3*time.Second, time.Since(start))
	})
}

// TestNoCallsWhileClerkIsDown: each call would take its whole time limit.
func TestNoCallsWhileClerkIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := setup(t, exchange.Options{Now: time.Now})
		session := f.SignIn("jane@example.com")
		key := func(n int) exchange.Key {
			return exchange.Key{SessionID: session.ID, Template: "db", Version: fmt.Sprint(n)}
		}
		f.hold = make(chan struct{})
		var all sync.WaitGroup
		for n := range 10 {
			all.Go(func() {
				_, err := f.Exchanger.Token(t.Context(), key(n))
				assert.ErrorIs(t, err, context.DeadlineExceeded)
			})
		}
		all.Wait()
		began := time.Now()
		for n := range 100 {
			_, err := f.Exchanger.Token(t.Context(), key(10+n))
			require.ErrorIs(t, err, exchange.ErrUnavailable)
			require.NotErrorIs(t, err, context.DeadlineExceeded)
		}
		assert.Zero(t, time.Since(began), "nobody waits")
		close(f.hold)
		time.Sleep(10 * time.Second)
		_, err := f.Exchanger.Token(t.Context(), key(0))
		require.NoError(t, err)
		assert.Equal(t, 1, f.fetches(), "the ones before were given up")
	})
}

// TestRetryAfterOf503IsObeyed: Clerk's maintenance may take an hour.
func TestRetryAfterOf503IsObeyed(t *testing.T) {
	t.Parallel()
	f := setup(t, exchange.Options{})
	jane, john := f.SignIn("jane@example.com"), f.SignIn("john@example.com")
	f.Fail(clerktest.Fault{Path: tokens, Status: http.StatusServiceUnavailable})
	f.retryAfter = "20"
	_, err := f.Exchanger.Token(t.Context(), f.db(jane))
	require.ErrorIs(t, err, exchange.ErrUnavailable)
	f.Advance(19 * time.Second)
	_, err = f.Exchanger.Token(t.Context(), f.db(john))
	require.ErrorIs(t, err, exchange.ErrUnavailable)
	assert.Equal(t, 1, f.fetches())
	f.Advance(time.Second)
	_, err = f.Exchanger.Token(t.Context(), f.db(john))
	require.ErrorIs(t, err, exchange.ErrUnavailable)
	assert.Equal(t, 2, f.fetches(), "a probe")
}
