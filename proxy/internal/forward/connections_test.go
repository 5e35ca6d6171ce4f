package forward_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/internal/forward"
)

// connected is an application that counts its connections.
type connected struct {
	*httptest.Server
	opened, closed atomic.Int64
}

func newConnected(t *testing.T) *connected {
	t.Helper()
	c := &connected{}
	c.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	c.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			c.opened.Add(1)
		case http.StateClosed:
			c.closed.Add(1)
		}
	}
	c.Start()
	t.Cleanup(c.Close)
	return c
}

func (c *connected) upstream(t *testing.T, direct bool, change func(*forward.Options)) (get func()) {
	t.Helper()
	target, err := url.Parse(c.URL)
	require.NoError(t, err)
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	o := forward.Options{
		Target: target, Protocols: protocols, Direct: direct, ConnectTimeout: 10 * time.Second, ResponseTimeout: time.Minute,
		BodyIdleTimeout: time.Minute, IdleTimeout: time.Minute, Now: time.Now,
	}
	change(&o)
	u, err := forward.New(o)
	require.NoError(t, err)
	t.Cleanup(u.Close)
	return func() {
		t.Helper()
		w := httptest.NewRecorder()
		var out answer.Outcome
		u.Forward(w, u.NewRequest(httptest.NewRequest(http.MethodGet, "http://app.example.com/", nil), wire.NewFilter(nil, nil), false), &out)
		require.Equal(t, http.StatusOK, w.Code)
	}
}

// An application ends idle connections after a time of its own; what is closed here
// before that cannot meet a request on its way.
func TestIdleConnectionsAreClosedInTime(t *testing.T) {
	over(t, func(t *testing.T, direct bool) {
		app := newConnected(t)
		get := app.upstream(t, direct, func(o *forward.Options) { o.IdleTimeout = 20 * time.Millisecond })
		get()
		require.Eventually(t, func() bool { return app.closed.Load() == 1 }, 30*time.Second, 5*time.Millisecond)
		get()
		assert.Equal(t, int64(2), app.opened.Load())
	})
}

// A name that has come to stand for another address is followed, however busy the
// connections to the former one are.
func TestConnectionsOfTooGreatAnAge(t *testing.T) {
	over(t, func(t *testing.T, direct bool) {
		app := newConnected(t)
		var passed atomic.Int64 // on the clock, beside what really does
		get := app.upstream(t, direct, func(o *forward.Options) {
			o.MaxConnectionAge = time.Hour
			o.Now = func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
		})
		get()
		get()
		require.Equal(t, int64(1), app.opened.Load())
		passed.Store(int64(2 * time.Hour))
		require.Eventually(t, func() bool {
			get()
			return app.opened.Load() == 2 && app.closed.Load() == 1
		}, 30*time.Second, 5*time.Millisecond)
	})
}
