//go:build unix

package http1

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reading is what a byte stream means as the response to a request.
type reading struct {
	status  string
	code    int
	proto   string
	header  http.Header
	body    string
	trailer http.Header
	coding  []string
	length  int64
	close   bool
	kept    bool // the connection may be used for a second request
}

// theirReading is net/http's: what its transport does with the stream, without the
// races between its goroutines. ok is false when it is an error.
func theirReading(req *http.Request, input []byte) (r reading, ok bool) {
	br := bufio.NewReaderSize(bytes.NewReader(input), len(input)+16)
	for {
		res, err := http.ReadResponse(br, req)
		if err != nil {
			return r, false
		}
		if res.StatusCode >= 100 && res.StatusCode <= 199 && res.StatusCode != http.StatusSwitchingProtocols {
			continue
		}
		if res.StatusCode == http.StatusSwitchingProtocols {
			return r, false // nobody asked for it
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return r, false
		}
		return reading{
			status: res.Status, code: res.StatusCode, proto: res.Proto, header: res.Header, body: string(body), trailer: res.Trailer,
			coding: res.TransferEncoding, length: res.ContentLength, close: res.Close, kept: !res.Close && br.Buffered() == 0,
		}, true
	}
}

// mended is input as it would be without the header lines that this package drops,
// and without the space that it removes; what it refuses does not matter.
func mended(input []byte) []byte {
	var out []byte
	inHead, first, skipping, status := true, true, false, ""
	for line := range bytes.Lines(input) {
		bare := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		switch name, _, colon := bytes.Cut(bare, []byte(":")); {
		case !inHead:
		case first:
			first, status = false, string(bare)
		case len(bare) == 0:
			informational := len(status) > 9 && status[9] == '1'
			inHead, first, skipping = informational, true, false
		case bare[0] == ' ' || bare[0] == '\t':
			if skipping {
				continue
			}
		default:
			_, token := canonical(string(bytes.TrimRight(name, " \t")))
			if skipping = !colon || !token; skipping {
				continue
			}
			line = append(bytes.TrimRight(bytes.Clone(name), " \t"), line[len(name):]...)
		}
		out = append(out, line...)
	}
	return out
}

