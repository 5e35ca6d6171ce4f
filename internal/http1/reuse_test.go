package http1_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/http1"
)

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func TestIdleConnectionThatTheUpstreamClosed(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			closed := make(chan struct{})
			u := serve(t, "tcp", func(p *peer) {
				p.request()
				p.say(okAnswer)
				if p.n == 1 {
					p.Conn.Close()
					close(closed)
				}
				p.request()
			})
			rt := transport(t, u, http1.Options{})
			require.NoError(t, roundTrip(rt, get(t, "http://upstream/")).err)
			<-closed
			var body io.Reader
			if method == http.MethodPost {
				body = stream("body that can be read once")
			}
			got := roundTrip(rt, request(t, method, "http://upstream/", body))
			require.NoError(t, got.err)
			assert.EqualValues(t, 2, u.conns.Load())
		})
	}
}

// A response that nobody asked for would be taken for the next request's, which may
// be somebody else's.
func TestUnsolicitedAnswer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ first, later string }{
		"with the answer":    {okAnswer + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", ""},
		"later":              {okAnswer, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"},
		"single byte":        {okAnswer, "H"},
		"behind chunks":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "x"},
		"behind chunks too":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n0\r\n\r\n", ""},
		"behind 204":         {"HTTP/1.1 204 No Content\r\n\r\n5\r\nhello\r\n", ""},
		"behind 304":         {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "hello"},
		"request to come on": {okAnswer, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spoken := make(chan struct{})
			next := make(chan struct{})
			u := serve(t, "tcp", func(p *peer) {
				p.request()
				if p.n > 1 {
					p.say(okAnswer)
					return
				}
				p.say(tc.first)
				<-next
				p.say(tc.later)
				close(spoken)
				_, _, ok := p.request()
				assert.False(t, ok, "nothing is sent on this connection")
			})
			rt := transport(t, u, http1.Options{})
			require.NoError(t, roundTrip(rt, get(t, "http://upstream/")).err)
			close(next)
			<-spoken
			got := roundTrip(rt, request(t, http.MethodPost, "http://upstream/", stream("x")))
			require.NoError(t, got.err)
			assert.Equal(t, "ok", got.body)
			assert.EqualValues(t, 2, u.conns.Load())
		})
	}
}

// lossy answers the first request on a connection; when a second has come, it closes
// the first two connections without a word.
func lossy(t *testing.T, seen *sync.Map, partial string) *upstream {
	t.Helper()
	return serve(t, "tcp", func(p *peer) {
		for n := 1; ; n++ {
			_, body, ok := p.request()
			if !ok {
				return
			}
			if n > 1 {
				p.say(partial)
				return
			}
			seen.Store(p.n, string(body))
			p.say(okAnswer)
		}
	})
}

func TestRetryOfLostRequest(t *testing.T) {
	t.Parallel()
	rewindable := func(s string) io.Reader { return strings.NewReader(s) }
	large := strings.Repeat("b", 100_000)
	for _, tc := range []struct {
		name, method string
		body         io.Reader
		header       http.Header
		partial      string
		again        bool
	}{
		{name: "get", method: http.MethodGet, again: true},
		{name: "head", method: http.MethodHead, again: true},
		{name: "get with a part of an answer", method: http.MethodGet, partial: "H"},
		{name: "get with an informational answer", method: http.MethodGet, partial: "HTTP/1.1 102 Processing\r\n\r\n"},
		{name: "delete", method: http.MethodDelete},
		{name: "post", method: http.MethodPost},
		{name: "post with a body", method: http.MethodPost, body: rewindable("b")},
		{name: "post with a key", method: http.MethodPost, header: http.Header{"Idempotency-Key": {"k"}}, again: true},
		{name: "post with a key and a body", method: http.MethodPost, body: rewindable("b"), header: http.Header{"X-Idempotency-Key": {"k"}}, again: true},
		{name: "post with a key and a large body", method: http.MethodPost, body: rewindable(large), header: http.Header{"Idempotency-Key": {"k"}}, again: true},
		{name: "post with a key and a body to be read once", method: http.MethodPost, body: stream("b"), header: http.Header{"Idempotency-Key": {"k"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var seen sync.Map
			u := lossy(t, &seen, tc.partial)
			rt := transport(t, u, http1.Options{})
			require.NoError(t, roundTrip(rt, get(t, "http://upstream/")).err)
			req := request(t, tc.method, "http://upstream/", tc.body)
			for name, values := range tc.header {
				req.Header[name] = values
			}
			got := roundTrip(rt, req)
			_, came := seen.Load(2)
			assert.Equal(t, tc.again, came)
			if !tc.again {
				require.Error(t, got.err)
				return
			}
			require.NoError(t, got.err)
			if req.ContentLength > 0 {
				body, _ := seen.Load(2)
				assert.Len(t, body, int(req.ContentLength))
			}
		})
	}
}

func TestNewConnectionIsNotRetried(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, connect func(*upstream) http.RoundTripper) {
		u := serve(t, "tcp", func(p *peer) { p.request() })
		got := roundTrip(connect(u), get(t, "http://upstream/"))
		require.Error(t, got.err)
		assert.EqualValues(t, 1, u.conns.Load())
	})
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	u := serve(t, "unix", func(p *peer) {
		for {
			if _, _, ok := p.request(); !ok {
				return
			}
			p.say(okAnswer)
		}
	})
	rt := http1.New(http1.Options{Dial: dialer("unix", u.addr)})
	defer rt.CloseIdleConnections()
	for range 3 {
		got := roundTrip(rt, get(t, "http://upstream/"))
		require.NoError(t, got.err)
		assert.Equal(t, "ok", got.body)
	}
	assert.EqualValues(t, 1, u.conns.Load())
}

