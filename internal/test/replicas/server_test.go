//go:build unix

package replicas

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

	"github.com/clerkgate/clerkgate/middleware/store/redisstore"
)

// patience is how long a test waits for what should happen soon.
const patience = time.Minute

// server is a process of redis-server.
type server struct {
	port int
	cli  []string // arguments of redis-cli
	cmd  *exec.Cmd
}

// binary returns the path of a program, or skips the test.
func binary(t testing.TB, name string) string {
	t.Helper()
	if testing.Short() { // as in "make check"
		t.Skip("real Redis servers are left out with -short")
	}
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("REDIS_REQUIRED") == "" {
		t.Skipf("%s is not installed (Debian: apt-get install redis-server); set REDIS_REQUIRED to fail instead", name)
	}
	require.NoError(t, err)
	return path
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().(*net.TCPAddr).Port
}

// start starts a server with nothing on disk, and waits until it answers.
func start(t testing.TB, args ...string) *server {
	t.Helper()
	port := freePort(t)
	return startAt(t, port, append([]string{"--port", fmt.Sprint(port)}, args...)...)
}

func startAt(t testing.TB, port int, args ...string) *server {
	t.Helper()
	s := &server{port: port, cli: []string{"-p", fmt.Sprint(port)}}
	s.launch(t, append([]string{"--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0"}, args...)...)
	s.await(t)
	return s
}

func (s *server) launch(t testing.TB, args ...string) {
	t.Helper()
	s.cmd = exec.Command(binary(t, "redis-server"), args...)
	s.cmd.Dir = t.TempDir()
	var out strings.Builder
	s.cmd.Stdout, s.cmd.Stderr = &out, &out
	require.NoError(t, s.cmd.Start())
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("redis-server at port %d:\n%s", s.port, out.String())
		}
	})
}

// kill ends the process at once.
func (s *server) kill() {
	_ = s.cmd.Process.Signal(syscall.SIGCONT) // or a stopped process would stay
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// hang stops the process without closing a connection, until the returned function is called.
func (s *server) hang(t testing.TB) (resume func()) {
	t.Helper()
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGSTOP))
	return func() { require.NoError(t, s.cmd.Process.Signal(syscall.SIGCONT)) }
}

// ask runs a command in the server.
func (s *server) ask(t testing.TB, args ...string) (string, error) {
	t.Helper()
	out, err := exec.Command(binary(t, "redis-cli"), append(s.cli[:len(s.cli):len(s.cli)], args...)...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (s *server) must(t testing.TB, args ...string) string {
	t.Helper()
	out, err := s.ask(t, args...)
	require.NoError(t, err, out)
	require.NotContains(t, out, "ERR")
	return out
}

func (s *server) await(t testing.TB) {
	t.Helper()
	eventually(t, func() bool {
		out, _ := s.ask(t, "PING")
		return out == "PONG" || strings.Contains(out, "NOAUTH")
	}, "redis-server does not answer")
}

func (s *server) url() string { return fmt.Sprintf("redis://127.0.0.1:%d", s.port) }

func eventually(t testing.TB, done func() bool, what string) {
	t.Helper()
	require.Eventually(t, done, patience, 20*time.Millisecond, what)
}

// open returns a store that has connected.
func open(t testing.TB, url string) *redisstore.Store {
	t.Helper()
	s, err := redisstore.New(url)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	eventually(t, func() bool { return works(t, s) == nil }, "the store does not connect")
	return s
}

// works writes and reads.
func works(t testing.TB, s *redisstore.Store) error {
	t.Helper()
	err := s.Put(t.Context(), "works", []byte("yes"), time.Minute)
	if err == nil {
		_, _, err = s.Get(t.Context(), "works")
	}
	return err
}

// write puts a file into a folder of the test and returns its name.
func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}
