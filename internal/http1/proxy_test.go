package http1_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/http1"
)

// proxied serves a handler behind a reverse proxy over our transport, and over
// net/http's.
func proxied(t *testing.T, handler http.HandlerFunc, test func(t *testing.T, address string)) {
	t.Helper()
	for name, makeTransport := range map[string]func(u *upstream) http.RoundTripper{
		"http1":   func(u *upstream) http.RoundTripper { return transport(t, u, http1.Options{}) },
		"nethttp": func(u *upstream) http.RoundTripper { return reference(t, u) },
	} {
		t.Run(name, func(t *testing.T) {
			app := httptest.NewServer(handler)
			defer app.Close()
			rt := makeTransport(&upstream{addr: app.Listener.Addr().String()})
			proxy := httptest.NewServer(&httputil.ReverseProxy{
				Transport: rt,
				Rewrite: func(pr *httputil.ProxyRequest) {
					pr.SetURL(&url.URL{Scheme: "http", Host: "upstream"})
					pr.Out.Trailer = pr.In.Trailer
				},
				ErrorLog: log.New(io.Discard, "", 0),
			})
			defer proxy.Close()
			defer rt.(interface{ CloseIdleConnections() }).CloseIdleConnections()
			test(t, proxy.Listener.Addr().String())
		})
	}
}

// client speaks to a proxy by hand.
func client(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c, bufio.NewReader(c)
}

func TestProxyWebSocket(t *testing.T) {
	t.Parallel()
	proxied(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "websocket", r.Header.Get("Upgrade"))
		c, rw, err := w.(http.Hijacker).Hijack()
		if !assert.NoError(t, err) {
			return
		}
		defer c.Close()
		// The first frame comes together with the header.
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst\n")
		_ = rw.Flush()
		for {
			line, err := rw.ReadString('\n')
			if err != nil {
				return
			}
			_, _ = rw.WriteString("echo " + line)
			_ = rw.Flush()
		}
	}, func(t *testing.T, address string) {
		c, br := client(t, address)
		_, err := io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		require.NoError(t, err)
		res, err := http.ReadResponse(br, nil)
		require.NoError(t, err)
		assert.Equal(t, 101, res.StatusCode)
		for _, want := range []string{"first\n", "echo one\n", "echo two\n"} {
			if word, ok := strings.CutPrefix(want, "echo "); ok {
				_, err = io.WriteString(c, word)
				require.NoError(t, err)
			}
			line, err := br.ReadString('\n')
			require.NoError(t, err)
			assert.Equal(t, want, line)
		}
		c.Close()
	})
}

func TestProxyServerSentEvents(t *testing.T) {
	t.Parallel()
	seen := make(chan struct{})
	proxied(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for n := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", n)
			assert.NoError(t, http.NewResponseController(w).Flush())
			<-seen // the next is not sent before this has arrived
		}
		<-r.Context().Done() // the client leaves, and the proxy passes it on
	}, func(t *testing.T, address string) {
		c, br := client(t, address)
		_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		require.NoError(t, err)
		res, err := http.ReadResponse(br, nil)
		require.NoError(t, err)
		events := bufio.NewReader(res.Body)
		for n := range 3 {
			line, err := events.ReadString('\n')
			require.NoError(t, err)
			assert.Equal(t, fmt.Sprintf("data: %d\n", n), line)
			_, err = events.ReadString('\n')
			require.NoError(t, err)
			seen <- struct{}{}
		}
		c.Close()
	})
}

func TestProxyTrailers(t *testing.T) {
	t.Parallel()
	proxied(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		_, _ = w.Write(body)
		w.Header().Set("X-Sum", r.Trailer.Get("X-Sum"))
		w.Header().Set(http.TrailerPrefix+"X-More", "1")
	}, func(t *testing.T, address string) {
		c, br := client(t, address)
		_, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n")
		require.NoError(t, err)
		res, err := http.ReadResponse(br, nil)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		assert.Equal(t, "hello", string(body))
		assert.Equal(t, http.Header{"X-Sum": {"7"}, "X-More": {"1"}}, res.Trailer)
	})
}

func TestProxyContinueAndEarlyHints(t *testing.T) {
	t.Parallel()
	proxied(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		body, err := io.ReadAll(r.Body) // sends 100 Continue
		assert.NoError(t, err)
		w.Header().Set("X-Body", string(body))
	}, func(t *testing.T, address string) {
		var codes []int
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
				codes = append(codes, code)
				if code == http.StatusEarlyHints {
					assert.Equal(t, "</style.css>", header.Get("Link"))
				}
				return nil
			},
		})
		rt := reference(t, &upstream{addr: address})
		req := request(t, http.MethodPost, "http://proxy/", strings.NewReader("hello")).WithContext(ctx)
		req.Header.Set("Expect", "100-continue")
		got := roundTrip(rt, req)
		require.NoError(t, got.err)
		assert.Equal(t, "hello", got.header.Get("X-Body"))
		assert.Contains(t, codes, http.StatusContinue)
		assert.Contains(t, codes, http.StatusEarlyHints)
		rt.CloseIdleConnections()
	})
}

func TestProxyLargeBodiesBothWays(t *testing.T) {
	t.Parallel()
	proxied(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		_, _ = w.Write(body)
	}, func(t *testing.T, address string) {
		rt := reference(t, &upstream{addr: address})
		large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		for _, body := range []io.Reader{bytes.NewReader(large), stream(string(large))} {
			got := roundTrip(rt, request(t, http.MethodPost, "http://proxy/", body))
			require.NoError(t, got.err)
			require.NoError(t, got.bodyErr)
			assert.True(t, string(large) == got.body, "all of it, and nothing else")
		}
		rt.CloseIdleConnections()
	})
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, connect func(*upstream) http.RoundTripper) {
		u := serve(t, "tcp", func(p *peer) {
			p.request()
			p.say("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly")
			_, _ = io.Copy(p.Conn, p.Reader)
		})
		req := get(t, "http://upstream/")
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "echo")
		res, err := connect(u).RoundTrip(req)
		require.NoError(t, err)
		assert.Equal(t, "echo", res.Header.Get("Upgrade"))
		stream, ok := res.Body.(io.ReadWriteCloser)
		require.True(t, ok)
		_, err = io.WriteString(stream, " and late")
		require.NoError(t, err)
		require.NoError(t, stream.(interface{ CloseWrite() error }).CloseWrite())
		got, err := io.ReadAll(stream)
		require.NoError(t, err)
		assert.Equal(t, "early and late", string(got))
		require.NoError(t, stream.Close())
	})
}

func TestMalformedUpgrade(t *testing.T) {
	t.Parallel()
	const whole = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n"
	for name, answer := range map[string]string{
		"no connection header":                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\n",
		"no upgrade header":                   "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n",
		"no connection header in the request": whole,
		"body that is not sent":               whole,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := get(t, "http://upstream/")
			req.Header.Set("Connection", "Upgrade")
			req.Header.Set("Upgrade", "echo")
			switch name {
			case "no connection header in the request":
				req.Header.Del("Connection")
			case "body that is not sent":
				body, w := io.Pipe()
				defer w.Close()
				req.Method, req.Body, req.ContentLength = http.MethodPost, body, 5
				u := serve(t, "tcp", func(p *peer) {
					_, err := http.ReadRequest(p.Reader)
					assert.NoError(t, err)
					p.say(answer)
					_, _ = p.ReadByte()
				})
				require.Error(t, roundTrip(transport(t, u, http1.Options{}), req).err)
				return
			}
			require.Error(t, roundTrip(transport(t, answering(t, answer), http1.Options{}), req).err)
		})
	}
}
