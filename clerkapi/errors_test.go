package clerkapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/test/kit"
)

const notFoundJSON = `{"errors":[{"code":"resource_not_found","message":"short","long_message":"longer",
  "meta":{"param_name":"user_id"}}],"meta":{},"clerk_trace_id":"trace_body"}`

func TestAPIError(t *testing.T) {
	t.Parallel()
	jsonType := http.Header{"Cf-Ray": {"ray"}}
	cases := []struct {
		name  string
		reply reply
		is    error
		codes []string
		trace string
		text  string
	}{
		{"not found", reply{404, jsonType, notFoundJSON}, clerkapi.ErrNotFound, []string{"resource_not_found"}, "trace_body",
			"clerkapi: get session: status 404 resource_not_found (trace trace_body)"},
		{"unauthorized", reply{401, nil, `{"errors":[{"code":"clerk_key_invalid","message":"planted"}]}`}, clerkapi.ErrUnauthorized,
			[]string{"clerk_key_invalid"}, "", "clerkapi: get session: status 401 clerk_key_invalid"},
		{"rate limited", reply{429, jsonType, `{"errors":[]}`}, clerkapi.ErrRateLimited, nil, "ray", "clerkapi: get session: status 429 (trace ray)"},
		{"clerk trace before ray", reply{500, http.Header{"Cf-Ray": {"ray"}, "Clerk-Trace-Id": {"own"}}, `{}`}, nil, nil, "own",
			"clerkapi: get session: status 500 (trace own)"},
		{"trace inside the item", reply{400, nil, `{"errors":[{"code":"a","clerk_trace_id":"inner"},{"code":"b"}]}`}, nil,
			[]string{"a", "b"}, "inner", "clerkapi: get session: status 400 a b (trace inner)"},
		{"content type with charset", reply{404, http.Header{"Content-Type": {"application/json; charset=utf-8"}}, notFoundJSON},
			clerkapi.ErrNotFound, []string{"resource_not_found"}, "trace_body", "clerkapi: get session: status 404 resource_not_found (trace trace_body)"},
		{"problem document", reply{404, http.Header{"Content-Type": {"application/problem+json"}}, notFoundJSON},
			clerkapi.ErrNotFound, []string{"resource_not_found"}, "trace_body", "clerkapi: get session: status 404 resource_not_found (trace trace_body)"},
		{"not a JSON content type", reply{404, http.Header{"Content-Type": {"text/plain"}}, notFoundJSON},
			clerkapi.ErrNotFound, nil, "", "clerkapi: get session: status 404"},
		{"keys in other letters are other keys", reply{400, nil, `{"errors":[{"code":"good","CODE":"bad","Clerk_Trace_ID":"bad"}],"ERRORS":[{"code":"bad"}],"Clerk_Trace_Id":"bad"}`},
			nil, []string{"good"}, "", "clerkapi: get session: status 400 good"},
		{"two content types are no JSON", reply{404, http.Header{"Content-Type": {"application/json", "application/json"}}, notFoundJSON},
			clerkapi.ErrNotFound, nil, "", "clerkapi: get session: status 404"},
		{"broken JSON", reply{502, nil, `{"errors":[{"co`}, nil, nil, "", "clerkapi: get session: status 502"},
		{"errors of another type", reply{400, nil, `{"errors":"planted","clerk_trace_id":7}`}, nil, nil, "", "clerkapi: get session: status 400"},
		{"odd items are left out", reply{400, nil, `{"errors":[null,7,{"code":7},{"code":"good"}]}`}, nil, []string{"good"}, "",
			"clerkapi: get session: status 400 good"},
		{"an item without code stays", reply{400, nil, `{"errors":[{"message":"planted"}]}`}, nil, []string{""}, "", "clerkapi: get session: status 400"},
		{"code cannot write into a log", reply{400, nil, `{"errors":[{"code":"a\nb c"}]}`}, nil, []string{"a\nb c"}, "",
			"clerkapi: get session: status 400 a?b?c"},
		{"redirect is not followed", reply{307, http.Header{"Location": {"/v1/elsewhere?planted=1"}}, ``}, clerkapi.ErrRedirect, nil, "",
			"clerkapi: get session: status 307"},
		{"malformed redirect", reply{302, http.Header{"Location": {"http://[planted"}}, ``}, clerkapi.ErrRedirect, nil, "",
			"clerkapi: get session: status 302"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, f := setup(t, nil, tc.reply)
			s, res, err := c.GetSession(t.Context(), sessionID)
			assert.Nil(t, s)
			require.NotNil(t, res)
			assert.Equal(t, tc.reply.status, res.StatusCode)
			assert.Equal(t, tc.reply.body, string(res.Body))
			var api *clerkapi.APIError
			require.ErrorAs(t, err, &api)
			assert.Same(t, res, api.Response)
			assert.Equal(t, tc.trace, api.TraceID)
			assert.Equal(t, tc.trace, res.TraceID)
			var codes []string
			for _, e := range api.Errors {
				codes = append(codes, e.Code)
			}
			assert.Equal(t, tc.codes, codes)
			assert.Equal(t, tc.text, err.Error())
			for _, sentinel := range []error{clerkapi.ErrNotFound, clerkapi.ErrUnauthorized, clerkapi.ErrRateLimited, clerkapi.ErrRedirect} {
				assert.Equal(t, sentinel == tc.is, errors.Is(err, sentinel), sentinel)
			}
			assert.Len(t, f.got(), 1, "no retry, no redirect")
		})
	}
}

