package http1_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/http1"
)

// The context ends while the upstream stands at different points of its response.
func TestCancel(t *testing.T) {
	t.Parallel()
	pipe := func(t *testing.T) io.ReadCloser {
		r, w := io.Pipe()
		t.Cleanup(func() { w.Close() })
		return r
	}
	for _, tc := range []struct {
		name   string
		answer string
		body   func(t *testing.T) io.ReadCloser
		header http.Header
		inBody bool
	}{
		{name: "before the answer"},
		{name: "in the header", answer: "HTTP/1.1 200 OK\r\nContent-"},
		{name: "behind an informational answer", answer: "HTTP/1.1 103 Early Hints\r\n\r\n"},
		{name: "while the body is sent", body: pipe},
		{name: "while the body waits", body: pipe, header: http.Header{"Expect": {"100-continue"}}},
		{name: "in the body", answer: "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello", inBody: true},
		{name: "in a chunk", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello", inBody: true},
		{name: "between chunks", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", inBody: true},
		{name: "in a body without an end", answer: "HTTP/1.1 200 OK\r\n\r\nhello", inBody: true},
		{name: "in the body, with another still sent", body: pipe, answer: "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello", inBody: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, connect func(*upstream) http.RoundTripper) {
				reached, over := newChannel(t), newChannel(t)
				u := serve(t, "tcp", func(p *peer) {
					_, err := http.ReadRequest(p.Reader)
					assert.NoError(t, err)
					p.say(tc.answer)
					close(reached)
					_, err = p.ReadByte()
					assert.Error(t, err, "the connection is closed")
					close(over)
				})
				reason := errors.New("client gave up")
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				req := get(t, "http://upstream/").WithContext(ctx)
				if tc.body != nil {
					req.Method, req.Body, req.ContentLength = http.MethodPost, tc.body(t), 100
				}
				for name, values := range tc.header {
					req.Header[name] = values
				}
				if !tc.inBody {
					go func() { <-reached; cancel(reason) }()
				}
				rt := connect(u)
				if _, theirs := rt.(*http.Transport); theirs && tc.body != nil && !tc.inBody {
					go func() { <-over; req.Body.Close() }() // net/http waits for it
				}
				res, err := rt.RoundTrip(req)
				if !tc.inBody {
					require.ErrorIs(t, err, reason)
				} else {
					require.NoError(t, err)
					defer res.Body.Close()
					_, err = io.ReadFull(res.Body, []byte("hello"))
					require.NoError(t, err)
					cancel(reason)
					_, err = io.ReadAll(res.Body)
					require.ErrorIs(t, err, reason)
				}
				if req.Body != nil {
					req.Body.Close() // as ReverseProxy does
				}
				<-over
			})
		})
	}
}

func TestCancelledBefore(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(io.ErrClosedPipe)
	closed := false
	req := request(t, http.MethodPost, "http://upstream/", &onClose{stream("x"), func() { closed = true }}).WithContext(ctx)
	_, err := http1.New(http1.Options{Dial: func(context.Context) (net.Conn, error) { return nil, errors.New("called") }}).RoundTrip(req)
	require.ErrorIs(t, err, io.ErrClosedPipe)
	assert.True(t, closed)
}

func TestDialFails(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	ctx, cancel := context.WithCancelCause(t.Context())
	rt := http1.New(http1.Options{Dial: func(ctx context.Context) (net.Conn, error) {
		if _, ok := ctx.Deadline(); ok {
			cancel(io.ErrClosedPipe)
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return nil, refused
	}})
	_, err := rt.RoundTrip(get(t, "http://upstream/"))
	require.ErrorIs(t, err, refused)
	late, stop := context.WithTimeout(ctx, time.Hour)
	defer stop()
	_, err = rt.RoundTrip(get(t, "http://upstream/").WithContext(late))
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

// The upstream reads nothing: the request gets stuck on its way.
func TestCancelWhileWriting(t *testing.T) {
	t.Parallel()
	over := newChannel(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	u := serve(t, "unix", func(p *peer) {
		_, err := p.ReadByte()
		assert.NoError(t, err)
		cancel(io.ErrClosedPipe)
		<-over
	})
	defer close(over)
	req := get(t, "http://upstream/").WithContext(ctx)
	req.Header.Set("X-Large", strings.Repeat("x", 1<<20))
	_, err := http1.New(http1.Options{Dial: dialer("unix", u.addr)}).RoundTrip(req)
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

// A request larger than the socket's buffer takes several turns.
func TestLargeRequest(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 1<<20)
	u := serve(t, "unix", func(p *peer) {
		for {
			req, _, ok := p.request()
			if !ok {
				return
			}
			assert.True(t, req.Header.Get("X-Large") == large)
			p.say(okAnswer)
		}
	})
	rt := http1.New(http1.Options{Dial: dialer("unix", u.addr)})
	defer rt.CloseIdleConnections()
	for range 2 {
		req := get(t, "http://upstream/")
		req.Header.Set("X-Large", large)
		got := roundTrip(rt, req)
		require.NoError(t, got.err)
		assert.Equal(t, "ok", got.body)
	}
	assert.EqualValues(t, 1, u.conns.Load())
}

func TestCloseWhileReading(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	u := serve(t, "tcp", func(p *peer) {
		p.request()
		p.say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
		_, _ = p.ReadByte()
		close(over)
	})
	res, err := transport(t, u, http1.Options{}).RoundTrip(get(t, "http://upstream/"))
	require.NoError(t, err)
	read := make(chan error)
	go func() {
		_, err := io.ReadAll(res.Body)
		read <- err
	}()
	require.NoError(t, res.Body.Close())
	require.Error(t, <-read)
	<-over
}

// inBubble runs a test on fake time. Pipes stand for the network there.
func inBubble(t *testing.T, opts http1.Options, handle func(c net.Conn, br *bufio.Reader), test func(t *testing.T, rt http.RoundTripper)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var handlers sync.WaitGroup
		opts.Dial = func(context.Context) (net.Conn, error) {
			ours, theirs := net.Pipe()
			handlers.Go(func() {
				defer theirs.Close()
				handle(theirs, bufio.NewReader(theirs))
			})
			return ours, nil
		}
		test(t, http1.New(opts))
		handlers.Wait() // every connection comes to an end
	})
}

func TestResponseHeaderTimeout(t *testing.T) {
	t.Parallel()
	const limit = time.Second
	for name, answer := range map[string][]string{
		"silence":               nil,
		"half a header":         {"HTTP/1.1 200 OK\r\n", "X-A: 1\r\n", "X-A: 1\r\n", "X-A: 1\r\n"},
		"informational answers": {"HTTP/1.1 102 Processing\r\n\r\n", "HTTP/1.1 102 Processing\r\n\r\n", "HTTP/1.1 102 Processing\r\n\r\n"},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(name+", "+method, func(t *testing.T) {
				t.Parallel()
				inBubble(t, http1.Options{ResponseHeaderTimeout: limit}, func(c net.Conn, br *bufio.Reader) {
					req, _ := http.ReadRequest(br)
					_, _ = io.Copy(io.Discard, req.Body)
					for _, part := range answer {
						time.Sleep(limit * 2 / 5)
						_, _ = io.WriteString(c, part)
					}
					_, _ = br.ReadByte()
				}, func(t *testing.T, rt http.RoundTripper) {
					start := time.Now()
					var body io.Reader
					upload := time.Duration(0)
					if method == http.MethodPost {
						upload = 10 * limit // does not count
						body = io.NopCloser(io.MultiReader(&after{upload}, strings.NewReader("x")))
					}
					_, err := rt.RoundTrip(request(t, method, "http://upstream/", body))
					var timeout net.Error
					require.ErrorAs(t, err, &timeout)
					assert.True(t, timeout.Timeout())
					require.ErrorIs(t, err, context.DeadlineExceeded)
					took := time.Since(start) - upload
					assert.GreaterOrEqual(t, took, limit)
					assert.Less(t, took, limit+50*time.Millisecond)
				})
			})
		}
	}
}

