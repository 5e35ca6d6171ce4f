package http1_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/http1"
)

func TestUpload(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("0123456789", 50_000)
	for name, body := range map[string]io.Reader{
		"at rest":               strings.NewReader("hello"),
		"at rest, large":        strings.NewReader(large),
		"stream":                stream(large),
		"stream in small parts": io.NopCloser(iotestOneByte{strings.NewReader(large[:500])}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got [2]string
			u := serve(t, "tcp", func(p *peer) {
				for n := 0; ; n++ {
					_, body, ok := p.request()
					if !ok {
						return
					}
					got[n] = string(body)
					p.say(okAnswer)
				}
			})
			rt := transport(t, u, http1.Options{})
			want, err := io.ReadAll(body)
			require.NoError(t, err)
			for n := range 2 {
				var again io.Reader = strings.NewReader(string(want))
				if strings.HasPrefix(name, "stream") {
					again = stream(string(want))
				}
				require.NoError(t, roundTrip(rt, request(t, http.MethodPost, "http://upstream/", again)).err)
				assert.Equal(t, string(want), got[n])
			}
			assert.EqualValues(t, 1, u.conns.Load())
		})
	}
}

type iotestOneByte struct{ io.Reader }

func (r iotestOneByte) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(1, len(p))]) }

// A 413 comes while the body is still being sent, and is the response.
func TestEarlyAnswer(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, connect func(*upstream) http.RoundTripper) {
		over := newChannel(t)
		u := serve(t, "tcp", func(p *peer) {
			if p.n > 1 {
				p.request()
				p.say(okAnswer)
				return
			}
			_, err := http.ReadRequest(p.Reader) // not its body
			assert.NoError(t, err)
			p.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")
			<-over
		})
		rt := connect(u)
		body, w := io.Pipe()
		closed := newChannel(t)
		req := request(t, http.MethodPost, "http://upstream/", &onClose{body, func() { close(closed) }})
		req.ContentLength = 1 << 30
		got := roundTrip(rt, req)
		require.NoError(t, got.err)
		assert.Equal(t, 413, got.status)
		assert.Equal(t, "big", got.body)

		require.NoError(t, roundTrip(rt, get(t, "http://upstream/")).err)
		assert.EqualValues(t, 2, u.conns.Load(), "half a request is on the first connection")
		close(over)
		w.CloseWithError(errors.New("client gave up"))
		<-closed
	})
}

func newChannel(t *testing.T) chan struct{} {
	t.Helper()
	return make(chan struct{})
}

// The upstream refuses and hangs up; its response must not be lost to the error of
// writing.
func TestEarlyAnswerAndClose(t *testing.T) {
	t.Parallel()
	u := serve(t, "unix", func(p *peer) { // TCP may lose the answer to a reset
		_, err := http.ReadRequest(p.Reader)
		assert.NoError(t, err)
		p.say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
	})
	rt := http1.New(http1.Options{Dial: dialer("unix", u.addr)})
	defer rt.CloseIdleConnections()
	got := roundTrip(rt, request(t, http.MethodPost, "http://upstream/", stream(strings.Repeat("b", 10<<20))))
	require.NoError(t, got.err)
	assert.Equal(t, 413, got.status)
	assert.Equal(t, "big", got.body)
}

// Half a body must not look like a whole one.
func TestBodyThatFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("client gave up")
	for name, length := range map[string]int64{"length": 100, "chunked": -1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, connect func(*upstream) http.RoundTripper) {
				complete := newChannel(t)
				u := serve(t, "tcp", func(p *peer) {
					_, _, ok := p.request()
					assert.False(t, ok)
					close(complete)
				})
				body, w := io.Pipe()
				req := request(t, http.MethodPost, "http://upstream/", body)
				req.ContentLength = length
				go func() {
					_, _ = io.WriteString(w, "half")
					w.CloseWithError(broken)
				}()
				got := roundTrip(connect(u), req)
				require.ErrorIs(t, got.err, broken)
				<-complete
			})
		})
	}
}