func TestAPIErrorDetails(t *testing.T) {
	t.Parallel()
	c, _ := setup(t, nil, reply{404, nil, notFoundJSON}, reply{422, nil, `{"errors":[{"code":"c","meta":[]}` +
		strings.Repeat(`,{"code":"c"}`, 300) + `]}`}, reply{500, nil, ``})
	_, _, err := c.GetSession(t.Context(), sessionID)
	var api *clerkapi.APIError
	require.ErrorAs(t, err, &api)
	assert.Equal(t, "resource_not_found", api.Code())
	assert.Equal(t, "short", api.Errors[0].Message)
	assert.Equal(t, "longer", api.Errors[0].LongMessage)
	assert.Equal(t, "user_id", api.Errors[0].ParamName())
	assert.True(t, api.IsNotFound())

	_, _, err = c.GetSession(t.Context(), sessionID)
	require.ErrorAs(t, err, &api)
	assert.Len(t, api.Errors, 100, "bounded")
	assert.Empty(t, api.Errors[0].ParamName())
	assert.Less(t, len(err.Error()), 100)

	_, _, err = c.GetSession(t.Context(), sessionID)
	require.ErrorAs(t, err, &api)
	assert.Empty(t, api.Code())
	assert.False(t, api.IsRateLimited() || api.IsUnauthorized())
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	for _, c := range []struct {
		name   string
		header []string
		date   string
		want   time.Duration
	}{
		{name: "absent"},
		{name: "empty", header: []string{""}},
		{name: "seconds", header: []string{"7"}, want: 7 * time.Second},
		{name: "spaces", header: []string{" 7 "}, want: 7 * time.Second},
		{name: "zero", header: []string{"0"}},
		{name: "a fraction is rounded up", header: []string{"1.5"}, want: 2 * time.Second},
		{name: "a tiny fraction too", header: []string{"0.001"}, want: time.Second},
		{name: "whole with a point", header: []string{"3.0"}, want: 3 * time.Second},
		{name: "a day", header: []string{"86400"}, want: day},
		{name: "more than a day", header: []string{"86401"}, want: day},
		{name: "more than 64 bits", header: []string{"99999999999999999999"}, want: day},
		{name: "more than a float", header: []string{strings.Repeat("9", 400)}, want: day},
		{name: "date", header: []string{"Fri, 01 Jan 2027 00:00:30 GMT"}, want: 30 * time.Second},
		{name: "date of RFC 850", header: []string{"Friday, 01-Jan-27 00:00:30 GMT"}, want: 30 * time.Second},
		{name: "date of asctime", header: []string{"Fri Jan  1 00:00:30 2027"}, want: 30 * time.Second},
		{name: "date by the server's clock", header: []string{"Fri, 01 Jan 2027 09:00:30 GMT"}, date: "Fri, 01 Jan 2027 09:00:00 GMT", want: 30 * time.Second},
		{name: "date beside an unreadable clock", header: []string{"Fri, 01 Jan 2027 00:00:30 GMT"}, date: "today", want: 30 * time.Second},
		{name: "past date", header: []string{"Thu, 31 Dec 2026 23:59:59 GMT"}},
		{name: "far date", header: []string{"Fri, 01 Jan 9999 00:00:00 GMT"}, want: day},
		{name: "the longest counts", header: []string{"2", "30", "soon"}, want: 30 * time.Second},
		{name: "negative", header: []string{"-1"}},
		{name: "signed", header: []string{"+7"}},
		{name: "exponent", header: []string{"1e3"}},
		{name: "infinite", header: []string{"Inf"}},
		{name: "hexadecimal", header: []string{"0x10"}},
		{name: "list", header: []string{"1, 2"}},
		{name: "text", header: []string{"soon"}},
		{name: "point alone", header: []string{"."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			client := withTransport(t, func(*http.Request) (*http.Response, error) {
				h := http.Header{"Retry-After": c.header}
				if c.date != "" {
					h.Set("Date", c.date)
				}
				return &http.Response{StatusCode: 429, Header: h, Body: http.NoBody}, nil
			}, func(o *clerkapi.Options) { o.Now = func() time.Time { return now } })
			_, res, err := client.GetSession(t.Context(), sessionID)
			require.ErrorIs(t, err, clerkapi.ErrRateLimited)
			var api *clerkapi.APIError
			require.ErrorAs(t, err, &api)
			assert.Equal(t, c.want, res.RetryAfter)
			assert.Equal(t, c.want, api.RetryAfter())
		})
	}
}

