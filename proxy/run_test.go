package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// running is a whole server in its goroutine.
type running struct {
	Public, Admin net.Addr // the first of each
	stop          context.CancelFunc
	done          chan error
}

func run(t testing.TB, app http.Handler, change func(*settings.Config)) *running {
	t.Helper()
	return runWith(t, app, RunOptions{}, change)
}

func runWith(t testing.TB, app http.Handler, opts RunOptions, change func(*settings.Config)) *running {
	t.Helper()
	upstream := httptest.NewServer(app)
	t.Cleanup(upstream.Close)
	cfg, _, err := load(environment(map[string]string{
		"CLERK_JWT_KEY":          testPEM(t),
		"CLERKGATE_UPSTREAM":     upstream.URL,
		"CLERKGATE_LISTEN":       "127.0.0.1:0",
		"CLERKGATE_ADMIN_LISTEN": "127.0.0.1:0",
	}))
	require.NoError(t, err)
	cfg.ShutdownTimeout = 10 * time.Second
	if change != nil {
		change(&cfg)
	}
	ctx, stop := context.WithCancel(t.Context())
	r := &running{stop: stop, done: make(chan error, 1)}
	started := make(chan Addresses, 1)
	opts.Started = func(at Addresses) { started <- at }
	go func() { r.done <- Run(ctx, cfg, opts) }()
	select {
	case at := <-started:
		r.Public, r.Admin = at.Public[0], at.Admin[0]
	case err := <-r.done:
		require.NoError(t, err)
	}
	t.Cleanup(stop)
	return r
}

func fetch(t testing.TB, url string, headers ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, body := send(t, r)
	return res.StatusCode, body
}

func TestRunProbes(t *testing.T) {
	t.Parallel()
	r := run(t, &received{}, nil)
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/": 404, "/debug/pprof/": 404} {
		status, _ := fetch(t, "http://"+r.Admin.String()+path)
		assert.Equal(t, want, status, path)
	}
	// CVE-2022-24797, CVE-2026-34457: not on the public listener.
	for _, path := range []string{"/healthz", "/readyz", "/debug/pprof/"} {
		status, _ := fetch(t, "http://"+r.Public.String()+path)
		assert.Equal(t, http.StatusUnauthorized, status, path)
	}
	r.stop()
	require.NoError(t, <-r.done)
}

func TestReadyzWaitsForKeys(t *testing.T) {
	t.Parallel()
	r := run(t, &received{}, func(c *settings.Config) {
		c.Auth.JWTKey = ""
		c.Auth.Transport = kit.RoundTripFunc(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })
	})
	status, body := fetch(t, "http://"+r.Admin.String()+"/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.NotContains(t, body, "EOF")
	assert.JSONEq(t, `{"status":"unready","parts":{"keys":"down","backend_api":"down","machine_tokens":"not asked","frontend_api":"not asked"}}`, body)
	status, _ = fetch(t, "http://"+r.Admin.String()+"/healthz")
	assert.Equal(t, http.StatusOK, status)
	r.stop()
	require.NoError(t, <-r.done)
}

func TestShutdownLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	r := run(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-release
		_, _ = io.WriteString(w, "finished")
	}), nil)
	token := sessionToken(t, map[string]any{"iss": "https://mock-emulator-13.clerk.accounts.dev"})
	type answer struct {
		status int
		body   string
	}
	answers := make(chan answer, 1)
	go func() {
		status, body := fetch(t, "http://"+r.Public.String()+"/", "Authorization", "Bearer "+token)
		answers <- answer{status, body}
	}()
	<-entered
	r.stop()
	// The listener closes first; then only the request in flight is left.
	require.Eventually(t, func() bool {
		var d net.Dialer
		conn, err := d.DialContext(t.Context(), "tcp", r.Public.String())
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, 5*time.Second, time.Millisecond)
	status, body := fetch(t, "http://"+r.Admin.String()+"/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.JSONEq(t, `{"status":"shutting down"}`, body)
	close(release)
	assert.Equal(t, answer{http.StatusOK, "finished"}, <-answers)
	require.NoError(t, <-r.done)
}

func TestShutdownIsBounded(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	r := run(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(entered); <-release }), func(c *settings.Config) {
		c.ShutdownTimeout = 10 * time.Millisecond
		c.Policy = settings.PolicyOptional
	})
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", r.Public.String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: app.example.com\r\n\r\n")
	require.NoError(t, err)
	<-entered
	r.stop()
	require.NoError(t, <-r.done)
	close(release)
}

