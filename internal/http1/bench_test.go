package http1_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/http1"
)

// rawUpstream answers each request that ends in an empty line with the same bytes.
// It costs little, so that the benchmark measures the transport.
func rawUpstream(b testing.TB, answer []byte) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
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
			}()
		}
	}()
	return l.Addr().String()
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

func BenchmarkRoundTrip(b *testing.B) {
	addr := rawUpstream(b, kilobyteAnswer())
	for name, rt := range transports(addr) {
		b.Run(name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/some/path?x=1", nil)
			require.NoError(b, err)
			req.Header.Set("Authorization", "Bearer "+strings.Repeat("t", 870))
			req.Header.Set("Accept", "*/*")
			req.Header.Set("Accept-Language", "en")
			req.Header.Set("User-Agent", "bench")
			req.Header.Set("X-Forwarded-For", "192.0.2.1")
			buf := make([]byte, 32<<10)
			b.ReportAllocs()
			for b.Loop() {
				res, err := rt.RoundTrip(req)
				if err != nil {
					b.Fatal(err)
				}
				for err == nil {
					_, err = res.Body.Read(buf)
				}
				if err != io.EOF {
					b.Fatal(err)
				}
				res.Body.Close()
			}
		})
	}
}

func BenchmarkReverseProxy(b *testing.B) {
	addr := rawUpstream(b, kilobyteAnswer())
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
