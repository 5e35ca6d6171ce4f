package forward_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/internal/forward"
)

// saying makes an Upstream whose application answers each request with said.
func saying(t testing.TB, said string, direct bool) *forward.Upstream {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					_, _ = io.WriteString(c, said)
				}
			}()
		}
	}()
	target, err := url.Parse("http://" + l.Addr().String())
	require.NoError(t, err)
	return upstream(t, target, direct)
}

// behind serves u's answers over a real connection and returns what a client of it
// reads, byte for byte.
func behind(t testing.TB, u *forward.Upstream, request string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.Forward(w, u.NewRequest(r, wire.NewFilter(nil, nil), false), &answer.Outcome{})
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, request)
	require.NoError(t, err)
	all, err := io.ReadAll(conn)
	require.NoError(t, err)
	return string(all)
}

// An upload that begins like HTML must not become a page.
func TestNoContentTypeIsInvented(t *testing.T) {
	over(t, func(t *testing.T, direct bool) {
		for _, framing := range []string{"Content-Length: 37\r\n\r\n", "Connection: close\r\n\r\n"} {
			u := saying(t, "HTTP/1.1 200 OK\r\nX-Content-Type-Options: nosniff\r\n"+framing+"<html><script>alert(1)</script></html>", direct)
			got := behind(t, u, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			assert.Contains(t, got, "<script>")
			assert.NotContains(t, got, "Content-Type:")
		}
	})
}

// RFC 9110, section 15.2.
func TestInformationalAnswersStayFromHTTP10(t *testing.T) {
	over(t, func(t *testing.T, direct bool) {
		for _, code := range []string{"100 Continue", "102 Processing", "103 Early Hints"} {
			said := "HTTP/1.1 " + code + "\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
			old := behind(t, saying(t, said, direct), "GET / HTTP/1.0\r\n\r\n")
			assert.Equal(t, 1, strings.Count(old, "HTTP/1."), old)
			assert.True(t, strings.HasSuffix(old, "ok"))
			current := behind(t, saying(t, said, direct), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			assert.True(t, strings.HasSuffix(current, "ok"))
			if code != "100 Continue" {
				assert.Contains(t, current, code)
			}
		}
	})
}

func TestEndlessInformationalAnswersEnd(t *testing.T) {
	over(t, func(t *testing.T, direct bool) {
		for _, code := range []string{"100 Continue", "103 Early Hints"} {
			got := behind(t, saying(t, strings.Repeat("HTTP/1.1 "+code+"\r\n\r\n", 2000), direct), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			assert.LessOrEqual(t, strings.Count(got, "HTTP/1.1 1"), 100)
			assert.Contains(t, got, "HTTP/1.1 502")
		}
	})
}

func TestMalformedAnswerIsToldFromAbsence(t *testing.T) {
	over(t, func(t *testing.T, direct bool) {
		u := saying(t, "HTTP/1.1 200 OK\r\nContent(Length): 5\r\nContent-Length\r\n\r\nhello", direct)
		w := httptest.NewRecorder()
		var o answer.Outcome
		in := httptest.NewRequest(http.MethodGet, "http://app.example.com/", nil)
		u.Forward(w, u.NewRequest(in, wire.NewFilter(nil, nil), false), &o)
		assert.Equal(t, http.StatusBadGateway, w.Code)
		assert.Contains(t, w.Body.String(), "upstream_answer_malformed")
		assert.ErrorContains(t, o.Err, "malformed")
	})
}