func TestShutdownClosesUpgrades(t *testing.T) {
	t.Parallel()
	r := run(t, http.HandlerFunc(echo), func(c *settings.Config) { c.ShutdownTimeout = time.Millisecond })
	conn := upgrade(t, r.Public.String(), sessionToken(t, nil)) // what it echoes looks like the beginning of a frame
	defer conn.Close()
	r.stop()
	require.NoError(t, <-r.done)
	_, err := conn.Read(make([]byte, 1))
	require.Error(t, err)
}

func TestListenErrorNamesTheVariable(t *testing.T) {
	t.Parallel()
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	for _, variable := range []string{"CLERKGATE_LISTEN", "CLERKGATE_ADMIN_LISTEN"} {
		cfg, _, err := load(environment(map[string]string{
			"CLERKGATE_LISTEN": "127.0.0.1:0", "CLERKGATE_ADMIN_LISTEN": "127.0.0.1:0", "CLERK_JWT_KEY": testPEM(t),
			variable: taken.Listener.Addr().String(),
		}))
		require.NoError(t, err)
		err = Run(t.Context(), cfg, RunOptions{})
		require.ErrorContains(t, err, variable)
		require.ErrorContains(t, err, taken.Listener.Addr().String())
	}
}

// CVE-2025-58186: ten thousand cookies are refused before anything reads them.
func TestHeaderFloodIsRefused(t *testing.T) {
	t.Parallel()
	app := &received{}
	r := run(t, app, func(c *settings.Config) { c.Policy = settings.PolicyOptional })
	status, _ := fetch(t, "http://"+r.Public.String()+"/", "Cookie", strings.Repeat("a=12345; ", 10_000))
	assert.Equal(t, http.StatusRequestHeaderFieldsTooLarge, status)
	assert.Zero(t, app.count())
	r.stop()
	require.NoError(t, <-r.done)
}

// Nothing is answered past the policy, not even OPTIONS *.
func TestOddRequestsOnTheListener(t *testing.T) {
	t.Parallel()
	app := &received{}
	r := run(t, app, nil)
	s := &system{Server: &httptest.Server{Listener: addressOnly{r.Public}}}
	for request, want := range map[string]int{
		"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":                            http.StatusBadRequest,
		"GET / HTTP/1.0\r\n\r\n":                                                                http.StatusUnauthorized,
		"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: kube-probe/1.30\r\nConnection: close\r\n\r\n": http.StatusUnauthorized,
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":                                                      http.StatusBadRequest, // net/http hands it to the handler
	} {
		assert.Equal(t, want, s.raw(t, request).StatusCode, request)
	}
	assert.Zero(t, app.count())
	r.stop()
	require.NoError(t, <-r.done)
}

// addressOnly is a listener that somebody else accepts from.
type addressOnly struct{ addr net.Addr }

func (a addressOnly) Accept() (net.Conn, error) { return nil, net.ErrClosed }

func (a addressOnly) Close() error { return nil }

func (a addressOnly) Addr() net.Addr { return a.addr }

func TestRunRefusesABadConfig(t *testing.T) {
	t.Parallel()
	err := Run(t.Context(), settings.Config{Upstream: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}}, RunOptions{})
	var invalid *settings.Error
	require.ErrorAs(t, err, &invalid)
}