func TestCloseBeforeTheEndClosesTheConnection(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	u := serve(t, "tcp", func(p *peer) {
		p.request()
		p.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
		if p.n == 1 {
			p.request()
			close(over)
		}
	})
	rt := transport(t, u, http1.Options{})
	res, err := rt.RoundTrip(get(t, "http://upstream/"))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	<-over
	_, err = res.Body.Read(make([]byte, 1))
	require.Error(t, err)
	require.NotErrorIs(t, err, io.EOF)
	require.NoError(t, res.Body.Close())
}

// A body that was read to its end has nothing to do any more with the connection,
// which may be somebody else's by then.
func TestBodyAfterItsEnd(t *testing.T) {
	t.Parallel()
	u := answering(t, okAnswer)
	rt := transport(t, u, http1.Options{})
	res, err := rt.RoundTrip(get(t, "http://upstream/"))
	require.NoError(t, err)
	p := make([]byte, 2)
	n, err := res.Body.Read(p)
	assert.Equal(t, 2, n)
	require.ErrorIs(t, err, io.EOF, "the end comes with the last bytes")

	other, err := rt.RoundTrip(get(t, "http://upstream/"))
	require.NoError(t, err)
	_, err = res.Body.Read(p)
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, res.Body.Close())
	got, err := io.ReadAll(other.Body)
	require.NoError(t, err)
	assert.Equal(t, "ok", string(got))
	require.NoError(t, other.Body.Close())
	assert.EqualValues(t, 1, u.conns.Load())
}

func TestWriteTo(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("0123456789", 10_000)
	for name, answer := range map[string]string{
		"buffered":    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789",
		"long":        "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + long,
		"chunked":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n0\r\n\r\n",
		"until close": "HTTP/1.1 200 OK\r\n\r\n" + long,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := serve(t, "tcp", func(p *peer) {
				for {
					if _, _, ok := p.request(); !ok {
						return
					}
					p.say(answer)
					if name == "until close" {
						return
					}
				}
			})
			rt := transport(t, u, http1.Options{})
			for range 2 {
				res, err := rt.RoundTrip(get(t, "http://upstream/"))
				require.NoError(t, err)
				var sb strings.Builder
				n, err := res.Body.(io.WriterTo).WriteTo(&sb)
				require.NoError(t, err)
				assert.EqualValues(t, sb.Len(), n)
				assert.Equal(t, long[:sb.Len()], sb.String())
				assert.GreaterOrEqual(t, sb.Len(), 10)
				n, err = res.Body.(io.WriterTo).WriteTo(&sb)
				require.NoError(t, err)
				assert.Zero(t, n)
				require.NoError(t, res.Body.Close())
			}
			if name != "until close" {
				assert.EqualValues(t, 1, u.conns.Load())
			}
		})
	}
}

// Many callers, each with a response of its own: none may get another's.
func TestAnswersAreNotMixedUp(t *testing.T) {
	t.Parallel()
	u := serve(t, "tcp", func(p *peer) {
		for n := 0; ; n++ {
			req, _, ok := p.request()
			if !ok || n == 50 { // now and then without a word
				return
			}
			id := req.URL.Query().Get("id")
			p.say("HTTP/1.1 200 OK\r\nX-Id: " + id + "\r\nTransfer-Encoding: chunked\r\n\r\n" + "8\r\n" + id + "\r\n0\r\n\r\n")
		}
	})
	rt := transport(t, u, http1.Options{MaxIdle: 4})
	var wg sync.WaitGroup
	for caller := range 16 {
		wg.Go(func() {
			for n := range 100 {
				id := string([]byte{'a' + byte(caller), '-', 'x', 'y', '0' + byte(n/100), '0' + byte(n/10%10), '0' + byte(n%10), '.'})
				got := roundTrip(rt, get(t, "http://upstream/?id="+id))
				if !assert.NoError(t, got.err) {
					return
				}
				assert.Equal(t, id, got.body)
				assert.Equal(t, id, got.header.Get("X-Id"))
			}
		})
	}
	wg.Wait()
}