func TestDecodeError(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		reply reply
		is    error
	}{
		{"no content", reply{204, nil, ``}, clerkapi.ErrNoContent},
		{"text", reply{200, http.Header{"Content-Type": {"text/html"}}, sessionJSON}, clerkapi.ErrContentType},
		{"no content type", reply{200, http.Header{"Content-Type": nil}, sessionJSON}, clerkapi.ErrContentType},
		{"empty content type", reply{200, http.Header{"Content-Type": {""}}, sessionJSON}, clerkapi.ErrContentType},
		{"two content types", reply{200, http.Header{"Content-Type": {"application/json", "application/json"}}, sessionJSON}, clerkapi.ErrContentType},
		{"a list of content types", reply{200, http.Header{"Content-Type": {"application/json, text/html"}}, sessionJSON}, clerkapi.ErrContentType},
		{"JSON in a parameter", reply{200, http.Header{"Content-Type": {"text/html; was=application/json"}}, sessionJSON}, clerkapi.ErrContentType},
		{"JSON Lines", reply{200, http.Header{"Content-Type": {"application/jsonl"}}, sessionJSON}, clerkapi.ErrContentType},
		{"JSON sequence", reply{200, http.Header{"Content-Type": {"application/json-seq"}}, sessionJSON}, clerkapi.ErrContentType},
		{"suffix alone", reply{200, http.Header{"Content-Type": {"+json"}}, sessionJSON}, clerkapi.ErrContentType},
		{"empty", ok(``), nil},
		{"broken", ok(`{"object":"session"`), nil},
		{"trailing", ok(sessionJSON + `x`), nil},
		{"null", ok(`null`), nil},
		{"array", ok(`[]`), nil},
		{"other object", ok(`{"object":"user","id":"user_1"}`), nil},
		{"no id", ok(`{"object":"session"}`), nil},
		{"id of another type", ok(`{"object":"session","id":7}`), nil},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, _ := setup(t, nil, tc.reply)
			s, res, err := c.GetSession(t.Context(), sessionID)
			assert.Nil(t, s)
			require.NotNil(t, res)
			var d *clerkapi.DecodeError
			require.ErrorAs(t, err, &d)
			assert.Same(t, res, d.Response)
			if tc.is != nil {
				assert.ErrorIs(t, err, tc.is)
			}
			assert.True(t, strings.HasPrefix(err.Error(), "clerkapi: get session: decode reply with status 20"), err)
		})
	}
}

func TestContentTypesOfJSON(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON",
		" application/json ", "application/json;", "application/json; charset", "application/vnd.clerk.v1+json", "application/problem+json; charset=utf-8", "text/json"} {
		c := withTransport(t, func(*http.Request) (*http.Response, error) {
			body := io.NopCloser(strings.NewReader(sessionJSON))
			return &http.Response{StatusCode: 200, ContentLength: -1, Header: http.Header{"Content-Type": {contentType}}, Body: body}, nil
		}, nil)
		s, _, err := c.GetSession(t.Context(), sessionID)
		if assert.NoError(t, err, contentType) {
			assert.Equal(t, sessionID, s.ID)
		}
		exact := contentType == "application/json"
		for _, status := range []int{200, 404} {
			c := withTransport(t, func(*http.Request) (*http.Response, error) {
				body := io.NopCloser(strings.NewReader(map[int]string{200: sessionJSON, 404: notFoundJSON}[status]))
				return &http.Response{StatusCode: status, ContentLength: -1, Header: http.Header{"Content-Type": {contentType}}, Body: body}, nil
			}, func(o *clerkapi.Options) { o.ExactContentType = true })
			_, _, err := c.GetSession(t.Context(), sessionID)
			var api *clerkapi.APIError
			if errors.As(err, &api) {
				assert.Equal(t, exact, api.Code() == "resource_not_found", contentType)
			} else {
				assert.Equal(t, !exact, errors.Is(err, clerkapi.ErrContentType), contentType)
			}
		}
	}
}

