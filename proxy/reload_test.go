package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/certificatetest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// reloading is a server that is asked for reloads.
type reloading struct {
	Public net.Addr
	log    *kit.Buffer
	ask    chan os.Signal
	loads  chan func() (settings.Config, []settings.Warning, error)
	stop   context.CancelFunc
	done   chan error
}

func runReloading(t testing.TB, cfg settings.Config) *reloading {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &reloading{
		log: &kit.Buffer{}, ask: make(chan os.Signal), stop: stop, done: make(chan error, 1),
		loads: make(chan func() (settings.Config, []settings.Warning, error)),
	}
	started := make(chan Addresses, 1)
	go func() {
		r.done <- Run(ctx, cfg, RunOptions{
			Logger: slog.New(slog.NewTextHandler(r.log, nil)), Started: func(at Addresses) { started <- at },
			Reload: r.ask, Load: func() (settings.Config, []settings.Warning, error) { return (<-r.loads)() },
		})
	}()
	select {
	case at := <-started:
		r.Public = at.Public[0]
	case err := <-r.done:
		require.NoError(t, err)
	}
	t.Cleanup(stop)
	return r
}

// reload begins one and returns while it is under way. A further signal is taken
// when it has ended.
func (r *reloading) reload(load func() (settings.Config, []settings.Warning, error)) {
	r.ask <- syscall.SIGHUP
	r.loads <- load
}

// settled waits for the reload before, by one more that is refused.
func (r *reloading) settled() { r.reload(refusing(errors.New("only to wait"))) }

func refusing(err error) func() (settings.Config, []settings.Warning, error) {
	return func() (settings.Config, []settings.Warning, error) { return settings.Config{}, nil, err }
}

func accepting(cfg settings.Config, warnings ...settings.Warning) func() (settings.Config, []settings.Warning, error) {
	return func() (settings.Config, []settings.Warning, error) { return cfg, warnings, nil }
}

func reloadable(t testing.TB, app http.Handler) settings.Config {
	t.Helper()
	cfg, _, err := load(environment(map[string]string{
		settings.EnvUpstream: serveApp(t, app, nil).String(), settings.EnvListen: "127.0.0.1:0", settings.EnvAdminListen: "127.0.0.1:0",
	}))
	require.NoError(t, err)
	productionInstance(t, &cfg)
	return cfg
}

func TestReloadPutsNewRulesInForce(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	old := reloadable(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			close(entered)
			<-release
		}
		_, _ = io.WriteString(w, "old")
	}))
	next := reloadable(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "new") }))
	next.PublicPaths = []string{"/health", "/assets/*"}

	r := runReloading(t, old)
	address, client := "http://"+r.Public.String(), over(t, nil, func(p *http.Protocols) { p.SetHTTP1(true) })
	inFlight := make(chan string, 1)
	go func() {
		_, body := ask(t, over(t, nil, func(p *http.Protocols) { p.SetHTTP1(true) }), http.MethodGet, address+"/slow", nil)
		inFlight <- body
	}()
	<-entered
	r.reload(accepting(next, settings.Warning{Variable: "CLERKGATE_X", Message: "odd"}))
	r.settled()
	_, body := ask(t, client, http.MethodGet, address+"/", nil)
	assert.Equal(t, "new", body)
	status, _ := fetch(t, address+"/health")
	assert.Equal(t, http.StatusOK, status, "public by the new rules")
	close(release)
	assert.Equal(t, "old", <-inFlight, "what was in flight ended as it began")
	assert.Contains(t, r.log.String(), `msg="configuration reloaded" routes=3`)
	assert.Contains(t, r.log.String(), `msg="configuration warning" variable=CLERKGATE_X warning=odd`)
	r.stop()
	require.NoError(t, <-r.done)
}

