package clerkapi_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
)

func TestNewNamesEveryProblem(t *testing.T) {
	t.Parallel()
	c, err := clerkapi.New(clerkapi.Options{
		SecretKey: "planted key", MachineSecretKey: "planted\n", BaseURL: "ftp://user:planted@host", APIVersionPath: "..",
		APIVersion: "a b", UserAgent: "a\nb", Timeout: -1, MaxBodyBytes: -1, MaxRetries: 11,
	})
	assert.Nil(t, c)
	require.Error(t, err)
	for _, field := range []string{"SecretKey", "MachineSecretKey", "BaseURL", "APIVersionPath", "APIVersion:", "UserAgent",
		"Timeout", "MaxBodyBytes", "MaxRetries"} {
		assert.ErrorContains(t, err, "Options."+field)
	}
	noSecrets(t, err.Error())

	_, err = clerkapi.New(clerkapi.Options{})
	assert.ErrorContains(t, err, "Options.SecretKey: required")
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"api.clerk.com", "https://", "https://u@h", "https://h?x", "https://h?", "https://h#x", "https://h/%zz"} {
		_, err := clerkapi.New(clerkapi.Options{SecretKey: "k", BaseURL: bad})
		assert.Error(t, err, bad)
	}
	for base, want := range map[string]string{
		"":                     "https://api.clerk.com/v9/sessions/s",
		"http://clerk:8090/":   "http://clerk:8090/v9/sessions/s",
		"https://h/prefix%2F/": "https://h/prefix%2F/v9/sessions/s",
	} {
		got := ""
		c := withTransport(t, func(r *http.Request) (*http.Response, error) {
			got = r.URL.String()
			return nil, errors.New("enough")
		}, func(o *clerkapi.Options) { o.BaseURL, o.APIVersionPath = base, "v9" })
		_, _, err := c.GetSession(t.Context(), "s")
		require.Error(t, err)
		assert.Equal(t, want, got)
	}
}

func TestInvalidIDMakesNoCall(t *testing.T) {
	t.Parallel()
	c := withTransport(t, func(r *http.Request) (*http.Response, error) {
		t.Errorf("called %s", r.URL)
		return nil, errors.New("called")
	}, nil)
	long := make([]byte, 600)
	for i := range long {
		long[i] = 'a'
	}
	for _, id := range []string{"", ".", "..", "%2e", "%2E%2e", "%252e%252e", "%25252e.", "../users", "a/b", `a\b`, "a%2fb", "a%255cb",
		"a\nb", "a%00b", "a%zz", "%2e%2e%2f%zz", "\xff", "a%ff", "%252525252525252525252525252525e", string(long)} {
		_, res, err := c.GetSession(t.Context(), id)
		require.ErrorIs(t, err, clerkapi.ErrInvalidID, "%q", id)
		assert.Nil(t, res)
		assert.Equal(t, "clerkapi: get session: invalid id", err.Error())
	}
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"revoke":     func() error { _, _, err := c.RevokeSession(ctx, ".."); return err },
		"token":      func() error { _, _, err := c.CreateSessionToken(ctx, "..", nil); return err },
		"template":   func() error { _, _, err := c.CreateSessionTokenFromTemplate(ctx, "s", "..", nil); return err },
		"refresh":    func() error { _, _, err := c.RefreshSession(ctx, "..", refreshParams()); return err },
		"verify":     func() error { _, _, err := c.VerifySession(ctx, "..", nil); return err },
		"client":     func() error { _, _, err := c.GetClient(ctx, ".."); return err },
		"client op":  func() error { _, _, err := c.GetClient(ctx, "handshake_payload"); return err },
		"user":       func() error { _, _, err := c.GetUser(ctx, ".."); return err },
		"sign-in":    func() error { _, _, err := c.RevokeSignInToken(ctx, ".."); return err },
		"two points": func() error { _, _, err := c.CreateSessionTokenFromTemplate(ctx, "..", "t", nil); return err },
	} {
		assert.ErrorIs(t, call(), clerkapi.ErrInvalidID, name)
	}
}

func TestIDIsEscaped(t *testing.T) {
	t.Parallel()
	c, f := setup(t, nil, ok(`{"object":"token","jwt":"j"}`))
	_, _, err := c.CreateSessionTokenFromTemplate(t.Context(), "s?a=b#c", "my template", nil)
	require.NoError(t, err)
	assert.Equal(t, "/v1/sessions/s%3Fa=b%23c/tokens/my%20template", f.got()[0].uri)
}

