package serve

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// upload reads a body as an upstream would, and answers when that fails.
func upload(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		if refused := r.Body.(*boundedBody).Failure(r.Context()); refused != nil {
			answer.RefuseJSON(w, refused.Status, refused.Code, refused.Message)
			return
		}
		answer.RefuseJSON(w, http.StatusBadGateway, "upstream_unavailable", "")
		return
	}
	_, _ = fmt.Fprintf(w, "%d bytes", n)
}

// ended waits for the server to close a connection and says how long that took.
func ended(t testing.TB, r io.Reader) time.Duration {
	t.Helper()
	start := time.Now()
	_, err := io.Copy(io.Discard, r)
	require.NoError(t, err)
	return time.Since(start)
}

func TestSlowHeaderEndsTheConnection(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]string{
		"nothing":                      "",
		"half a header":                "GET / HTTP/1.1\r\nHost: app.exa",
		"CVE-2026-56853, h2c":          "PRI * HT",
		"CVE-2026-56853, whole line":   "PRI * HTTP/2.0\r\n",
		"CVE-2026-56853, no last byte": http2.ClientPreface[:len(http2.ClientPreface)-1],
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := inMemory(t, usual, upload).dial()
				defer conn.Close()
				go func() { _, _ = io.WriteString(conn, begin) }()
				assert.Equal(t, usual.ReadHeaderTimeout, ended(t, conn))
			})
		})
	}
}

func TestIdleConnectionsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := inMemory(t, usual, upload)
		conn := s.dial()
		defer conn.Close()
		go func() { _, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") }()
		r := bufio.NewReader(conn)
		res, body := readAnswer(t, r)
		assert.Equal(t, 200, res.StatusCode, body)
		assert.Equal(t, usual.IdleTimeout, ended(t, r))

		h2 := s.dial()
		defer h2.Close()
		f, start := speakHTTP2(t, h2), time.Now()
		_, ok := f.until(func(e frameEvent) bool { return e.kind == http2.FrameGoAway })
		assert.True(t, ok)
		assert.Equal(t, usual.IdleTimeout, time.Since(start))
	})
}

// A body that stops coming.
func TestStalledBodyIsAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn := inMemory(t, usual, upload).dial()
		defer conn.Close()
		go func() {
			_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123")
		}()
		start, r := time.Now(), bufio.NewReader(conn)
		res, body := readAnswer(t, r)
		assert.Equal(t, http.StatusRequestTimeout, res.StatusCode)
		assert.Contains(t, body, "request_timeout")
		assert.True(t, res.Close)
		assert.GreaterOrEqual(t, time.Since(start), usual.BodyIdleTimeout)
		assert.LessOrEqual(t, time.Since(start), 2*usual.BodyIdleTimeout)
		assert.LessOrEqual(t, ended(t, r), time.Second)
	})
}

// CVE-2024-28869: a body is announced, and neither sent nor read by anyone.
func TestAnnouncedBodyDoesNotHoldTheConnection(t *testing.T) {
	t.Parallel()
	for _, fullDuplex := range []bool{false, true} {
		t.Run(fmt.Sprint("full duplex ", fullDuplex), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := inMemory(t, usual, func(w http.ResponseWriter, r *http.Request) {
					if fullDuplex {
						assert.NoError(t, http.NewResponseController(w).EnableFullDuplex())
					}
					answer.RefuseJSON(w, http.StatusUnauthorized, "signed_out", "")
				}).dial()
				defer conn.Close()
				go func() {
					_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
				}()
				start, r := time.Now(), bufio.NewReader(conn)
				res, _ := readAnswer(t, r)
				assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
				ended(t, r)
				assert.LessOrEqual(t, time.Since(start), 2*usual.BodyIdleTimeout)
			})
		})
	}
}

