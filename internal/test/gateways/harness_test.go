package gateways

import (
	"bufio"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
)

const jane = "jane@example.com"

// binary is clerkgate, built once for all tests. CLERKGATE names one that is there
// already.
var binary = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("CLERKGATE"); path != "" {
		return path, nil
	}
	// The folder outlives each test that uses it; TestMain removes it.
	dir, err := os.MkdirTemp("", "clerkgate")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "clerkgate")
	build := exec.Command("go", "build", "-o", path, "./cmd/clerkgate")
	build.Dir = filepath.Join("..", "..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build clerkgate: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil && os.Getenv("CLERKGATE") == "" {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// required skips the test when program is not installed; with GATEWAYS_REQUIRED=1
// that is a failure.
func required(t testing.TB, program string) string {
	t.Helper()
	// Debian keeps servers where users do not look.
	for _, name := range []string{program, "/usr/sbin/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("GATEWAYS_REQUIRED") == "1" {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("%s is not installed", program)
	return ""
}

// stack is what stands behind a gateway: a Clerk, clerkgate, and an application.
type stack struct {
	clerk *clerktest.Server
	app   *app
	gate  *gate
	// origin is where browsers find the gateway, such as http://localhost:34567. The
	// Clerk is at 127.0.0.1, so that cookies do not travel between the two.
	origin string
	// address is the gateway's address, host:port; it is free until the test starts
	// a gateway there.
	address string
}

// newStack starts everything but the gateway. env is added to clerkgate's
// environment, which names the gateway's address as that of a trusted proxy.
func newStack(t testing.TB, env map[string]string) *stack {
	t.Helper()
	return newStackOf(t, clerktest.Options{}, env)
}

// newStackOf is newStack with an instance of its own.
func newStackOf(t testing.TB, instance clerktest.Options, env map[string]string) *stack {
	t.Helper()
	_, port, err := net.SplitHostPort(freeAddress(t))
	require.NoError(t, err)
	s := &stack{
		clerk: clerktest.NewServer(t, instance), app: newApp(t),
		origin: "http://localhost:" + port, address: "127.0.0.1:" + port,
	}
	s.gate = startGate(t, s.clerk, env)
	return s
}

// freeAddress is an address on which nobody listens.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

// gate is a running clerkgate.
type gate struct {
	address string // host:port
	process *process
}

// startGate runs the real binary; $CLERK_URL in env is the Clerk's address. Its clock is the machine's; see [stack.signIn]
// for how tokens expire all the same.
func startGate(t testing.TB, clerk *clerktest.Server, env map[string]string) *gate {
	t.Helper()
	path, err := binary()
	require.NoError(t, err)
	all := map[string]string{
		"CLERK_PUBLISHABLE_KEY":     clerk.PublishableKey(),
		"CLERK_SECRET_KEY":          clerk.SecretKey(),
		"CLERK_API_URL":             clerk.URL,
		"CLERK_PROXY_URL":           clerk.URL, // where browsers reach the Frontend API
		"CLERK_SIGN_IN_URL":         clerk.URL + "/sign-in",
		"CLERKGATE_UPSTREAM":        "none",
		"CLERKGATE_LISTEN":          freeAddress(t),
		"CLERKGATE_ADMIN_LISTEN":    "127.0.0.1:0",
		"CLERKGATE_TRUSTED_PROXIES": "127.0.0.1",
		"CLERKGATE_LOG_LEVEL":       "warn",
	}
	for name, value := range env {
		all[name] = value
	}
	g := &gate{address: all["CLERKGATE_LISTEN"]}
	command := exec.Command(path)
	for name, value := range all {
		command.Env = append(command.Env, name+"="+strings.ReplaceAll(value, "$CLERK_URL", clerk.URL))
	}
	g.process = start(t, command)
	waitFor(t, g.process, g.address)
	return g
}

// process is a program that runs until the test ends.
type process struct {
	command *exec.Cmd
	log     *kit.Buffer
	done    chan struct{} // closed when it has ended
}

// start runs a program. What it printed is shown when the test has failed.
func start(t testing.TB, command *exec.Cmd) *process {
	t.Helper()
	p := &process{command: command, log: &kit.Buffer{}, done: make(chan struct{})}
	command.Stdout, command.Stderr = p.log, p.log
	command.WaitDelay = 5 * time.Second
	require.NoError(t, command.Start())
	go func() {
		_ = command.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("%s printed:\n%s", filepath.Base(command.Path), p.log)
		}
	})
	return p
}