func TestWithHeaders(t *testing.T) {
	t.Parallel()
	c, f := setup(t, func(o *clerkapi.Options) { o.UserAgent = "app/1 (test)" }, ok(sessionJSON))
	h := http.Header{"authorization": {"Bearer own"}, "Clerk-API-Version": {"2025-04-10"}, "X-Trace": {"1", "2"}}
	ctx := clerkapi.WithHeaders(t.Context(), h)
	h.Set("X-Trace", "changed later")
	_, _, err := c.GetSession(ctx, sessionID)
	require.NoError(t, err)
	got := f.got()[0].header
	assert.Equal(t, []string{"Bearer own"}, got["Authorization"])
	assert.Equal(t, []string{"2025-04-10"}, got["Clerk-Api-Version"])
	assert.Equal(t, []string{"1", "2"}, got["X-Trace"])
	assert.Equal(t, "app/1 (test)", got.Get("User-Agent"))
}

func TestMissingKey(t *testing.T) {
	t.Parallel()
	c, f := setup(t, func(o *clerkapi.Options) { o.SecretKey = "" }, ok(`{}`))
	_, res, err := c.GetSession(t.Context(), sessionID)
	require.ErrorIs(t, err, clerkapi.ErrMissingKey)
	assert.Nil(t, res)
	assert.Empty(t, f.got())
}

func TestHooks(t *testing.T) {
	t.Parallel()
	var got []clerkapi.Attempt
	tick := time.Unix(0, 0)
	c, _ := setup(t, func(o *clerkapi.Options) {
		o.MaxRetries = 1
		o.Now = func() time.Time { tick = tick.Add(time.Second); return tick }
		o.Hooks.Attempt = func(_ context.Context, a clerkapi.Attempt) { got = append(got, a) }
	}, reply{503, http.Header{"Cf-Ray": {"ray"}}, ``}, ok(sessionJSON))
	_, _, err := c.GetSession(t.Context(), sessionID)
	require.NoError(t, err)
	require.Len(t, got, 2)
	assert.Error(t, got[0].Err)
	got[0].Err = nil
	want := clerkapi.Attempt{Operation: "get session", Method: "GET", Route: "/sessions/{}", Number: 1, StatusCode: 503,
		TraceID: "ray", Duration: time.Second}
	assert.Equal(t, want, got[0])
	want.Number, want.StatusCode, want.TraceID = 2, 200, ""
	assert.Equal(t, want, got[1])
}

func TestDefaultTransport(t *testing.T) {
	t.Parallel()
	c, f := setup(t, nil, ok(sessionJSON))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := c.GetSession(ctx, sessionID)
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, f.got())
	f.Close()
	_, res, err := c.GetSession(t.Context(), sessionID)
	require.Error(t, err)
	assert.Nil(t, res)
}

// retryCall is one operation with what Options.MaxRetries says about it.
type retryCall struct {
	name      string
	call      func(context.Context, *clerkapi.Client) error
	limited   bool // repeats a 429
	transient bool // repeats 502, 503, 504 and connection errors
}

func retryCalls() []retryCall {
	return []retryCall{
		{"get session", func(x context.Context, c *clerkapi.Client) error { _, _, err := c.GetSession(x, "s"); return err }, true, true},
		{"list", func(x context.Context, c *clerkapi.Client) error { _, _, err := c.ListSessions(x, nil); return err }, true, true},
		{"jwks", func(x context.Context, c *clerkapi.Client) error { _, _, err := c.GetJWKS(x); return err }, true, true},
		{"revoke", func(x context.Context, c *clerkapi.Client) error { _, _, err := c.RevokeSession(x, "s"); return err }, true, true},
		{"token", func(x context.Context, c *clerkapi.Client) error {
			_, _, err := c.CreateSessionToken(x, "s", nil)
			return err
		}, true, true},
		{"create", func(x context.Context, c *clerkapi.Client) error {
			_, _, err := c.CreateSession(x, &clerkapi.CreateSessionParams{UserID: "u"})
			return err
		}, false, false},
		{"refresh", func(x context.Context, c *clerkapi.Client) error {
			_, _, err := c.RefreshSession(x, "s", refreshParams())
			return err
		}, false, false},
		{"handshake", func(x context.Context, c *clerkapi.Client) error {
			_, _, err := c.GetHandshakePayload(x, "n")
			return err
		}, true, false},
		{"sign-in token", func(x context.Context, c *clerkapi.Client) error {
			_, _, err := c.CreateSignInToken(x, &clerkapi.CreateSignInTokenParams{UserID: "u"})
			return err
		}, true, false},
		{"api key", func(x context.Context, c *clerkapi.Client) error {
			_, _, err := c.VerifyAPIKey(x, &clerkapi.VerifyAPIKeyParams{Secret: "s"})
			return err
		}, true, false},
	}
}