// Slow is not stalled, and a slow reader behind us is not the client's fault.
func TestSlowBodiesPass(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ client, reader time.Duration }{
		"slow client":   {50 * time.Second, 0},
		"slow upstream": {0, 10 * time.Minute},
	} {
		for _, version := range []string{"HTTP/1.1", "HTTP/2"} {
			t.Run(name+" "+version, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := inMemory(t, usual, func(w http.ResponseWriter, r *http.Request) {
						one := make([]byte, 1)
						for range 5 {
							<-time.After(test.reader)
							if _, err := r.Body.Read(one); err != nil && err != io.EOF {
								assert.NoError(t, err)
								return
							}
						}
						<-time.After(test.reader)
						upload(w, r)
					})
					conn := s.dial()
					defer conn.Close()
					if version == "HTTP/2" {
						f := speakHTTP2(t, conn)
						f.request(t, 1, "POST", "/", false)
						for i := range 10 {
							<-time.After(test.client)
							require.NoError(t, f.WriteData(1, i == 9, []byte("x")))
						}
						assert.Equal(t, "200", f.status(1))
						return
					}
					go func() {
						_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
						for range 10 {
							<-time.After(test.client)
							_, _ = io.WriteString(conn, "x")
						}
					}()
					res, _ := readAnswer(t, bufio.NewReader(conn))
					assert.Equal(t, 200, res.StatusCode)
				})
			})
		}
	}
}

// The deadline of a body must not end the answer that follows it.
func TestLongAnswerAfterABody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn := inMemory(t, usual, func(w http.ResponseWriter, r *http.Request) {
			_, err := io.Copy(io.Discard, r.Body)
			assert.NoError(t, err)
			<-time.After(usual.BodyIdleTimeout / 2)
			_, err = r.Body.Read(make([]byte, 1)) // as transports do, to be sure
			assert.Equal(t, io.EOF, err)
			select {
			case <-r.Context().Done():
				t.Error("the request was taken for cancelled")
			case <-time.After(time.Hour):
			}
			_, _ = io.WriteString(w, "done")
		}).dial()
		defer conn.Close()
		r := bufio.NewReader(conn)
		for range 2 {
			go func() {
				_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
			}()
			_, body := readAnswer(t, r)
			assert.Equal(t, "done", body)
		}
	})
}

func TestSlowReadersEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failed := make(chan time.Duration, 1)
		s := inMemory(t, usual, func(w http.ResponseWriter, _ *http.Request) {
			start, chunk := time.Now(), make([]byte, 32<<10)
			for {
				if _, err := w.Write(chunk); err != nil {
					failed <- time.Since(start)
					return
				}
			}
		})
		conn := s.dial()
		defer conn.Close()
		_, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		// Whoever takes a little now and then is served.
		for range 10 {
			_, err = io.ReadFull(conn, make([]byte, 100))
			require.NoError(t, err)
			<-time.After(usual.BodyIdleTimeout - time.Second)
		}
		took := <-failed
		assert.Greater(t, took, 9*usual.BodyIdleTimeout)
		assert.Less(t, took, 13*usual.BodyIdleTimeout)
	})
}

// A stream whose window is closed ends, and its connection goes on.
func TestClosedWindowEndsTheStream(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int{"large answer": 1 << 20, "answer that fits the server's buffer": 100} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := inMemory(t, usual, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/data" {
						_, _ = w.Write(make([]byte, size))
					}
				}).dial()
				defer conn.Close()
				f, start := speakHTTP2(t, conn, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}), time.Now()
				f.request(t, 1, "GET", "/data", true)
				reset, ok := f.until(func(e frameEvent) bool { return e.kind == http2.FrameRSTStream && e.stream == 1 })
				require.True(t, ok)
				assert.Equal(t, http2.ErrCodeInternal, reset.code)
				assert.Equal(t, usual.BodyIdleTimeout, time.Since(start))
				f.request(t, 3, "GET", "/", true)
				assert.Equal(t, "200", f.status(3))
			})
		})
	}
}

func TestStalledStreamIsAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		conn := inMemory(t, usual, upload).dial()
		defer conn.Close()
		f, start := speakHTTP2(t, conn), time.Now()
		f.request(t, 1, "POST", "/", false)
		require.NoError(t, f.WriteData(1, false, []byte("123")))
		assert.Equal(t, "408", f.status(1))
		assert.Equal(t, usual.BodyIdleTimeout, time.Since(start))
		f.request(t, 3, "POST", "/", true)
		assert.Equal(t, "200", f.status(3))
	})
}

