package gateways

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// uploadSize is above the limit that nginx has by itself, 1 MiB, and above what a
// gateway keeps in memory.
const uploadSize = 5 << 20

// testUploads sends a large body in both framings, with and without a session.
func testUploads(t *testing.T, s *stack) {
	body := bytes.Repeat([]byte("0123456789abcdef"), uploadSize/16)
	sum := sha256.Sum256(body)
	cookies := s.signIn(t, jane, 0).CookieLine(s.origin)
	for _, chunked := range []bool{false, true} {
		t.Run(fmt.Sprintf("chunked %v", chunked), func(t *testing.T) {
			got := echoed(t, upload(t, s, "/upload?a=1", cookies, body, chunked))
			assert.Equal(t, hex.EncodeToString(sum[:]), got.Body)
			assert.Equal(t, s.clerk.Users()[0].ID, got.Header.Get("X-Clerk-User-Id"))

			got = echoed(t, upload(t, s, "/public", "", body, chunked))
			assert.Equal(t, hex.EncodeToString(sum[:]), got.Body)

			before := s.app.count()
			refused := upload(t, s, "/upload?a=1", "", body, chunked)
			assert.Equal(t, http.StatusUnauthorized, refused.StatusCode, refused.Text)
			assert.Contains(t, refused.Text, "authentication_invalid")
			assert.Equal(t, before, s.app.count())
		})
	}
}

// upload posts a body to the gateway.
func upload(t *testing.T, s *stack, path, cookies string, body []byte, chunked bool) kit.Reply {
	t.Helper()
	return post(t, s.address, s.origin, path, cookies, body, chunked)
}

// post posts a body to an address. The response is read beside the writing: a gateway that
// refuses need not wait for the rest.
func post(t *testing.T, address, origin, path, cookies string, body []byte, chunked bool) kit.Reply {
	t.Helper()
	conn := kit.Dial(t, address)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	framing := fmt.Sprintf("Content-Length: %d\r\n", len(body))
	if chunked {
		framing = "Transfer-Encoding: chunked\r\n"
	}
	_, err := io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: "+strings.TrimPrefix(origin, "http://")+"\r\n"+
		"Accept: application/json\r\nContent-Type: application/octet-stream\r\n"+framing+cookies+"\r\n")
	require.NoError(t, err)
	written := make(chan struct{})
	go func() {
		defer close(written)
		// What is refused early need not be read to its end.
		if !chunked {
			_, _ = conn.Write(body)
			return
		}
		w := httputil.NewChunkedWriter(conn)
		for part := body; len(part) > 0; part = part[min(len(part), 64<<10):] {
			_, _ = w.Write(part[:min(len(part), 64<<10)])
		}
		_ = w.Close()
		_, _ = io.WriteString(conn, "\r\n")
	}()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.NoError(t, conn.Close())
	<-written
	return kit.Reply{Response: res, Text: string(text)}
}