func TestBodyTooLarge(t *testing.T) {
	t.Parallel()
	limit := func(o *clerkapi.Options) { o.MaxBodyBytes = int64(len(sessionJSON)) }
	c, _ := setup(t, limit, ok(sessionJSON), ok(sessionJSON+" "), reply{429, nil, sessionJSON + " "})
	_, _, err := c.GetSession(t.Context(), sessionID)
	require.NoError(t, err, "exactly the limit")

	s, res, err := c.GetSession(t.Context(), sessionID)
	require.ErrorIs(t, err, clerkapi.ErrBodyTooLarge)
	assert.Nil(t, s)
	assert.Equal(t, 200, res.StatusCode)
	assert.Nil(t, res.Body)

	_, res, err = c.GetSession(t.Context(), sessionID)
	require.ErrorIs(t, err, clerkapi.ErrBodyTooLarge)
	require.ErrorIs(t, err, clerkapi.ErrRateLimited, "the status counts although the body is lost")
	assert.Equal(t, 429, res.StatusCode)
}

// endless never stops sending; only the client's limit ends it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) { e.read += len(p); return len(p), nil }

func TestEndlessBody(t *testing.T) {
	t.Parallel()
	body := &endless{}
	c := withTransport(t, func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, ContentLength: -1, Header: http.Header{}, Body: io.NopCloser(body)}, nil
	}, nil)
	_, res, err := c.GetSession(t.Context(), sessionID)
	require.ErrorIs(t, err, clerkapi.ErrBodyTooLarge)
	assert.NotNil(t, res)
	assert.Less(t, body.read, 4<<20)
}

func withTransport(t testing.TB, f kit.RoundTripFunc, change func(*clerkapi.Options)) *clerkapi.Client {
	t.Helper()
	o := clerkapi.Options{SecretKey: secretKey, MachineSecretKey: machineKey, Transport: f}
	if change != nil {
		change(&o)
	}
	c, err := clerkapi.New(o)
	require.NoError(t, err)
	c.CloseIdleConnections() // does nothing here, and must not mind
	return c
}

func TestTransportErrorShowsNoSecret(t *testing.T) {
	t.Parallel()
	errDial := errors.New("connection refused")
	cases := map[string]struct {
		make func(r *http.Request) error
		text string
	}{
		"plain":     {func(*http.Request) error { return errDial }, "no reply: connection refused"},
		"url error": {func(r *http.Request) error { return &url.Error{Op: "Get", URL: r.URL.String(), Err: errDial} }, "no reply: connection refused"},
		"wrapped": {func(r *http.Request) error {
			return fmt.Errorf("proxy: %w", &url.Error{Op: "Get", URL: r.URL.String(), Err: errDial})
		}, "no reply: connection refused"},
		"quoting": {func(r *http.Request) error {
			return fmt.Errorf("%s %s: %w", r.URL, r.Header.Get("Authorization"), errDial)
		}, "no reply: https://api.clerk.com/v1/clients/handshake_payload?[redacted] [redacted]: connection refused"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := withTransport(t, func(r *http.Request) (*http.Response, error) { return nil, tc.make(r) }, nil)
			_, res, err := c.GetHandshakePayload(t.Context(), "planted nonce")
			assert.Nil(t, res)
			require.ErrorIs(t, err, errDial)
			var te *clerkapi.TransportError
			require.ErrorAs(t, err, &te)
			assert.Equal(t, "clerkapi: get handshake payload: "+tc.text, err.Error())
			noSecrets(t, err.Error())
		})
	}
}

func TestTransportWithoutReply(t *testing.T) {
	t.Parallel()
	c := withTransport(t, func(*http.Request) (*http.Response, error) { return nil, nil }, nil)
	_, res, err := c.GetSession(t.Context(), sessionID)
	assert.Nil(t, res)
	var te *clerkapi.TransportError
	assert.ErrorAs(t, err, &te)
}

