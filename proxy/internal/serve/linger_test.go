package serve

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/certificate"
	"github.com/clerkgate/clerkgate/internal/test/certificatetest"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// refusing answers without a look at the body.
func refusing(w http.ResponseWriter, r *http.Request) {
	answer.RefuseJSON(w, http.StatusUnauthorized, "signed_out", "")
}

// Clients that send all of an upload before they read an answer must not find the
// connection reset.
func TestRefusedUploadsCanReadWhy(t *testing.T) {
	t.Parallel()
	const size = 20 << 20
	authority := certificatetest.New(t)
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		limits  func(*Limits)
		framing string
		want    int
	}{
		"unread":         {refusing, nil, "Content-Length: 20971520\r\n\r\n", 401},
		"unread chunks":  {refusing, nil, "Transfer-Encoding: chunked\r\n\r\n1400000\r\n", 401},
		"declared":       {upload, func(l *Limits) { l.MaxBodyBytes = 1 << 20 }, "Content-Length: 20971520\r\n\r\n", 413},
		"chunked":        {upload, func(l *Limits) { l.MaxBodyBytes = 1 << 20 }, "Transfer-Encoding: chunked\r\n\r\n1400000\r\n", 413},
		"malformed":      {upload, nil, "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
		"header too big": {upload, nil, "X: " + strings.Repeat("x", 100_000) + "\r\nContent-Length: 20971520\r\n\r\n", 431},
	} {
		for _, secure := range []bool{false, true} {
			if secure && test.want == http.StatusRequestHeaderFieldsTooLarge {
				continue // net/http's own answer, and its end of TLS tells nothing
			}
			t.Run(name+map[bool]string{true: " over TLS"}[secure], func(t *testing.T) {
				t.Parallel()
				r := run(t, test.handler, func(o *Options) {
					if test.limits != nil {
						test.limits(&o.Limits)
					}
					if secure {
						o.Certificate = pair(t, authority)
					}
				})
				var conn net.Conn = r.dial(t)
				if secure {
					conn = tls.Client(conn, &tls.Config{RootCAs: authority.Pool(), ServerName: "one"})
				}
				_, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\n"+test.framing)
				require.NoError(t, err)
				for range size >> 20 {
					_, err = conn.Write(make([]byte, 1<<20))
					require.NoError(t, err)
				}
				<-time.After(600 * time.Millisecond) // longer than net/http waits before it closes
				res, _ := readAnswer(t, bufio.NewReader(conn))
				assert.Equal(t, test.want, res.StatusCode)
				r.stop()
				require.NoError(t, <-r.done)
			})
		}
	}
}

// pair is a certificate for the server name one.
func pair(t testing.TB, authority *certificatetest.Authority) *certificate.Pair {
	t.Helper()
	cert, key := authority.Issue(t, "one")
	certFile, keyFile := filepath.Join(t.TempDir(), "tls.crt"), filepath.Join(t.TempDir(), "tls.key")
	require.NoError(t, os.WriteFile(certFile, cert, 0o600))
	require.NoError(t, os.WriteFile(keyFile, key, 0o600))
	p, err := certificate.Load(certificate.Options{CertificateFile: certFile, KeyFile: keyFile})
	require.NoError(t, err)
	return p
}

// silent is a connection in memory that can be half-closed, without telling.
type silent struct{ net.Conn }

func (silent) CloseWrite() error { return nil }

func TestLingeringIsBounded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		pause time.Duration // between two writes
		size  int           // of one
		want  time.Duration
	}{
		"nothing comes":          {time.Hour, 1, lingerIdle},
		"a little all the time":  {time.Second, 1, lingerTime},
		"much all the time":      {time.Millisecond, 1 << 20, 64 * time.Millisecond},
		"less than often enough": {lingerIdle + time.Second, 1, lingerIdle},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				public := newPipes()
				l := newBoundedListener(public, time.Minute, newPlaces(1))
				defer l.Close()
				client, server := net.Pipe()
				go func() { public.conns <- silent{server} }()
				conn, err := l.Accept()
				require.NoError(t, err)
				closed := make(chan struct{})
				go func() {
					for {
						select {
						case <-closed:
							return
						case <-time.After(test.pause):
						}
						if _, err := client.Write(make([]byte, test.size)); err != nil {
							return
						}
					}
				}()
				start := time.Now()
				conn.(*boundedConn).lingers.Store(true)
				require.NoError(t, conn.Close())
				close(closed)
				assert.InDelta(t, test.want, time.Since(start), float64(10*time.Millisecond))
				assert.Empty(t, l.places, "its place is free")
			})
		})
	}
}

func TestShutdownDoesNotLinger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		public := newPipes()
		l := newBoundedListener(public, time.Minute, nil)
		client, server := net.Pipe()
		defer client.Close()
		go func() { public.conns <- silent{server} }()
		conn, err := l.Accept()
		require.NoError(t, err)
		conn.(*boundedConn).lingers.Store(true)
		start, closed := time.Now(), make(chan struct{})
		go func() { assert.NoError(t, conn.Close()); close(closed) }()
		<-time.After(time.Second)
		require.NoError(t, l.Close())
		<-closed
		assert.Equal(t, time.Second, time.Since(start))
	})
}
