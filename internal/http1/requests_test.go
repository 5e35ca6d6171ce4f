package http1_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/http1"
)

// sent returns the bytes of a request as they arrive, header lines sorted.
func sent(t *testing.T, req *http.Request) (string, error) {
	t.Helper()
	got := make(chan string, 1)
	u := serve(t, "tcp", func(p *peer) {
		var raw bytes.Buffer
		p.Reader.Reset(io.TeeReader(p.Conn, &raw))
		if _, _, ok := p.request(); ok {
			got <- raw.String()
			p.say("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
		}
	})
	res, err := transport(t, u, http1.Options{}).RoundTrip(req)
	if err != nil {
		assert.Zero(t, u.conns.Load(), "an invalid request needs no connection")
		return "", err
	}
	res.Body.Close()
	head, body, _ := strings.Cut(<-got, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	slices.Sort(lines[1:])
	return strings.Join(lines, "\n") + "\n\n" + body, nil
}

func TestRequestAsSent(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(r *http.Request)
		want   string
	}{
		{"plain", func(*http.Request) {}, "GET /a%2Fb?q=%20x HTTP/1.1\nHost: upstream\n\n"},
		{"no method", func(r *http.Request) { r.Method = "" }, "GET /a%2Fb?q=%20x HTTP/1.1\nHost: upstream\n\n"},
		{"host", func(r *http.Request) { r.Host = "app.example:8080" }, "GET /a%2Fb?q=%20x HTTP/1.1\nHost: app.example:8080\n\n"},
		{"zone", func(r *http.Request) { r.Host = "[fe80::1%25eth0]:80" }, "GET /a%2Fb?q=%20x HTTP/1.1\nHost: [fe80::1]:80\n\n"},
		{"empty path", func(r *http.Request) { r.URL = &url.URL{Scheme: "http", Host: "h"} }, "GET / HTTP/1.1\nHost: upstream\n\n"},
		{"lone question mark", func(r *http.Request) { r.URL = &url.URL{Scheme: "http", Host: "h", Path: "/", ForceQuery: true} }, "GET /? HTTP/1.1\nHost: upstream\n\n"},
		{"asterisk", func(r *http.Request) {
			r.Method, r.URL = http.MethodOptions, &url.URL{Scheme: "http", Host: "h", Path: "*"}
		}, "OPTIONS * HTTP/1.1\nHost: upstream\n\n"},
		{"two slashes", func(r *http.Request) { r.URL = &url.URL{Scheme: "http", Host: "h", Path: "//evil/x"} }, "GET //evil/x HTTP/1.1\nHost: upstream\n\n"},
		{"fields", func(r *http.Request) {
			r.Header = http.Header{"X-A": {" 1 ", "2"}, "x-lower": {"\tb\x80"}, "User-Agent": {"me"}, "X-None": nil, "Te": {"trailers"}}
		}, "GET /a%2Fb?q=%20x HTTP/1.1\nHost: upstream\nTe: trailers\nUser-Agent: me\nX-A: 1\nX-A: 2\nx-lower: b\x80\n\n"},
		{"no user agent", func(r *http.Request) { r.Header["User-Agent"] = []string{""} }, "GET /a%2Fb?q=%20x HTTP/1.1\nHost: upstream\n\n"},
		{"framing fields are not passed", func(r *http.Request) {
			r.Header = http.Header{"Transfer-Encoding": {"chunked"}, "transfer-encoding": {"x"}, "Trailer": {"X"}, "Host": {"evil"}, "host": {"evil"}, "Content-Length": {"0"}}
		}, "GET /a%2Fb?q=%20x HTTP/1.1\nHost: upstream\n\n"},
		{"close", func(r *http.Request) { r.Close = true }, "GET /a%2Fb?q=%20x HTTP/1.1\nConnection: close\nHost: upstream\n\n"},
		{"close in the header", func(r *http.Request) { r.Close = true; r.Header.Set("Connection", "x, Close") }, "GET /a%2Fb?q=%20x HTTP/1.1\nConnection: x, Close\nHost: upstream\n\n"},
		{"post without a body", func(r *http.Request) { r.Method = "POST" }, "POST /a%2Fb?q=%20x HTTP/1.1\nContent-Length: 0\nHost: upstream\n\n"},
		{"post with NoBody", func(r *http.Request) { r.Method, r.Body = "POST", http.NoBody }, "POST /a%2Fb?q=%20x HTTP/1.1\nContent-Length: 0\nHost: upstream\n\n"},
		{"body of known length", func(r *http.Request) {
			r.Method, r.Body, r.ContentLength = "PUT", stream("hello"), 5
			r.Header.Set("Content-Length", "5")
		}, "PUT /a%2Fb?q=%20x HTTP/1.1\nContent-Length: 5\nHost: upstream\n\nhello"},
		{"body of unknown length", func(r *http.Request) { r.Method, r.Body, r.ContentLength = "POST", stream("hello"), -1 },
			"POST /a%2Fb?q=%20x HTTP/1.1\nHost: upstream\nTransfer-Encoding: chunked\n\n5\r\nhello\r\n0\r\n\r\n"},
		{"body without a length", func(r *http.Request) { r.Method, r.Body = "POST", stream("hello") },
			"POST /a%2Fb?q=%20x HTTP/1.1\nHost: upstream\nTransfer-Encoding: chunked\n\n5\r\nhello\r\n0\r\n\r\n"},
		{"empty body of unknown length", func(r *http.Request) { r.Method, r.Body, r.ContentLength = "POST", stream(""), -1 },
			"POST /a%2Fb?q=%20x HTTP/1.1\nHost: upstream\nTransfer-Encoding: chunked\n\n0\r\n\r\n"},
		{"get with a body", func(r *http.Request) { r.Body, r.ContentLength = stream("hello"), -1 },
			"GET /a%2Fb?q=%20x HTTP/1.1\nHost: upstream\nTransfer-Encoding: chunked\n\n1\r\nh\r\n4\r\nello\r\n0\r\n\r\n"},
		{"get with an empty body", func(r *http.Request) { r.Body, r.ContentLength = stream(""), -1 }, "GET /a%2Fb?q=%20x HTTP/1.1\nHost: upstream\n\n"},
		{"chunked was asked for", func(r *http.Request) {
			r.Method, r.Body, r.ContentLength, r.TransferEncoding = "POST", stream("hello"), 5, []string{"chunked"}
		}, "POST /a%2Fb?q=%20x HTTP/1.1\nHost: upstream\nTransfer-Encoding: chunked\n\n5\r\nhello\r\n0\r\n\r\n"},
		{"trailers", func(r *http.Request) {
			r.Method, r.ContentLength, r.Trailer = "POST", -1, http.Header{"X-Sum": nil, "X-None": nil}
			r.Body = &atEOF{stream("hello"), func() { r.Trailer["X-Sum"] = []string{"1"} }}
		}, "POST /a%2Fb?q=%20x HTTP/1.1\nHost: upstream\nTrailer: X-None,X-Sum\nTransfer-Encoding: chunked\n\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			req := get(t, "http://upstream/a%2Fb?q=%20x")
			tc.change(req)
			got, err := sent(t, req)
			require.NoError(t, err)
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestInvalidRequests(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(r *http.Request){
		"no URL":                  func(r *http.Request) { r.URL = nil },
		"no header":               func(r *http.Request) { r.Header = nil },
		"https":                   func(r *http.Request) { r.URL.Scheme = "https" },
		"no host":                 func(r *http.Request) { r.URL.Host = "" },
		"CONNECT":                 func(r *http.Request) { r.Method = http.MethodConnect },
		"method with a space":     func(r *http.Request) { r.Method = "GET /x HTTP/1.1\r\nX:" },
		"host with a line":        func(r *http.Request) { r.Host = "a\r\nX: 1" },
		"host with a slash":       func(r *http.Request) { r.Host = "a/b" },
		"host with a space":       func(r *http.Request) { r.Host = "a b" },
		"host beyond ASCII":       func(r *http.Request) { r.Host = "bücher.example" },
		"query with a space":      func(r *http.Request) { r.URL.RawQuery = "a b" },
		"query with a line":       func(r *http.Request) { r.URL.RawQuery = "a\r\nX: 1" },
		"opaque with a space":     func(r *http.Request) { r.URL.Opaque = "/a HTTP/1.1" },
		"path without a slash":    func(r *http.Request) { r.URL.Path = "a" },
		"name with a line":        func(r *http.Request) { r.Header["X\r\nY"] = []string{"1"} },
		"name with a colon":       func(r *http.Request) { r.Header["X:"] = []string{"1"} },
		"empty name":              func(r *http.Request) { r.Header[""] = []string{"1"} },
		"value with a line":       func(r *http.Request) { r.Header["X"] = []string{"1\r\nY: 2"} },
		"value with a line feed":  func(r *http.Request) { r.Header["X"] = []string{"12345678\nY: 2"} },
		"value with a return":     func(r *http.Request) { r.Header["X"] = []string{"1\rY: 2"} },
		"value with a null byte":  func(r *http.Request) { r.Header["X"] = []string{"1234\x00567890"} },
		"value with delete":       func(r *http.Request) { r.Header["X"] = []string{"1234567\x7f890"} },
		"line in a dropped field": func(r *http.Request) { r.Header["Trailer"] = []string{"1\r\nY: 2"} },
		"length without a body":   func(r *http.Request) { r.ContentLength = 5 },
		"other length":            func(r *http.Request) { r.Header.Set("Content-Length", "5") },
		"other length, lower case": func(r *http.Request) {
			r.Body, r.ContentLength, r.Method = stream("hello"), 5, "POST"
			r.Header["content-length"] = []string{"6"}
		},
		"length of a chunked body": func(r *http.Request) {
			r.Body, r.ContentLength, r.Method = stream("hello"), -1, "POST"
			r.Header.Set("Content-Length", "5")
		},
		"other coding":        func(r *http.Request) { r.TransferEncoding = []string{"gzip"} },
		"two codings":         func(r *http.Request) { r.TransferEncoding = []string{"gzip", "chunked"} },
		"trailer that frames": func(r *http.Request) { r.Trailer = http.Header{"content-length": {"1"}} },
		"trailer with a line": func(r *http.Request) { r.Trailer = http.Header{"X": {"1\r\nY: 2"}} },
		"trailer's name":      func(r *http.Request) { r.Trailer = http.Header{"X Y": {"1"}} },
		"body too long for GetBody": func(r *http.Request) {
			r.Method, r.Body, r.ContentLength = "POST", stream("hello!"), 5
			r.GetBody = func() (io.ReadCloser, error) { return stream("hello!"), nil }
		},
		"body too short for GetBody": func(r *http.Request) {
			r.Method, r.Body, r.ContentLength = "POST", stream("hell"), 5
			r.GetBody = func() (io.ReadCloser, error) { return stream("hell"), nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := get(t, "http://upstream/")
			change(req)
			var closed bool
			if req.Body != nil {
				req.Body = &onClose{req.Body, func() { closed = true }}
			}
			hadBody := req.Body != nil
			_, err := sent(t, req)
			require.Error(t, err)
			assert.Equal(t, hadBody, closed, "the body is closed")
		})
	}
}

func stream(s string) io.ReadCloser { return io.NopCloser(struct{ io.Reader }{strings.NewReader(s)}) }

// atEOF does something when the end of the body is read, as servers fill trailers.
type atEOF struct {
	io.ReadCloser
	do func()
}

func (b *atEOF) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.do()
	}
	return n, err
}

type onClose struct {
	io.ReadCloser
	do func()
}

func (b *onClose) Close() error { b.do(); return b.ReadCloser.Close() }
