package serve

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is wrong with a request is the client's fault: with a status of the 500s a
// stranger could ring its owner's alarm.
func TestMalformedRequestsAreTheClientsFault(t *testing.T) {
	t.Parallel()
	chunked := func(body string) string {
		return "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body
	}
	for name, test := range map[string]struct {
		request string
		want    int
	}{
		"no size of a chunk":             {chunked("zz\r\nabc\r\n0\r\n\r\n"), 400},
		"size of a chunk, negative":      {chunked("-3\r\nabc\r\n0\r\n\r\n"), 400},
		"size of a chunk, too large":     {chunked("ffffffffffffffffff\r\nabc"), 400},
		"chunk longer than it says":      {chunked("3\r\nabcdef\r\n0\r\n\r\n"), 400},
		"no trailer":                     {chunked("3\r\nabc\r\n0\r\nnot a trailer\r\n\r\n"), 400},
		"trailer without end":            {chunked("3\r\nabc\r\n0\r\nX: " + strings.Repeat("x", 10_000)), 400},
		"leading zero in Content-Length": {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 05\r\n\r\nabcde", 400},
		"zero of two digits":             {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 00\r\n\r\n", 400},
		"zero":                           {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 200},
		"URI too long":                   {"GET /" + strings.Repeat("x", 33_000) + " HTTP/1.1\r\nHost: x\r\nCookie: a=b\r\n\r\n", 414},
		"query too long":                 {"GET /?" + strings.Repeat("x", 33_000) + " HTTP/1.1\r\nHost: x\r\nCookie: a=b\r\n\r\n", 414},
		"long query, signed out":         {"GET /?" + strings.Repeat("x", 33_000) + " HTTP/1.1\r\nHost: x\r\n\r\n", 200},
		"long URI":                       {"GET /?" + strings.Repeat("x", 32_000) + " HTTP/1.1\r\nHost: x\r\n\r\n", 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				conn := inMemory(t, usual, upload).dial()
				defer conn.Close()
				go func() { _, _ = io.WriteString(conn, test.request) }()
				start, r := time.Now(), bufio.NewReader(conn)
				res, body := readAnswer(t, r)
				assert.Equal(t, test.want, res.StatusCode, body)
				assert.Less(t, time.Since(start), time.Second)
				if test.want != http.StatusOK {
					assert.True(t, res.Close, "what follows is no request")
					rest, err := io.ReadAll(r)
					require.NoError(t, err)
					assert.Empty(t, string(rest))
				}
			})
		})
	}
}

// A client that has no more to send is there to be told so.
func TestBodyThatEndsEarlyIsTheClientsFault(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n5\r\nabc"} {
		r := run(t, http.HandlerFunc(upload), nil)
		conn := r.dial(t)
		_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\n"+body)
		require.NoError(t, err)
		require.NoError(t, conn.(interface{ CloseWrite() error }).CloseWrite())
		res, _ := readAnswer(t, bufio.NewReader(conn))
		assert.Equal(t, http.StatusBadRequest, res.StatusCode)
		r.stop()
		require.NoError(t, <-r.done)
	}
}

// net/http looks at the method of a request over HTTP/1, not of one over HTTP/2.
func TestMalformedHTTP2RequestsAreTheClientsFault(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method, path string
		headers      []string
		want         string
	}{
		"method with a space":            {"GET /x", "/", nil, "400"},
		"odd method":                     {"PROP-FIND!", "/", nil, "200"},
		"leading zero in Content-Length": {"POST", "/", []string{"content-length", "05"}, "400"},
		"URI too long":                   {"GET", "/" + strings.Repeat("x", 33_000), []string{"authorization", "Bearer x"}, "414"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				conn := inMemory(t, usual, func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, "ok") }).dial()
				defer conn.Close()
				f := speakHTTP2(t, conn)
				require.NoError(t, f.splitRequest(1, f.fields(test.method, test.path, test.headers...)))
				assert.Equal(t, test.want, f.status(1))
			})
		})
	}
}
