package http1_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/clerkgate/clerkgate/internal/http1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// upstream is a server that does on each connection what the test says.
type upstream struct {
	addr  string
	conns atomic.Int32
}

// peer is the upstream's end of a connection.
type peer struct {
	net.Conn
	*bufio.Reader
	n int // the first connection is 1
}

func (p *peer) Read(b []byte) (int, error) { return p.Reader.Read(b) }

// request reads a request with its body; false at the end of the connection.
func (p *peer) request() (*http.Request, []byte, bool) {
	req, err := http.ReadRequest(p.Reader)
	if err != nil {
		return nil, nil, false
	}
	body, err := io.ReadAll(req.Body)
	return req, body, err == nil
}

func (p *peer) say(s string) { _, _ = io.WriteString(p.Conn, s) }

// serve starts an upstream. It ends with the test, when all connections have.
func serve(t testing.TB, network string, handle func(p *peer)) *upstream {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = t.TempDir() + "/s"
	}
	l, err := net.Listen(network, address)
	require.NoError(t, err)
	u := &upstream{addr: l.Addr().String()}
	var mu sync.Mutex
	var open []net.Conn
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			n := int(u.conns.Add(1))
			running.Go(func() {
				defer c.Close()
				handle(&peer{Conn: c, Reader: bufio.NewReader(c), n: n})
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return u
}

// answering is an upstream that gives each request on each connection this answer.
func answering(t testing.TB, answer string) *upstream {
	t.Helper()
	return serve(t, "tcp", func(p *peer) {
		for {
			if _, _, ok := p.request(); !ok {
				return
			}
			p.say(answer)
		}
	})
}

func dialer(network, addr string) func(ctx context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, network, addr) }
}

// transport makes ours for an upstream.
func transport(t testing.TB, u *upstream, opts http1.Options) *http1.Transport {
	t.Helper()
	opts.Dial = dialer("tcp", u.addr)
	tr := http1.New(opts)
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// reference makes net/http's.
func reference(t testing.TB, u *upstream) *http.Transport {
	t.Helper()
	tr := &http.Transport{
		DisableCompression:    true,
		ExpectContinueTimeout: time.Minute,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", u.addr)
		},
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// both runs a test over our transport and over net/http's.
func both(t *testing.T, test func(t *testing.T, connect func(u *upstream) http.RoundTripper)) {
	t.Helper()
	t.Run("http1", func(t *testing.T) {
		t.Parallel()
		test(t, func(u *upstream) http.RoundTripper {
			return transport(t, u, http1.Options{ExpectContinueTimeout: time.Minute})
		})
	})
	t.Run("nethttp", func(t *testing.T) {
		t.Parallel()
		test(t, func(u *upstream) http.RoundTripper { return reference(t, u) })
	})
}

func get(t testing.TB, url string) *http.Request { return request(t, http.MethodGet, url, nil) }

func request(t testing.TB, method, url string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	require.NoError(t, err)
	return req
}

// result is what a round trip gave.
type result struct {
	status  int
	header  http.Header
	body    string
	trailer http.Header
	close   bool
	length  int64
	err     error // of the round trip
	bodyErr error
}

func roundTrip(rt http.RoundTripper, req *http.Request) result {
	res, err := rt.RoundTrip(req)
	if err != nil {
		return result{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return result{res.StatusCode, res.Header, string(body), res.Trailer, res.Close, res.ContentLength, nil, err}
}