func TestRetryClasses(t *testing.T) {
	t.Parallel()
	faults := map[string]struct {
		status int // 0 is a connection error
		repeat func(retryCall) bool
	}{
		"429":        {429, func(r retryCall) bool { return r.limited }},
		"502":        {502, func(r retryCall) bool { return r.transient }},
		"503":        {503, func(r retryCall) bool { return r.transient }},
		"504":        {504, func(r retryCall) bool { return r.transient }},
		"connection": {0, func(r retryCall) bool { return r.transient }},
		"500":        {500, func(retryCall) bool { return false }},
		"404":        {404, func(retryCall) bool { return false }},
		"200":        {200, func(retryCall) bool { return false }}, // undecodable: the server did its work
	}
	for _, rc := range retryCalls() {
		for name, fault := range faults {
			for _, retries := range []int{0, 3} {
				synctest.Test(t, func(t *testing.T) {
					var calls atomic.Int32
					c := withTransport(t, func(*http.Request) (*http.Response, error) {
						calls.Add(1)
						if fault.status == 0 {
							return nil, errors.New("connection refused")
						}
						return &http.Response{StatusCode: fault.status, Header: http.Header{}, Body: http.NoBody}, nil
					}, func(o *clerkapi.Options) { o.MaxRetries = retries })
					require.Error(t, rc.call(t.Context(), c))
					want := 1
					if fault.repeat(rc) {
						want += retries
					}
					assert.EqualValues(t, want, calls.Load(), "%s, %s, %d retries", rc.name, name, retries)
				})
			}
		}
	}
}

func TestRetryWaits(t *testing.T) {
	t.Parallel()
	const s = time.Second
	exactly := func(d ...time.Duration) [][2]time.Duration {
		var all [][2]time.Duration
		for _, one := range d {
			all = append(all, [2]time.Duration{one, one})
		}
		return all
	}
	cases := []struct {
		name       string
		retryAfter string
		retries    int
		timeout    time.Duration
		want       [][2]time.Duration // bounds of the waits between attempts
	}{
		{"doubling, half of it by chance, capped", "", 7, time.Hour, [][2]time.Duration{{s / 10, s / 5}, {s / 5, 2 * s / 5}, {2 * s / 5, 4 * s / 5},
			{4 * s / 5, 8 * s / 5}, {8 * s / 5, 16 * s / 5}, {5 * s / 2, 5 * s}, {5 * s / 2, 5 * s}}},
		{"asked for", "3", 2, time.Hour, exactly(3*s, 3*s)},
		{"asked for with a fraction", "0.2", 1, time.Hour, exactly(s)},
		{"asked for by a date", "date", 1, time.Hour, exactly(60 * s)},
		{"asked for at once", "0", 1, time.Hour, [][2]time.Duration{{s / 10, s / 5}}},
		{"asked for in no known way", "soon", 1, time.Hour, [][2]time.Duration{{s / 10, s / 5}}},
		{"too long for the timeout", "11", 2, 10 * s, nil},
		{"much too long for the timeout", "99999999999999999999", 2, 10 * s, nil},
		{"timeout bounds all attempts", "4", 9, 10 * s, exactly(4*s, 4*s)},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				last, waits := time.Now(), []time.Duration(nil)
				c := withTransport(t, func(*http.Request) (*http.Response, error) {
					waits, last = append(waits, time.Since(last)), time.Now()
					value := tc.retryAfter
					if value == "date" {
						value = time.Now().Add(time.Minute).UTC().Format(http.TimeFormat)
					}
					return &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {value}}, Body: http.NoBody}, nil
				}, func(o *clerkapi.Options) { o.MaxRetries, o.Timeout = tc.retries, tc.timeout })
				_, res, err := c.GetSession(t.Context(), sessionID)
				require.ErrorIs(t, err, clerkapi.ErrRateLimited)
				assert.Equal(t, 429, res.StatusCode)
				assert.Zero(t, time.Since(last), "no wait after the last attempt")
				require.Len(t, waits, len(tc.want)+1)
				for i, bounds := range tc.want {
					assert.GreaterOrEqual(t, waits[i+1], bounds[0], i)
					assert.LessOrEqual(t, waits[i+1], bounds[1], i)
				}
			})
		})
	}
}

func TestCancelWhileWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := withTransport(t, func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {"5"}}, Body: http.NoBody}, nil
		}, func(o *clerkapi.Options) { o.MaxRetries = 1 })
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, res, err := c.GetSession(ctx, sessionID)
		require.ErrorIs(t, err, clerkapi.ErrRateLimited)
		require.ErrorIs(t, err, context.Canceled)
		assert.NotNil(t, res)
		assert.Equal(t, time.Second, time.Since(start))
	})
}

func TestManyCallersShareOneClient(t *testing.T) {
	t.Parallel()
	c, f := setup(t, func(o *clerkapi.Options) {
		o.MaxRetries = 1
	}, reply{503, nil, ``}, ok(sessionJSON))
	const callers = 50
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			ctx := clerkapi.WithHeaders(t.Context(), http.Header{"X-Own": {"1"}})
			s, _, err := c.GetSession(ctx, sessionID)
			if assert.NoError(t, err) {
				assert.Equal(t, sessionID, s.ID)
			}
		})
	}
	wg.Wait()
	assert.Len(t, f.got(), callers+1, "the one failed attempt was repeated once")
}