func TestMaxBodyBytes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limits := usual
		limits.MaxBodyBytes = 10
		s := inMemory(t, limits, func(w http.ResponseWriter, r *http.Request) {
			got, err := io.ReadAll(r.Body)
			var tooLarge *http.MaxBytesError
			if errors.As(err, &tooLarge) {
				assert.Len(t, got, 10)
				http.Error(w, "", http.StatusRequestEntityTooLarge)
				return
			}
			assert.NoError(t, err)
			_, _ = fmt.Fprint(w, len(got))
		})
		for name, test := range map[string]struct {
			framing string
			status  int
		}{
			"declared":            {"Content-Length: 11\r\n\r\n", 413},
			"declared, whole":     {"Content-Length: 10\r\n\r\n0123456789", 200},
			"chunked":             {"Transfer-Encoding: chunked\r\n\r\n8\r\n01234567\r\n3\r\n890\r\n0\r\n\r\n", 413},
			"chunked, whole":      {"Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n", 200},
			"one chunk, too long": {"Transfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n", 413},
		} {
			conn := s.dial()
			go func() { _, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\n"+test.framing) }()
			res, _ := readAnswer(t, bufio.NewReader(conn))
			assert.Equal(t, test.status, res.StatusCode, name)
			assert.NoError(t, conn.Close())
		}
	})
}

// In full duplex net/http does not look at what became of the body. What follows
// a broken one must not be read as a request.
func TestBrokenBodyIsTheLastOfItsConnection(t *testing.T) {
	t.Parallel()
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	for name, rest := range map[string]string{
		"bad chunk":   "zz\r\n" + smuggled,
		"bad trailer": "0\r\nnot a header\r\n\r\n" + smuggled,
		"unread":      "2\r\nab\r\n0\r\n\r\n" + smuggled,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := inMemory(t, usual, func(w http.ResponseWriter, r *http.Request) {
					assert.NotEqual(t, "/smuggled", r.URL.Path)
					assert.NoError(t, http.NewResponseController(w).EnableFullDuplex())
					_, _ = io.ReadFull(r.Body, make([]byte, 3))
					_, _ = io.WriteString(w, "early")
					assert.NoError(t, http.NewResponseController(w).Flush())
					if name != "unread" {
						_, err := io.Copy(io.Discard, r.Body)
						assert.Error(t, err)
					}
				}).dial()
				defer conn.Close()
				go func() {
					_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"+rest)
				}()
				r := bufio.NewReader(conn)
				_, body := readAnswer(t, r)
				assert.Equal(t, "early", body)
				more, err := io.ReadAll(r)
				require.NoError(t, err)
				assert.Empty(t, string(more))
			})
		})
	}
}

// Each field and each cookie costs memory here and behind (CVE-2025-58186).
func TestFieldAndCookieFloods(t *testing.T) {
	t.Parallel()
	reached := 0
	l := Limit(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }), usual, nil)
	ask := func(h http.Header) int {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header = h
		rec := httptest.NewRecorder()
		l.ServeHTTP(rec, r)
		return rec.Code
	}
	many := make(http.Header)
	for i := range 257 {
		many.Set(fmt.Sprint("X-", i), "x")
	}
	assert.Equal(t, 431, ask(many))
	assert.Equal(t, 431, ask(http.Header{"X-Same": make([]string, 257)}))
	assert.Equal(t, 431, ask(http.Header{"Cookie": {strings.Repeat("a=;", 10_000)}}))
	assert.Equal(t, 431, ask(http.Header{"Cookie": {strings.Repeat("a=;", 300), strings.Repeat("b=;", 300)}}))
	assert.Zero(t, reached)
	delete(many, "X-0")
	assert.Equal(t, 200, ask(many))
	assert.Equal(t, 200, ask(http.Header{"Cookie": {strings.Repeat("a=; ", 200)}}))
	assert.Equal(t, 2, reached)
}

// The limits cost no allocation for ordinary requests.
func TestLimiterAllocatesNothing(t *testing.T) {
	l := Limit(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), usual, nil)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Body = http.NoBody
	r.Header = http.Header{"Accept": {"*/*"}, "Cookie": {"a=1; b=2"}, "User-Agent": {"x"}}
	assert.Zero(t, testing.AllocsPerRun(100, func() { l.ServeHTTP(nil, r) }))
}
