package forward

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// absent refuses connections until its time has come.
type absent struct {
	until time.Time
	with  error
	tries int
}

func (a *absent) dial(context.Context, string, string) (net.Conn, error) {
	a.tries++
	if time.Now().Before(a.until) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", a.with)}
	}
	conn, _ := net.Pipe()
	return conn, nil
}

func TestRefusedConnectionIsTriedAgainForASecond(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		away time.Duration
		with error
		fail bool
		once bool
	}{
		"a restart":           {away: 300 * time.Millisecond, with: syscall.ECONNREFUSED},
		"a slow restart":      {away: 999 * time.Millisecond, with: syscall.ECONNREFUSED},
		"a socket file later": {away: 300 * time.Millisecond, with: syscall.ENOENT},
		"a full queue":        {away: 50 * time.Millisecond, with: syscall.EAGAIN},
		"gone":                {away: time.Hour, with: syscall.ECONNREFUSED, fail: true},
		"unreachable":         {away: time.Millisecond, with: syscall.EHOSTUNREACH, fail: true, once: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				a := &absent{until: start.Add(tc.away), with: tc.with}
				conn, err := redialing(a.dial)(t.Context(), "tcp", "upstream:80")
				assert.LessOrEqual(t, time.Since(start), redialFor)
				assert.Less(t, a.tries, 20)
				assert.Equal(t, tc.once, a.tries == 1)
				if tc.fail {
					require.ErrorIs(t, err, tc.with)
					return
				}
				require.NoError(t, err)
				assert.Less(t, time.Since(start), tc.away+redialMost)
				require.NoError(t, conn.Close())
			})
		})
	}
}

func TestRedialEndsWithTheRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("the client has gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(30*time.Millisecond, func() { cancel(gone) })
		a := &absent{until: time.Now().Add(time.Hour), with: syscall.ECONNREFUSED}
		start := time.Now()
		_, err := redialing(a.dial)(ctx, "tcp", "upstream:80")
		require.ErrorIs(t, err, gone)
		assert.Equal(t, 30*time.Millisecond, time.Since(start))
	})
}

// What the system says of a socket without a listener is what refused knows.
func TestRefusedBySystem(t *testing.T) {
	t.Parallel()
	_, err := new(net.Dialer).DialContext(t.Context(), "tcp", kit.Refusing(t))
	assert.True(t, refused(err), "%v", err)
	_, err = new(net.Dialer).DialContext(t.Context(), "unix", filepath.Join(t.TempDir(), "s"))
	assert.True(t, refused(err), "%v", err)
}

// An application that is away when the request comes, whatever the transport.
func TestUpstreamWaitsForAnApplicationThatRestarts(t *testing.T) {
	t.Parallel()
	for name, direct := range map[string]bool{"direct": true, "standard": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			socket := filepath.Join(t.TempDir(), "s")
			protocols := &http.Protocols{}
			protocols.SetHTTP1(true)
			u, err := New(Options{
				Target: &url.URL{Scheme: "unix", Path: socket}, Protocols: protocols, Direct: direct,
				ConnectTimeout: 10 * time.Second, ResponseTimeout: time.Minute, BodyIdleTimeout: time.Minute, Now: time.Now,
			})
			require.NoError(t, err)
			defer u.Close()
			app := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, "back")
			}), ReadHeaderTimeout: time.Minute}
			defer app.Close()
			time.AfterFunc(50*time.Millisecond, func() {
				if l, err := net.Listen("unix", socket); err == nil {
					_ = app.Serve(l)
				}
			})
			in := httptest.NewRequest(http.MethodPost, "http://app.example.com/", strings.NewReader("once"))
			w := httptest.NewRecorder()
			var o answer.Outcome
			u.Forward(w, u.NewRequest(in, wire.NewFilter(nil, nil), false), &o)
			require.NoError(t, o.Err)
			assert.Equal(t, "back", w.Body.String())
		})
	}
}