// after is nothing, after a while.
type after struct{ wait time.Duration }

func (a *after) Read([]byte) (int, error) { time.Sleep(a.wait); return 0, io.EOF }

// The time limit is for the header alone.
func TestSlowBodyIsNoTimeout(t *testing.T) {
	t.Parallel()
	for _, pause := range []time.Duration{0, 500 * time.Millisecond} { // before the header
		inBubble(t, http1.Options{ResponseHeaderTimeout: time.Second}, func(c net.Conn, br *bufio.Reader) {
			_, _ = http.ReadRequest(br)
			time.Sleep(pause)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
			time.Sleep(time.Hour)
			_, _ = io.WriteString(c, "world")
		}, func(t *testing.T, rt http.RoundTripper) {
			got := roundTrip(rt, get(t, "http://upstream/"))
			require.NoError(t, got.err)
			require.NoError(t, got.bodyErr)
			assert.Equal(t, "helloworld", got.body)
		})
	}
}

// Servers that do not know 100 Continue wait for the body.
func TestExpectContinueTimeout(t *testing.T) {
	t.Parallel()
	inBubble(t, http1.Options{ExpectContinueTimeout: 3 * time.Second}, func(c net.Conn, br *bufio.Reader) {
		req, _ := http.ReadRequest(br)
		body, _ := io.ReadAll(req.Body)
		assert.Equal(t, "hello", string(body))
		_, _ = io.WriteString(c, okAnswer)
	}, func(t *testing.T, rt http.RoundTripper) {
		start := time.Now()
		req := request(t, http.MethodPost, "http://upstream/", strings.NewReader("hello"))
		req.Header.Set("Expect", "100-continue")
		require.NoError(t, roundTrip(rt, req).err)
		assert.Equal(t, 3*time.Second, time.Since(start))
	})
}

// A body that may depend on the response is not waited for.
func TestGetWithSlowBody(t *testing.T) {
	t.Parallel()
	inBubble(t, http1.Options{}, func(c net.Conn, br *bufio.Reader) {
		req, _ := http.ReadRequest(br)
		assert.Equal(t, []string{"chunked"}, req.TransferEncoding)
		body, _ := io.ReadAll(req.Body)
		assert.Equal(t, "hello", string(body))
		_, _ = io.WriteString(c, okAnswer)
	}, func(t *testing.T, rt http.RoundTripper) {
		body := io.NopCloser(io.MultiReader(&after{time.Minute}, strings.NewReader("hello")))
		require.NoError(t, roundTrip(rt, request(t, http.MethodGet, "http://upstream/", body)).err)
	})
}

// Requests that are over in a moment cost no timer and no callback; those that last
// are cancelled as soon as their context ends.
func TestCancelInTime(t *testing.T) {
	t.Parallel()
	inBubble(t, http1.Options{}, func(_ net.Conn, br *bufio.Reader) {
		_, _ = http.ReadRequest(br)
		_, _ = br.ReadByte()
	}, func(t *testing.T, rt http.RoundTripper) {
		for wait, late := range map[time.Duration]time.Duration{time.Millisecond: 20 * time.Millisecond, time.Second: 0} {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), wait)
			_, err := rt.RoundTrip(get(t, "http://upstream/").WithContext(ctx))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.LessOrEqual(t, time.Since(start), wait+late)
			cancel()
		}
	})
}