// stop ends the program and waits until it is gone.
func (p *process) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		_ = p.command.Process.Kill()
		<-p.done
	}
}

// waitFor returns when somebody listens at address, and fails when p ends first.
func waitFor(t testing.TB, p *process, address string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			require.NoError(t, conn.Close())
			return
		}
		require.True(t, time.Now().Before(deadline), "nobody listens at %s", address)
		select {
		case <-p.done:
			t.Fatalf("%s ended:\n%s", filepath.Base(p.command.Path), p.log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// app is an application that answers with what it received, as JSON; see [echo].
// The path /ws is a WebSocket in so far as it answers 101 and then echoes bytes.
type app struct {
	address string // host:port

	mu       sync.Mutex
	received []echo
}

// echo is a request as the application got it.
type echo struct {
	Method string      `json:"method"`
	URI    string      `json:"uri"`
	Host   string      `json:"host"`
	Header http.Header `json:"header"`
	Body   string      `json:"body"` // its SHA-256, in hex
	// Trailer is what came behind the body.
	Trailer http.Header `json:"trailer"`
}

func newApp(t testing.TB) *app {
	t.Helper()
	a := &app{}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	a.address = server.Listener.Addr().String()
	return a
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := sha256.New()
	_, _ = io.Copy(body, r.Body)
	e := echo{Method: r.Method, URI: r.RequestURI, Host: r.Host, Header: r.Header, Body: hex.EncodeToString(body.Sum(nil)), Trailer: r.Trailer}
	a.mu.Lock()
	a.received = append(a.received, e)
	a.mu.Unlock()
	if r.Header.Get("Upgrade") == "websocket" {
		echoBytes(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=60")
	_ = json.NewEncoder(w).Encode(e)
}

func echoBytes(w http.ResponseWriter, r *http.Request) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	// RFC 6455, section 4.2.2; gateways check it.
	accept := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(accept[:]) + "\r\n\r\n")
	_ = rw.Flush()
	_, _ = io.Copy(conn, rw)
}

// count is how many requests came.
func (a *app) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.received)
}

// echoed reads the application's answer.
func echoed(t testing.TB, reply kit.Reply) echo {
	t.Helper()
	require.Equal(t, http.StatusOK, reply.StatusCode, reply.Text)
	var e echo
	require.NoError(t, json.Unmarshal([]byte(reply.Text), &e), reply.Text)
	return e
}

// signIn is a browser that signed in age ago: with an age above a minute its
// session token has expired and its refresh token has not.
func (s *stack) signIn(t testing.TB, email string, age time.Duration) *kit.Browser {
	t.Helper()
	b := kit.NewBrowser(t)
	// clerkgate has the machine's clock, so the token is made in the past.
	s.clerk.Advance(-age)
	session := s.clerk.SignIn(email)
	b.SetCookies(s.origin, s.clerk.Cookies(session.ID, s.origin)...)
	s.clerk.Advance(age)
	return b
}

// connection is a raw connection, closed when the test ends.
type connection struct {
	t      testing.TB
	conn   net.Conn
	reader *bufio.Reader
}

// dial connects and writes a request's head.
func dial(t testing.TB, address, head string) *connection {
	t.Helper()
	conn := kit.Dial(t, address)
	c := &connection{t: t, conn: conn, reader: bufio.NewReader(conn)}
	c.write(head)
	return c
}

func (c *connection) write(text string) {
	c.t.Helper()
	_, err := io.WriteString(c.conn, text)
	require.NoError(c.t, err)
}

func (c *connection) read(n int) string {
	c.t.Helper()
	text := make([]byte, n)
	_, err := io.ReadFull(c.reader, text)
	require.NoError(c.t, err)
	return string(text)
}