func TestBodyOfAnotherLength(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"short": "hell", "long": "hello!"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, connect func(*upstream) http.RoundTripper) {
				u := serve(t, "tcp", func(p *peer) { p.request() })
				req := request(t, http.MethodPost, "http://upstream/", stream(body))
				req.ContentLength = 5
				require.Error(t, roundTrip(connect(u), req).err)
			})
		})
	}
}

func TestInvalidTrailerAtTheEnd(t *testing.T) {
	t.Parallel()
	u := serve(t, "tcp", func(p *peer) {
		_, _, ok := p.request()
		assert.False(t, ok)
	})
	req := request(t, http.MethodPost, "http://upstream/", nil)
	req.ContentLength, req.Trailer = -1, http.Header{"X-Sum": nil}
	req.Body = &atEOF{stream("hello"), func() { req.Trailer["X-Sum"] = []string{"1\r\nX: 2"} }}
	require.ErrorContains(t, roundTrip(transport(t, u, http1.Options{}), req).err, "trailer")
}

func TestExpectContinue(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, answer string
		sent         bool
		status       int
		continued    int
	}{
		{"continue", "HTTP/1.1 100 Continue\r\n\r\n", true, 200, 1},
		{"continue twice", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", true, 200, 1},
		{"hints, then continue", "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", true, 200, 1},
		{"refusal", "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", false, 401, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, connect func(*upstream) http.RoundTripper) {
				u := serve(t, "tcp", func(p *peer) {
					req, err := http.ReadRequest(p.Reader)
					if !assert.NoError(t, err) {
						return
					}
					assert.Zero(t, p.Buffered(), "the body has to wait")
					p.say(tc.answer)
					body, err := io.ReadAll(req.Body)
					if tc.sent {
						assert.NoError(t, err)
						assert.Equal(t, "hello", string(body))
						p.say(okAnswer)
					} else {
						assert.Empty(t, body)
					}
				})
				req := request(t, http.MethodPost, "http://upstream/", strings.NewReader("hello"))
				req.Header.Set("Expect", "100-continue")
				continued := 0
				req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{Got100Continue: func() { continued++ }}))
				got := roundTrip(connect(u), req)
				require.NoError(t, got.err)
				assert.Equal(t, tc.status, got.status)
				assert.Equal(t, tc.continued, continued)
			})
		})
	}
}

// A refused body is not sent, so that the connection must not be used again.
func TestRefusedBodyIsNotSent(t *testing.T) {
	t.Parallel()
	u := serve(t, "tcp", func(p *peer) {
		_, err := http.ReadRequest(p.Reader)
		assert.NoError(t, err)
		if p.n > 1 {
			p.say(okAnswer)
			return
		}
		p.say("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
		_, err = p.ReadByte()
		assert.ErrorIs(t, err, io.EOF)
	})
	rt := transport(t, u, http1.Options{ExpectContinueTimeout: time.Minute})
	req := request(t, http.MethodPost, "http://upstream/", stream("hello"))
	req.Header.Set("Expect", "100-continue")
	got := roundTrip(rt, req)
	require.NoError(t, got.err)
	assert.Equal(t, 401, got.status)
	require.NoError(t, roundTrip(rt, get(t, "http://upstream/")).err)
	assert.EqualValues(t, 2, u.conns.Load())
}

func TestInformationalAnswers(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, connect func(*upstream) http.RoundTripper) {
		u := answering(t, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\n"+okAnswer)
		rt := connect(u)
		stop := errors.New("enough")
		for _, limit := range []int{10, 1} {
			type informational struct {
				code   int
				header textproto.MIMEHeader
			}
			var got []informational
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				Got100Continue: func() { t.Error("no body waits for it") },
				Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
					got = append(got, informational{code, header})
					if len(got) == limit {
						return stop
					}
					return nil
				},
			})
			result := roundTrip(rt, get(t, "http://upstream/").WithContext(ctx))
			if limit == 1 {
				require.ErrorIs(t, result.err, stop)
				continue
			}
			require.NoError(t, result.err)
			assert.Equal(t, 200, result.status)
			assert.Equal(t, []informational{{100, textproto.MIMEHeader{}}, {103, textproto.MIMEHeader{"Link": {"</a>", "</b>"}}}}, got)
		}
	})
}
