package proxy

import (
	"context"
	"io"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/certificatetest"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// never is a time that no test waits for.
const never = time.Hour

// /readyz says that the server is shutting down, while clients that still come are served.
func TestShutdownDelay(t *testing.T) {
	t.Parallel()
	hurry := make(chan os.Signal)
	r := runWith(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "served") }),
		RunOptions{Hurry: hurry}, func(c *settings.Config) {
			c.Policy, c.ShutdownDelay = settings.PolicyOptional, never
		})
	status, _ := fetch(t, "http://"+r.Admin.String()+"/readyz")
	require.Equal(t, http.StatusOK, status)
	r.stop()
	require.Eventually(t, func() bool {
		status, _ := fetch(t, "http://"+r.Admin.String()+"/readyz")
		return status == http.StatusServiceUnavailable
	}, 30*time.Second, time.Millisecond)
	for range 3 {
		client := over(t, nil, func(p *http.Protocols) { p.SetHTTP1(true) }) // each time over a new connection
		assert.Equal(t, http.StatusOK, visit(t, client, "http://"+r.Public.String()+"/").StatusCode)
	}
	hurry <- syscall.SIGTERM
	require.NoError(t, <-r.done)
}

// A WebSocket has as much time as a request in flight, and is then closed with status 1001.
func TestShutdownOfWebSockets(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			closed := make(chan error, 1)
			hurry := make(chan os.Signal)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			scheme := "http://"
			var authority *certificatetest.Authority
			r := runWith(t, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				conn, err := websocket.Accept(w, q, nil)
				if err != nil {
					closed <- err
					return
				}
				for {
					kind, message, err := conn.Read(ctx)
					if err != nil {
						closed <- err
						return
					}
					_ = conn.Write(ctx, kind, message)
				}
			}), RunOptions{Hurry: hurry}, func(c *settings.Config) {
				c.Policy, c.ShutdownTimeout = settings.PolicyOptional, never
				if secure {
					scheme, authority = "https://", certificatetest.New(t)
					c.TLSCertificateFile, c.TLSKeyFile = issued(t, authority, t.TempDir(), "app")
				}
			})
			client := over(t, authority, func(p *http.Protocols) { p.SetHTTP1(true) })
			conn, _, err := websocket.Dial(ctx, scheme+r.Public.String()+"/ws", &websocket.DialOptions{HTTPClient: client})
			require.NoError(t, err)
			defer func() { _ = conn.CloseNow() }()
			echoes := func(text string) {
				require.NoError(t, conn.Write(ctx, websocket.MessageText, []byte(text)))
				_, got, err := conn.Read(ctx)
				require.NoError(t, err)
				assert.Equal(t, text, string(got))
			}
			echoes("before")
			r.stop()
			require.Eventually(t, func() bool {
				status, _ := fetch(t, "http://"+r.Admin.String()+"/readyz")
				return status == http.StatusServiceUnavailable
			}, 30*time.Second, time.Millisecond)
			echoes("while it shuts down")
			hurry <- syscall.SIGTERM
			_, _, err = conn.Read(ctx)
			assert.Equal(t, websocket.StatusGoingAway, websocket.CloseStatus(err), "the client: %v", err)
			assert.Equal(t, websocket.StatusGoingAway, websocket.CloseStatus(<-closed), "the application")
			require.NoError(t, <-r.done)
		})
	}
}
