//go:build unix

package http1_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/http1"
)

// upstreamVariable makes the test binary an upstream for the benchmarks: in a process
// of its own its work does not count.
const upstreamVariable = "HTTP1_TEST_UPSTREAM"

func TestUpstreamProcess(t *testing.T) {
	t.Parallel()
	if os.Getenv(upstreamVariable) == "" {
		t.Skip("serves the benchmarks")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	fmt.Println(l.Addr())
	for {
		c, err := l.Accept()
		require.NoError(t, err)
		go answerAll(c, kilobyteAnswer())
	}
}

// answerAll answers whatever comes in one piece.
func answerAll(c net.Conn, answer []byte) {
	defer c.Close()
	buf := make([]byte, 8<<10)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

func benchUpstream(b *testing.B) (addr string) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=TestUpstreamProcess")
	cmd.Env = append(os.Environ(), upstreamVariable+"=1")
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	addr, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(b, err)
	return strings.TrimSpace(addr)
}

// cpu is the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func kilobyteAnswer() []byte {
	return []byte("HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Type: text/plain; charset=utf-8\r\n" +
		"Cache-Control: no-store\r\nX-Request-Id: 5f1c0a8e\r\nContent-Length: 1024\r\n\r\n" + strings.Repeat("x", 1024))
}

func transports(addr string) map[string]http.RoundTripper {
	dial := func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", addr)
	}
	return map[string]http.RoundTripper{
		"http1":   http1.New(http1.Options{Dial: dial}),
		"nethttp": &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 256},
	}
}

// TestAllocations holds what an ordinary round trip allocates: the response with its
// body, the header's map in two parts, and its text. Not parallel: all is counted.
func TestAllocations(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		c, err := l.Accept()
		if assert.NoError(t, err) {
			answerAll(c, kilobyteAnswer())
		}
	})
	defer serving.Wait()
	defer l.Close()
	rt := http1.New(http1.Options{Dial: dialer("tcp", l.Addr().String())})
	defer rt.CloseIdleConnections()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req := ordinaryRequest(t, ctx, l.Addr().String())
	buf := make([]byte, 32<<10)
	got := testing.AllocsPerRun(1000, func() {
		res, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = res.Body.Read(buf)
		}
		res.Body.Close()
	})
	assert.LessOrEqual(t, got, 6.0)
}

// BenchmarkRoundTrip has 32 callers for each processor, as a busy proxy has: alone, a
// caller pays for putting the processor to sleep and for waking it.
func BenchmarkRoundTrip(b *testing.B) {
	addr := benchUpstream(b)
	for name, rt := range transports(addr) {
		b.Run(name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			b.SetParallelism(32)
			b.ReportAllocs()
			start := cpu(b)
			b.RunParallel(func(pb *testing.PB) {
				req := ordinaryRequest(b, ctx, addr)
				buf := make([]byte, 32<<10)
				for pb.Next() {
					res, err := rt.RoundTrip(req)
					if err != nil {
						b.Error(err)
						return
					}
					for err == nil {
						_, err = res.Body.Read(buf)
					}
					if err != io.EOF {
						b.Error(err)
					}
					res.Body.Close()
				}
			})
			b.ReportMetric(float64(cpu(b)-start)/float64(b.N), "cpu-ns/op")
		})
	}
}

// ordinaryRequest has five headers, one of them a session token.
func ordinaryRequest(b testing.TB, ctx context.Context, addr string) *http.Request {
	b.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/some/path?x=1", nil)
	require.NoError(b, err)
	req.Header = http.Header{
		"Authorization":   {"Bearer " + strings.Repeat("t", 870)},
		"Accept":          {"*/*"},
		"Accept-Language": {"en"},
		"User-Agent":      {"bench"},
		"X-Forwarded-For": {"192.0.2.1"},
	}
	return req
}

func BenchmarkReverseProxy(b *testing.B) {
	addr := benchUpstream(b)
	for name, rt := range transports(addr) {
		b.Run(name, func(b *testing.B) {
			proxy := httptest.NewServer(&httputil.ReverseProxy{
				Transport: rt,
				Rewrite:   func(pr *httputil.ProxyRequest) { pr.SetURL(&url.URL{Scheme: "http", Host: addr}) },
			})
			defer proxy.Close()
			client, err := net.Dial("tcp", proxy.Listener.Addr().String())
			require.NoError(b, err)
			defer client.Close()
			request := []byte("GET / HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nUser-Agent: bench\r\n\r\n")
			buf := make([]byte, 32<<10)
			b.ReportAllocs()
			start := cpu(b)
			defer func() { b.ReportMetric(float64(cpu(b)-start)/float64(b.N), "cpu-ns/op") }()
			for b.Loop() {
				if _, err := client.Write(request); err != nil {
					b.Fatal(err)
				}
				if _, err := client.Read(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
