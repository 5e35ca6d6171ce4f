package http1

import (
	"bufio"
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzRequest: whatever a request consists of, what is sent is one request with the
// same parts, or nothing.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "/a", "q=1", "app.example", "X-A", "1")
	f.Add("POST", "//evil/x", "", "[fe80::1%25en0]:80", "Content-Length", "0")
	f.Add("GET", "/a b", "a b", "a b", "transfer-encoding", "chunked")
	f.Add("G T", "/\r\n", "\r\nX: 1", "a\r\nX: 1", "X\r\nY", "1\r\nY: 2")
	f.Add("OPTIONS", "*", "#?", "", "Host", "evil")
	f.Add("PUT", "/%2f%", "%zz", "h:1", "Connection", "close, Content-Length")
	f.Fuzz(func(t *testing.T, method, path, query, host, name, value string) {
		req := &http.Request{
			Method: method, URL: &url.URL{Scheme: "http", Host: "upstream", Path: path, RawQuery: query}, Host: host,
			Header: http.Header{name: {value}},
		}
		cl := &call{}
		if cl.prepare(t.Context(), req) != nil {
			return
		}
		br := bufio.NewReader(bytes.NewReader(cl.out))
		got, err := http.ReadRequest(br)
		require.NoError(t, err, "%q", cl.out)
		assert.Zero(t, br.Buffered(), "one request, without a body: %q", cl.out)
		if method != "" {
			assert.Equal(t, method, got.Method)
		}
		target := req.URL.EscapedPath()
		if target == "" {
			target = "/"
		}
		if query != "" {
			target += "?" + query
		}
		assert.Equal(t, target, got.RequestURI)
		if host == "" {
			host = "upstream"
		}
		assert.Equal(t, withoutZone(host), got.Host)
		assert.Empty(t, got.TransferEncoding)
		assert.Zero(t, got.ContentLength)
		for sent, values := range got.Header {
			if sent != "Content-Length" {
				assert.Equal(t, http.CanonicalHeaderKey(name), sent)
				assert.Equal(t, []string{strings.Trim(value, " \t")}, values)
			}
		}
	})
}
