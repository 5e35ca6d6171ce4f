package forward_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/internal/forward"
)

// to makes an Upstream of a server that is closed with the test, over either transport.
func to(t testing.TB, app http.Handler, direct bool) *forward.Upstream {
	t.Helper()
	server := httptest.NewServer(app)
	t.Cleanup(server.Close)
	target, err := url.Parse(server.URL)
	require.NoError(t, err)
	return upstream(t, target, direct)
}

func upstream(t testing.TB, target *url.URL, direct bool) *forward.Upstream {
	t.Helper()
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	u, err := forward.New(forward.Options{
		Target: target, Protocols: protocols, Direct: direct, ConnectTimeout: 10 * time.Second, ResponseTimeout: time.Minute,
		BodyIdleTimeout: time.Minute, IdleTimeout: time.Minute, MaxConnectionAge: time.Minute, Now: time.Now,
	})
	require.NoError(t, err)
	t.Cleanup(u.Close)
	return u
}

// over runs test over both transports.
func over(t *testing.T, test func(t *testing.T, direct bool)) {
	t.Parallel()
	for name, direct := range map[string]bool{"direct": true, "standard": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, direct)
		})
	}
}

func TestForwardPassesWhatMay(t *testing.T) {
	over(t, func(t *testing.T, direct bool) {
		var got *http.Request
		u := to(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = r.Clone(r.Context())
			_, _ = io.WriteString(w, "hello")
		}), direct)
		in := httptest.NewRequest(http.MethodGet, "http://app.example.com/admin/x%2Fy?a=1", nil)
		in.Header = http.Header{
			"Accept": {"text/plain"}, "Connection": {"close, X-Listed"}, "X-Listed": {"1"}, "Te": {"trailers, gzip"}, "Proxy": {"evil"},
			"X-Clerk-User-Id": {"user_evil"}, "X_Forwarded_For": {"evil"}, "X.Environment": {"evil"}, "Upgrade": {"h2c"},
			"Cookie": {"a=1"},
		}
		before := in.Header.Clone()

		r := u.NewRequest(in, wire.NewFilter([]string{"X-Environment"}, nil), false)
		r.URL.Path, r.URL.RawPath, r.Host = "/x/y", "/x%2Fy", "other.example.com"
		r.Header.Set("X-Environment", "production")
		r.Header.Set("X-Empty", "")
		var o answer.Outcome
		w := httptest.NewRecorder()
		u.Forward(w, r, &o)

		assert.Equal(t, http.StatusOK, o.Status)
		assert.NoError(t, o.Err)
		assert.Positive(t, o.Took)
		assert.Regexp(t, `^127\.0\.0\.1:\d+$`, o.Address)
		assert.Equal(t, "hello", w.Body.String())
		assert.Equal(t, "/x%2Fy?a=1", got.RequestURI)
		assert.Equal(t, "other.example.com", got.Host)
		assert.Equal(t, http.Header{
			"Accept": {"text/plain"}, "Te": {"trailers"}, "X-Environment": {"production"}, "Cookie": {"a=1"},
		}, withoutEncoding(got.Header))
		assert.Equal(t, before, in.Header, "the client's request is only read")
	})
}

// withoutEncoding removes what a transport may add.
func withoutEncoding(h http.Header) http.Header {
	h.Del("Accept-Encoding")
	return h
}

func TestForwardKeepsAnAnswerOutOfCaches(t *testing.T) {
	over(t, func(t *testing.T, direct bool) {
		u := to(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", "public, max-age=60")
			w.Header().Set("Expires", "Mon, 23 Nov 2026 13:00:00 GMT")
			w.Header().Add("Set-Cookie", "b=2")
			w.WriteHeader(http.StatusTeapot)
		}), direct)
		for _, noStore := range []bool{false, true} {
			r := u.NewRequest(httptest.NewRequest(http.MethodGet, "http://app.example.com/", nil), wire.NewFilter(nil, nil), false)
			r.NoStore = noStore
			var o answer.Outcome
			w := httptest.NewRecorder()
			w.Header().Add("Set-Cookie", "a=1")
			u.Forward(w, r, &o)
			assert.Equal(t, http.StatusTeapot, o.Status)
			assert.NoError(t, o.Err)
			assert.Equal(t, []string{"a=1", "b=2"}, w.Header()["Set-Cookie"])
			if noStore {
				assert.Equal(t, []string{"no-store"}, w.Header()["Cache-Control"])
				assert.NotContains(t, w.Header(), "Expires")
			} else {
				assert.Equal(t, []string{"public, max-age=60"}, w.Header()["Cache-Control"])
			}
		}
	})
}

func TestForwardSaysThatNobodyAnswers(t *testing.T) {
	over(t, func(t *testing.T, direct bool) {
		target := &url.URL{Scheme: "http", Host: kit.Refusing(t)}
		u := upstream(t, target, direct)
		var o answer.Outcome
		w := httptest.NewRecorder()
		u.Forward(w, u.NewRequest(httptest.NewRequest(http.MethodGet, "http://app.example.com/", nil), wire.NewFilter(nil, nil), false), &o)
		assert.Zero(t, o.Status)
		require.Error(t, o.Err)
		assert.Equal(t, http.StatusBadGateway, w.Code)
		assert.Contains(t, w.Body.String(), "upstream_unavailable")
	})
}

// A response that breaks off must not look whole: the connection is cut, and the log
// learns why.
func TestForwardCutsABrokenAnswer(t *testing.T) {
	over(t, func(t *testing.T, direct bool) {
		u := to(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if assert.NoError(t, err) {
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
				_ = conn.Close()
			}
		}), direct)
		outcome := make(chan answer.Outcome, 1)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var o answer.Outcome
			defer func() { outcome <- o }()
			u.Forward(w, u.NewRequest(r, wire.NewFilter(nil, nil), false), &o)
		}))
		defer server.Close()
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(server.URL, "http://"))
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n")
		require.NoError(t, err)
		o := <-outcome
		assert.Equal(t, http.StatusOK, o.Status)
		require.Error(t, o.Err)
		if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
			_, err = io.ReadAll(res.Body)
			_ = res.Body.Close()
			assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
		}
	})
}
