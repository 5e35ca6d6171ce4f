package hardening

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// With -short, as in "make check", nothing runs: the attacks take more than a minute.
// And regexp2's clock goroutine runs for a second after the last match of a custom pattern.
func TestMain(m *testing.M) {
	if flag.Parse(); testing.Short() {
		fmt.Println("hardening: not run with -short")
		os.Exit(0)
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dlclark/regexp2.runClock"))
}

const (
	appHost   = "app.example.com"
	appOrigin = "http://" + appHost
	jane      = "jane@example.com"
)

// setup is how a test differs from the usual configuration.
type setup struct {
	env     map[string]string // "" removes a variable
	routes  string            // a routes file; $DIR is its directory
	files   map[string]string // beside it
	answer  func(request) string
	clerk   clerktest.Options
	fault   *clerktest.Fault // of Clerk, added before the start
	direct  bool             // use clerkgate's own client for the upstream
	logger  *slog.Logger
	reloads chan os.Signal
}

// gate is a running clerkgate with its surroundings.
type gate struct {
	Public, Admin net.Addr
	clerk         *clerktest.Server
	app           *upstream
	log           *kit.Buffer
	dir           string
	env           map[string]string
	stop          func()
}

// start runs a server as the binary does: it is configured by variables and files, and
// logs at level debug, in both formats.
func start(t testing.TB, s setup) *gate {
	t.Helper()
	s.clerk.SigningKey = kit.RSAKey(t, 0)
	g := &gate{clerk: clerktest.NewServer(t, s.clerk), log: &kit.Buffer{}, dir: t.TempDir()}
	if s.fault != nil {
		g.clerk.Fail(*s.fault)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g.app = startUpstream(t, listener, s.answer)
	g.env = g.environment(t, s)

	cfg, err := g.load()
	require.NoError(t, err)
	if s.logger == nil {
		options := &slog.HandlerOptions{Level: slog.LevelDebug}
		s.logger = slog.New(slog.NewMultiHandler(slog.NewTextHandler(g.log, options), slog.NewJSONHandler(g.log, options)))
	}
	ctx, stop := context.WithCancel(context.Background())
	started, done := make(chan proxy.Addresses, 1), make(chan error, 1)
	go func() {
		done <- proxy.Run(ctx, cfg, proxy.RunOptions{
			Logger: s.logger, AccessLog: g.log, Started: func(at proxy.Addresses) { started <- at }, Reload: s.reloads,
			Load: func() (settings.Config, []settings.Warning, error) {
				cfg, err := g.load()
				return cfg, nil, err
			},
		})
	}()
	select {
	case at := <-started:
		g.Public, g.Admin = at.Public[0], at.Admin[0]
	case err := <-done:
		stop()
		require.NoError(t, err)
	}
	g.stop = sync.OnceFunc(func() {
		stop()
		assert.NoError(t, <-done)
	})
	t.Cleanup(g.stop)
	return g
}

func (g *gate) environment(t testing.TB, s setup) map[string]string {
	t.Helper()
	env := map[string]string{
		"CLERK_PUBLISHABLE_KEY":       g.clerk.PublishableKey(),
		"CLERK_SECRET_KEY":            g.clerk.SecretKey(),
		"CLERK_JWT_KEY":               g.clerk.JWTKey(),
		"CLERK_API_URL":               g.clerk.URL,
		"CLERKGATE_UPSTREAM":          "http://" + g.app.Addr().String(),
		"CLERKGATE_LISTEN":            "127.0.0.1:0",
		"CLERKGATE_ADMIN_LISTEN":      "127.0.0.1:0",
		"CLERKGATE_SHUTDOWN_TIMEOUT":  "5s",
		"CLERKGATE_UPSTREAM_TIMEOUT":  "5s",
		"CLERKGATE_BODY_IDLE_TIMEOUT": "5s",
	}
	for name, text := range s.files {
		require.NoError(t, os.WriteFile(filepath.Join(g.dir, name), []byte(text), 0o600))
	}
	if s.routes != "" {
		env["CLERKGATE_CONFIG"] = filepath.Join(g.dir, "clerkgate.yaml")
		g.writeRoutes(t, s.routes)
	}
	if s.direct {
		env["CLERKGATE_UPSTREAM_TRANSPORT"] = "direct"
	}
	maps.Copy(env, s.env)
	for name, value := range env {
		env[name] = strings.ReplaceAll(value, "$DIR", g.dir)
	}
	return env
}

func (g *gate) writeRoutes(t testing.TB, text string) {
	t.Helper()
	text = strings.NewReplacer("$DIR", g.dir, "$APP", "http://"+g.app.Addr().String()).Replace(text)
	require.NoError(t, os.WriteFile(filepath.Join(g.dir, "clerkgate.yaml"), []byte(text), 0o600))
}

func (g *gate) load() (settings.Config, error) {
	cfg, _, err := settings.Load(func(name string) (string, bool) {
		value, ok := g.env[name]
		return value, ok
	}, nil)
	cfg.Auth.Now = g.clerk.Now
	return cfg, err
}

// cookies returns the cookies of Jane's browser as a header.
func (g *gate) cookies(sessionID string) string {
	var pairs []string
	for _, c := range g.clerk.Cookies(sessionID, appOrigin) {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}

func (g *gate) dial(t testing.TB) net.Conn {
	t.Helper()
	return kit.Dial(t, g.Public.String())
}

// raw writes bytes as they are and reads responses until the server closes the connection,
// which the last request should ask for.
func (g *gate) raw(t testing.TB, text string) []kit.Reply {
	t.Helper()
	all, err := kit.Replay(g.dial(t), text)
	if len(all) == 0 || !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%.200q: %d answers, then: %v", text, len(all), err)
	}
	return all
}

// get sends one request, like a browser's fetch unless the headers say otherwise. The
// headers are lines.
func (g *gate) get(t testing.TB, target string, headers ...string) kit.Reply {
	t.Helper()
	return g.ask(t, "GET", target, headers...)
}

func (g *gate) ask(t testing.TB, method, target string, headers ...string) kit.Reply {
	t.Helper()
	all := g.raw(t, method+" "+target+" HTTP/1.1\r\nHost: "+appHost+"\r\nConnection: close\r\n"+lines(headers)+"\r\n")
	require.NotEmpty(t, all)
	return all[0]
}

func lines(headers []string) string {
	var b strings.Builder
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	return b.String()
}

// bearer returns a header line with a live session token.
func (g *gate) bearer(sessionID string) string {
	return "Authorization: Bearer " + g.clerk.Token(sessionID, appOrigin)
}