// ourReading is that of a Transport whose upstream says input and nothing more.
func ourReading(t *testing.T, req *http.Request, input []byte) (reading, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	dials := 0
	upstream := os.NewFile(uintptr(fds[0]), "upstream")
	defer upstream.Close()
	file := os.NewFile(uintptr(fds[1]), "conn")
	nc, err := net.FileConn(file)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	tr := New(Options{Dial: func(context.Context) (net.Conn, error) {
		if dials++; dials > 1 {
			return nil, io.ErrClosedPipe
		}
		return nc, nil
	}})
	tr.pool.ticking = true // no sweeps
	defer tr.CloseIdleConnections()
	_, err = upstream.Write(input)
	require.NoError(t, err)
	require.NoError(t, syscall.Shutdown(fds[0], syscall.SHUT_WR))

	res, err := tr.RoundTrip(req)
	if err != nil {
		assert.Nil(t, res)
		assert.Empty(t, tr.pool.idle)
		return reading{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		assert.Empty(t, tr.pool.idle)
		return reading{}, err
	}
	r := reading{
		status: res.Status, code: res.StatusCode, proto: res.Proto, header: res.Header, body: string(body), trailer: res.Trailer,
		coding: res.TransferEncoding, length: res.ContentLength, close: res.Close,
	}
	if len(tr.pool.idle) > 0 {
		// What is not in the buffer is found before the next use.
		n, _ := nc.Read(make([]byte, 1))
		r.kept = n == 0
	}
	// Whatever is left of the stream must not answer a second request.
	_, err = tr.RoundTrip(req)
	assert.ErrorIs(t, err, io.ErrClosedPipe)
	return r, nil
}

// FuzzResponse holds this package's reading of any stream of bytes to net/http's:
// it is the same, but for header lines that are no HTTP, or an error.
func FuzzResponse(f *testing.F) {
	for _, head := range []string{
		"HTTP/1.1 200 OK\r\n", "HTTP/1.0 200 OK\r\n", "HTTP/1.1 200\r\n", "HTTP/1.1 204 No Content\r\n", "HTTP/1.1 304 Not Modified\r\n",
		"HTTP/1.1 101 Switching Protocols\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\n",
		"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n",
		"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n",
	} {
		for _, rest := range []string{
			"\r\n", "\r\nhello", "Content-Length: 5\r\n\r\nhello", "Content-Length: 5\r\n\r\nhell", "content-length: 005\r\n\r\nhello",
			"Content-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
			"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
			"Content-Length: 5, 5\r\n\r\nhello", "Content-Length: +5\r\n\r\nhello", "Content-Length : 5\r\n\r\nhello", "Content-Length:\r\n\r\n",
			"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
			"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0;c\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
			"Transfer-Encoding: chunked\r\nTrailer: X-A,, x-b\r\n\r\n5 \r\nhello\r\n00\r\nX-A: 1\r\nx-a: 2\r\nX-C: 3\r\n\r\n",
			"Transfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n0\r\nContent-Length: 5\r\n\r\n",
			"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 5\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n0\r\nX: 1\n\r\n",
			"Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5;\nhello\r\n0\r\n\r\n",
			"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nhello",
			"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
			"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
			"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding: chun\u212aed\r\n\r\n0\r\n\r\n", "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
			"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
			"Transfer\u2010Encoding: chunked\r\n\r\n0\r\n\r\n", "X: \rContent-Length: 5\r\n\r\nhello", "X: 1\n\nhello", "X\r\n\r\n", ": 1\r\n\r\n", "X Y: 1\r\n\r\n",
			" X: 1\r\n\r\n", "X: 1\r\n 2\r\n\r\n", "X: 1\x00\r\n\r\n", "Connection: close, x\r\nContent-Length: 0\r\n\r\n", "Connection: keep-alive\r\nContent-Length: 0\r\n\r\n",
			"Connection: clo\u017fe\r\nContent-Length: 0\r\n\r\n", "Pragma: no-cache\r\nContent-Length: 0\r\n\r\n", "Trailer: X\r\nContent-Length: 0\r\n\r\n",
			"set-cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\n\r\n", "Content-Length: 5000\r\n\r\n" + strings.Repeat("b", 5000) + "x",
			"X: " + strings.Repeat("h", 5000) + "\r\nContent-Length: 1\r\n\r\nb",
		} {
			f.Add(uint8(0), []byte(head+rest))
			f.Add(uint8(1), []byte(head+rest))
		}
	}
	f.Fuzz(func(t *testing.T, method uint8, input []byte) {
		if len(input) > 64<<10 { // more does not fit into the socket
			t.Skip()
		}
		methods := []string{http.MethodGet, http.MethodHead, http.MethodPost}
		req, err := http.NewRequestWithContext(t.Context(), methods[int(method)%len(methods)], "http://upstream/", nil)
		require.NoError(t, err)
		ours, err := ourReading(t, req, input)
		if err != nil {
			return
		}
		theirs, ok := theirReading(req, mended(input))
		require.True(t, ok, "read as %+v, by net/http not at all", ours)
		assert.Equal(t, theirs, ours)
	})
}

// TestPlainAnswersAreRead keeps FuzzResponse from being true because all is refused.
func TestPlainAnswersAreRead(t *testing.T) {
	t.Parallel()
	for _, input := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 200 OK\r\n\r\nhello", "HTTP/1.0 404\r\nServer: x\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nTrailer: X-A\r\n\r\n5\r\nhello\r\n0\r\nX-A: 1\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\nDate: now\r\n\r\n",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://upstream/", nil)
		require.NoError(t, err)
		ours, err := ourReading(t, req, []byte(input))
		require.NoError(t, err)
		theirs, ok := theirReading(req, []byte(input))
		require.True(t, ok)
		assert.Equal(t, theirs, ours)
	}
}
