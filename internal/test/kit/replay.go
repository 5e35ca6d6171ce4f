package kit

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Patience ends what would otherwise hang; nothing waits for it when all is well.
const Patience = 30 * time.Second

// Dial opens a TCP connection that ends with the test at the latest. What takes
// longer than [Patience] on it fails.
func Dial(t testing.TB, address string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(Patience)))
	return conn
}

// Refusing returns an address, host:port, that refuses connections until the test ends.
// It is a client's end of a connection: the port of a closed listener could be
// somebody else's in a moment.
func Refusing(t testing.TB) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return Dial(t, l.Addr().String()).LocalAddr().String()
}

// Raw writes a request as it is to an address and reads one response.
func Raw(t testing.TB, address, request string) Reply {
	t.Helper()
	conn := Dial(t, address)
	defer conn.Close()
	_, err := io.WriteString(conn, request)
	require.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: methodOf(request)})
	require.NoError(t, err)
	return read(t, res)
}

// Replay writes text as it is to a connection, one request or several, and reads
// responses until the connection ends. The error, never nil, says how it ended:
// [io.EOF] when the server closed it, be it in the middle of a response's head.
func Replay(conn net.Conn, text string) (replies []Reply, err error) {
	defer conn.Close()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.WriteString(conn, text) // a server may close before it has read everything
	}()
	defer func() { <-sent }()
	for r := bufio.NewReader(conn); ; {
		res, err := http.ReadResponse(r, &http.Request{Method: methodOf(text)})
		if errors.Is(err, io.ErrUnexpectedEOF) && r.Buffered() == 0 {
			err = io.EOF
		}
		if err != nil {
			return replies, err
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		replies = append(replies, Reply{res, string(body)})
		if err != nil {
			return replies, err
		}
	}
}

// methodOf is the method of the first request; a response to HEAD has no body.
func methodOf(request string) string {
	method, _, _ := strings.Cut(request, " ")
	return method
}
