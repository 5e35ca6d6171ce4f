//go:build unix

package redistest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// Patience is how long a test waits for what should happen soon.
const Patience = time.Minute

// Missing returns an error if a program that this package starts is not installed.
func Missing() error {
	for _, name := range []string{"redis-server", "redis-cli"} {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%w (Debian: apt-get install redis-server)", err)
		}
	}
	return nil
}

// Server is a process of redis-server. It is for one goroutine.
type Server struct {
	port int
	cli  []string // arguments of redis-cli
	args []string // of redis-server
	cmd  *exec.Cmd
}

// Start starts a server with further arguments and waits until it answers.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return StartAt(t, FreePort(t), args...)
}

// StartAt is [Start] on a port.
func StartAt(t testing.TB, port int, args ...string) *Server {
	t.Helper()
	s := newServer(port, append([]string{
		"--port", fmt.Sprint(port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0",
	}, args...)...)
	s.Restart(t)
	return s
}

func newServer(port int, args ...string) *Server {
	return &Server{port: port, cli: []string{"-p", fmt.Sprint(port)}, args: args}
}

// FreePort returns a port of 127.0.0.1 that nobody listens on.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().(*net.TCPAddr).Port
}

// Restart starts the process again after [Server.Kill], without its data, and waits until it
// answers.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.cmd = exec.CommandContext(t.Context(), "redis-server", s.args...)
	s.cmd.Dir = t.TempDir()
	out := &kit.Buffer{}
	s.cmd.Stdout, s.cmd.Stderr = out, out
	require.NoError(t, s.cmd.Start())
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("redis-server at port %d:\n%s", s.port, out)
		}
	})
	Eventually(t, func() bool {
		out, _ := s.Ask(t, "PING")
		return out == "PONG" || strings.Contains(out, "NOAUTH")
	}, "redis-server does not answer")
}

// Kill ends the process at once.
func (s *Server) Kill() {
	_ = s.cmd.Process.Signal(syscall.SIGCONT) // or a stopped process would stay
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// Hang stops the process without closing a connection, until the returned function is called.
func (s *Server) Hang(t testing.TB) (resume func()) {
	t.Helper()
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGSTOP))
	return func() { require.NoError(t, s.cmd.Process.Signal(syscall.SIGCONT)) }
}

// Ask runs a command in the server.
func (s *Server) Ask(t testing.TB, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "redis-cli", append(s.cli[:len(s.cli):len(s.cli)], args...)...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// Must is [Server.Ask] for a command that must succeed.
func (s *Server) Must(t testing.TB, args ...string) string {
	t.Helper()
	out, err := s.Ask(t, args...)
	require.NoError(t, err, out)
	require.NotContains(t, out, "ERR")
	return out
}

// URL returns the server as a store's URL, without TLS or a password.
func (s *Server) URL() string { return fmt.Sprintf("redis://127.0.0.1:%d", s.port) }

// Eventually waits until done, at most for [Patience].
func Eventually(t testing.TB, done func() bool, what string) {
	t.Helper()
	require.Eventually(t, done, Patience, 20*time.Millisecond, what)
}

// File puts a file into a folder of the test and returns its name.
func File(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}