func TestBodyBreaksOff(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 500} {
		c := withTransport(t, func(*http.Request) (*http.Response, error) {
			body := io.MultiReader(strings.NewReader(`{"obj`), errReader{})
			return &http.Response{StatusCode: status, ContentLength: -1, Header: http.Header{}, Body: io.NopCloser(body)}, nil
		}, nil)
		_, res, err := c.GetSession(t.Context(), sessionID)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.ErrorContains(t, err, "the reply's body broke off: unexpected EOF")
		assert.NotContains(t, err.Error(), "no reply")
		assert.Equal(t, status, res.StatusCode)
		assert.Nil(t, res.Body)
		var api *clerkapi.APIError
		assert.Equal(t, status == 500, errors.As(err, &api))
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestCancellation(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 1)
	hang := func(r *http.Request) (*http.Response, error) {
		arrived <- struct{}{}
		<-r.Context().Done()
		return nil, context.Cause(r.Context()) // as net/http does
	}
	c := withTransport(t, hang, func(o *clerkapi.Options) { o.MaxRetries = 3 })

	errOwn := errors.New("caller's cause")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() { <-arrived; cancel(errOwn) }()
	_, res, err := c.GetSession(ctx, sessionID)
	assert.Nil(t, res)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, errOwn)

	_, _, err = c.GetSession(ctx, sessionID)
	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, arrived, "no call with a context that has ended")
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	hang := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	c := withTransport(t, hang, func(o *clerkapi.Options) { o.Timeout = time.Millisecond })
	_, _, err := c.GetSession(t.Context(), sessionID)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// stalled is a body of which nothing more comes until its request ends.
type stalled struct {
	context.Context
	err func(context.Context) error
}

func (s stalled) Read([]byte) (int, error) { <-s.Done(); return 0, s.err(s) }
func (stalled) Close() error               { return nil }

type timeoutError struct{}

func (timeoutError) Error() string { return "i/o timeout" }
func (timeoutError) Timeout() bool { return true }

func TestBodyStalls(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]func(context.Context) error{
		"context": func(x context.Context) error { return x.Err() },
		"cause":   context.Cause,
		"socket":  func(context.Context) error { return timeoutError{} },
	} {
		for _, status := range []int{200, 500} {
			t.Run(fmt.Sprint(name, status), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { // so that the time is up in the body, not before
					c := withTransport(t, func(r *http.Request) (*http.Response, error) {
						return &http.Response{StatusCode: status, ContentLength: -1, Header: http.Header{}, Body: stalled{r.Context(), fails}}, nil
					}, func(o *clerkapi.Options) { o.Timeout = time.Millisecond })
					_, res, err := c.GetSession(t.Context(), sessionID)
					require.ErrorIs(t, err, context.DeadlineExceeded)
					assert.ErrorContains(t, err, "the reply's body did not arrive in time")
					assert.NotContains(t, err.Error(), "no reply")
					require.NotNil(t, res)
					assert.Equal(t, status, res.StatusCode)
					var te *clerkapi.TransportError
					assert.ErrorAs(t, err, &te)
				})
			})
		}
	}
}

func TestRedaction(t *testing.T) {
	t.Parallel()
	planted, n := "planted", int64(60)
	c, _ := setup(t, nil, ok(`{"planted":1}`))
	values := []any{
		clerkapi.Options{SecretKey: planted, MachineSecretKey: planted}, c,
		&clerkapi.Response{StatusCode: 200, Body: []byte(planted), Header: http.Header{"Set-Cookie": {planted}}},
		clerkapi.Token{JWT: planted}, &clerkapi.Token{JWT: planted}, clerkapi.Cookies{Cookies: []string{planted}},
		clerkapi.SessionRefresh{Token: &clerkapi.Token{JWT: planted}},
		&clerkapi.SessionRefresh{Cookies: &clerkapi.Cookies{Cookies: []string{planted}}}, clerkapi.SessionRefresh{},
		clerkapi.HandshakePayload{Directives: []string{planted}},
		clerkapi.RefreshSessionParams{ExpiredToken: planted, RefreshToken: planted, RequestHeaders: map[string][]string{"cookie": {planted}}},
		clerkapi.VerifyM2MTokenParams{Token: planted, MachineSecretKey: planted}, clerkapi.VerifyAPIKeyParams{Secret: planted},
		clerkapi.VerifyOAuthAccessTokenParams{AccessToken: planted}, clerkapi.VerifyClientParams{Token: planted},
		clerkapi.VerifySessionParams{Token: &planted}, clerkapi.VerifySessionParams{},
		clerkapi.TestingToken{Token: planted, ExpiresAt: n}, clerkapi.SignInToken{Token: planted, URL: &planted},
		(*clerkapi.Client)(nil), (*clerkapi.Response)(nil),
	}
	for _, v := range values {
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		noSecrets(t, log.String())
		noSecrets(t, fmt.Sprintf("%v %+v %#v %s %q", v, v, v, v, v))
	}
}
