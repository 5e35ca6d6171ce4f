package proxy

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// eventually is for what happens within moments, on a machine that may be busy.
const eventually, often = time.Minute, 5 * time.Millisecond

// lateApp is an application that listens when it is told to. change makes a Config lead to
// it, with every path public.
type lateApp struct {
	path     string
	accepted atomic.Int64
}

func newLateApp(t testing.TB) *lateApp { return &lateApp{path: filepath.Join(t.TempDir(), "app.sock")} }

func (a *lateApp) change(c *settings.Config) {
	c.Upstream, c.Policy = &url.URL{Scheme: "unix", Path: a.path}, settings.PolicyOptional
}

// listen returns once the application accepts connections; stop ends it.
func (a *lateApp) listen(t testing.TB) (stop func()) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", a.path)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("here")) }))
	require.NoError(t, server.Listener.Close())
	server.Listener = l
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			a.accepted.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return server.Close
}

// shiftedClock is the system's clock, put forward.
type shiftedClock struct{ by atomic.Int64 }

func (c *shiftedClock) now() time.Time           { return time.Now().Add(time.Duration(c.by.Load())) }
func (c *shiftedClock) forward(by time.Duration) { c.by.Add(int64(by)) }
func (r *running) ready(t testing.TB) (int, string) {
	return fetch(t, "http://"+r.Admin.String()+"/readyz")
}

func (r *running) ends(t testing.TB) {
	r.stop()
	require.NoError(t, <-r.done)
}

func TestStartWaitsForTheApplication(t *testing.T) {
	t.Parallel()
	app, log := newLateApp(t), &kit.Buffer{}
	r := runWith(t, http.NotFoundHandler(), RunOptions{Logger: testLogger(log)}, func(c *settings.Config) {
		app.change(c)
		c.UpstreamWait = time.Hour
	})
	at := "http://" + r.Public.String() + "/"
	token := sessionToken(t, map[string]any{"iss": "https://mock-emulator-13.clerk.accounts.dev"})
	for name, test := range map[string]struct {
		method, accept, says, refresh string
	}{
		"program":        {"GET", "application/json", `{"errors":[{"code":"upstream_starting",`, ""},
		"person":         {"GET", "text/html", "This page reloads itself.", "2"},
		"person, a form": {"POST", "text/html", "what you sent was not accepted", ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), test.method, at, nil)
		require.NoError(t, err)
		req.Header.Set("Accept", test.accept)
		req.Header.Set("Authorization", "Bearer "+token)
		res, body := send(t, req)
		assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode, name)
		assert.Equal(t, "2", res.Header.Get("Retry-After"), name)
		assert.Equal(t, "no-store", res.Header.Get("Cache-Control"), name)
		assert.Equal(t, test.refresh, res.Header.Get("Refresh"), name)
		assert.Contains(t, body, test.says, name)
	}
	status, body := r.ready(t)
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.Contains(t, body, `"status":"unready"`)
	assert.Contains(t, body, `"upstream":"starting"`)
	status, _ = fetch(t, "http://"+r.Admin.String()+"/healthz")
	assert.Equal(t, http.StatusOK, status, "it must not be killed")

	stop := app.listen(t)
	require.Eventually(t, func() bool { status, _ := fetch(t, at); return status == http.StatusOK }, eventually, often)
	status, body = r.ready(t)
	assert.Equal(t, http.StatusOK, status)
	assert.NotContains(t, body, "upstream")
	assert.Contains(t, log.String(), "the application accepts connections")

	stop()
	status, _ = fetch(t, at)
	assert.Equal(t, http.StatusBadGateway, status, "it has started once")
	status, _ = r.ready(t)
	assert.Equal(t, http.StatusOK, status)
	r.ends(t)
}

func TestStartGivesUpWaiting(t *testing.T) {
	t.Parallel()
	app, clock, log := newLateApp(t), &shiftedClock{}, &kit.Buffer{}
	r := runWith(t, http.NotFoundHandler(), RunOptions{Logger: testLogger(log)}, func(c *settings.Config) {
		app.change(c)
		c.UpstreamWait, c.Auth.Now = time.Hour, clock.now
	})
	at := "http://" + r.Public.String() + "/"
	status, _ := fetch(t, at)
	assert.Equal(t, http.StatusServiceUnavailable, status)
	clock.forward(time.Hour)
	require.Eventually(t, func() bool { status, _ := fetch(t, at); return status == http.StatusBadGateway }, eventually, often)
	status, _ = r.ready(t)
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, log.String(), "it is not waited for any longer")
	r.ends(t)
}

func TestShutdownWhileTheApplicationStarts(t *testing.T) {
	t.Parallel()
	app := newLateApp(t)
	r := run(t, http.NotFoundHandler(), func(c *settings.Config) {
		app.change(c)
		c.UpstreamWait = time.Hour
	})
	r.ends(t)
}

// A reload changes nothing about the wait, but an application that it adds is not waited for.
func TestReloadWhileTheApplicationStarts(t *testing.T) {
	t.Parallel()
	app, other := newLateApp(t), newLateApp(t)
	other.listen(t)
	var cfg settings.Config
	s := start(t, http.NotFoundHandler(), func(c *settings.Config) {
		app.change(c)
		c.UpstreamWait = time.Hour
		cfg = *c
	})
	defer s.proxy.watch.Await(t.Context(), time.Hour)()
	status := func() int { res, _ := s.get(t, "/"); return res.StatusCode }
	assert.Equal(t, http.StatusServiceUnavailable, status())
	cfg.UpstreamSettings.ConnectTimeout = time.Minute // so that another transport is made
	require.NoError(t, s.proxy.Reload(cfg))
	assert.Equal(t, http.StatusServiceUnavailable, status())
	require.Error(t, s.proxy.Ready(t.Context()))
	other.change(&cfg)
	require.NoError(t, s.proxy.Reload(cfg))
	assert.Equal(t, http.StatusOK, status())
	require.NoError(t, s.proxy.Ready(t.Context()))
}