func TestBadReloadIsRefused(t *testing.T) {
	t.Parallel()
	authority, dir := certificatetest.New(t), t.TempDir()
	certFile, keyFile := issued(t, authority, dir, "one")
	good := reloadable(t, &received{})
	good.TLSCertificateFile, good.TLSKeyFile = certFile, keyFile
	r := runReloading(t, good)
	serves := func() {
		t.Helper()
		res := visit(t, over(t, authority, func(p *http.Protocols) { p.SetHTTP2(true) }), "https://"+r.Public.String()+"/")
		assert.Equal(t, http.StatusOK, res.StatusCode)
	}
	changed := func(change func(*settings.Config)) func() (settings.Config, []settings.Warning, error) {
		cfg := good
		change(&cfg)
		return accepting(cfg)
	}
	for name, test := range map[string]struct {
		load func() (settings.Config, []settings.Warning, error)
		want []string
	}{
		"two problems": {refusing(&settings.Error{Problems: []settings.Problem{
			{Where: "clerkgate.yaml:3:7", Found: `"requird"`, Want: "required, public or none"},
			{Where: settings.EnvUpstream, Found: "nothing", Want: "a URL"},
		}}),
			[]string{`where=clerkgate.yaml:3:7 found="\"requird\"" expected="required, public or none"`, "where=CLERKGATE_UPSTREAM", "problems=2"}},
		"file gone":      {refusing(os.ErrNotExist), []string{"error=\"file does not exist\""}},
		"other address":  {changed(func(c *settings.Config) { c.Listen = []string{"127.0.0.1:1"} }), []string{"where=CLERKGATE_LISTEN", "or a restart"}},
		"other limit":    {changed(func(c *settings.Config) { c.Limits.MaxStreams = 7 }), []string{"where=CLERKGATE_MAX_STREAMS"}},
		"found by Proxy": {changed(func(c *settings.Config) { c.Policy = "maybe" }), []string{"where=CLERKGATE_POLICY"}},
		"authority gone": {changed(func(c *settings.Config) {
			c.Upstream, c.UpstreamSettings.CAFile = serveApp(t, &received{}, func(s *httptest.Server) { s.TLS = &tls.Config{} }), filepath.Join(dir, "none.pem")
		}), []string{"where=CLERKGATE_UPSTREAM_CA_FILE"}},
	} {
		before := len(r.log.String())
		r.reload(test.load)
		r.settled()
		log := r.log.String()[before:]
		for _, want := range test.want {
			assert.Contains(t, log, want, name)
		}
		assert.Contains(t, log, `msg="configuration refused; the old one stays in force"`, name)
		assert.NotContains(t, log, "configuration reloaded", name)
		serves()
	}

	require.NoError(t, os.WriteFile(keyFile, []byte("no key"), 0o600))
	r.reload(accepting(good))
	r.settled()
	assert.Contains(t, r.log.String(), "where=CLERKGATE_TLS_KEY_FILE")
	serves()
	r.stop()
	require.NoError(t, <-r.done)
}

// TestReloadUnderLoad: many requests over many connections, of both versions of
// HTTP, while one configuration takes the place of another again and again. Not
// one fails, and each is answered by one of the two.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	const clients, each = 20, 100
	one := reloadable(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "one") }))
	one.H2C = true
	two := one
	two.Upstream = serveApp(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "two") }), nil)
	two.PublicPaths = []string{"/health"}
	bad := refusing(&settings.Error{Problems: []settings.Problem{{Where: settings.EnvUpstream, Found: "nothing", Want: "a URL"}}})

	r := runReloading(t, one)
	bearer := "Bearer " + sessionToken(t, map[string]any{"exp": time.Now().Add(time.Hour).Unix()})
	turns := make(chan struct{})
	var load sync.WaitGroup
	var answers sync.Map
	for i := range clients {
		client := over(t, nil, func(p *http.Protocols) { p.SetHTTP1(i%2 == 0); p.SetUnencryptedHTTP2(i%2 == 1) })
		load.Go(func() {
			for i := range each {
				if i%25 == 0 {
					select {
					case turns <- struct{}{}: // every so often, one client asks for a reload
					default:
					}
				}
				q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+r.Public.String()+"/", strings.NewReader("x"))
				if !assert.NoError(t, err) {
					return
				}
				q.Header.Set("Authorization", bearer)
				res, err := client.Do(q)
				if !assert.NoError(t, err) {
					return
				}
				body, err := io.ReadAll(res.Body)
				assert.NoError(t, errors.Join(err, res.Body.Close()))
				assert.Equal(t, http.StatusOK, res.StatusCode)
				count, _ := answers.LoadOrStore(string(body), new(atomic.Int64))
				count.(*atomic.Int64).Add(1)
			}
		})
	}
	finished := make(chan struct{})
	go func() { load.Wait(); close(finished) }()
	reloads := 0
	for done := false; !done; reloads++ {
		select {
		case <-finished:
			done = true
		case <-turns:
			r.reload([]func() (settings.Config, []settings.Warning, error){accepting(two), bad, accepting(one)}[reloads%3])
		}
	}
	total := int64(0)
	answers.Range(func(body, count any) bool {
		assert.Contains(t, []string{"one", "two"}, body)
		total += count.(*atomic.Int64).Load()
		return true
	})
	assert.Equal(t, int64(clients*each), total)
	t.Logf("%d requests, %d reloads", total, reloads)
	r.stop()
	require.NoError(t, <-r.done)
}
