//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// asApplication makes the test binary an application that "clerkgate run" starts.
const asApplication = "test-application"

// application listens on PORT. /slow is answered after SIGUSR1 has arrived, /quit
// ends it with exit code 3, and SIGTERM with 7.
func application() {
	usr1, term := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(usr1, syscall.SIGUSR1)
	signal.Notify(term, syscall.SIGTERM)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, "app in front of ", os.Getenv("HOST"), " for ", r.Host)
	})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Println("app: slow begins") //nolint:forbidigo // its output
		<-usr1
		_, _ = io.WriteString(w, "slow")
	})
	mux.HandleFunc("/quit", func(http.ResponseWriter, *http.Request) { os.Exit(3) })
	l, err := net.Listen("tcp", net.JoinHostPort(os.Getenv("HOST"), os.Getenv("PORT"))) //nolint:noctx // it lives as long as the process
	if err != nil {
		os.Exit(1)
	}
	go func() { _ = http.Serve(l, mux) }() //nolint:gosec // clerkgate is its only client
	<-term
	fmt.Println("app: SIGTERM") //nolint:forbidigo // its output
	os.Exit(7)
}

// launched is a "clerkgate run" in a process of its own, with its output line by line.
type launched struct {
	t       *testing.T
	cmd     *exec.Cmd
	lines   chan string
	stderr  *kit.Buffer
	address string
	ended   func() int
}

func startRun(t *testing.T, environ []string, args ...string) *launched {
	t.Helper()
	l := &launched{t: t, lines: make(chan string, 100), stderr: &kit.Buffer{}}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	l.cmd = exec.CommandContext(ctx, os.Args[0], append([]string{"run"}, args...)...)
	env := serveEnvironment()
	delete(env, "CLERKGATE_UPSTREAM")
	env["CLERKGATE_PUBLIC_PATHS"], env[asBinary], env["PATH"] = "/*", "1", os.Getenv("PATH")
	for name, value := range env {
		l.cmd.Env = append(l.cmd.Env, name+"="+value)
	}
	l.cmd.Env = append(l.cmd.Env, environ...)
	l.cmd.Stderr = l.stderr
	out, err := l.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, l.cmd.Start())
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(l.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			l.lines <- lines.Text()
		}
	}()
	l.ended = sync.OnceValue(func() int {
		<-read
		_ = l.cmd.Wait()
		return l.cmd.ProcessState.ExitCode()
	})
	t.Cleanup(func() { _ = l.cmd.Process.Signal(syscall.SIGTERM); l.ended() })
	return l
}

// prints waits for a line of the output.
func (l *launched) prints(pattern string) []string {
	l.t.Helper()
	for line := range l.lines {
		if found := regexp.MustCompile(pattern).FindStringSubmatch(line); found != nil {
			return found
		}
	}
	require.Fail(l.t, "not printed: "+pattern, l.stderr.String())
	return nil
}

func (l *launched) serves() string {
	l.t.Helper()
	l.address = l.prints(`listening +http://\S*:(\d+)`)[1]
	l.prints(`probes`)
	return "127.0.0.1:" + l.address
}

func TestRunServesInFrontOfAnApplication(t *testing.T) {
	t.Parallel()
	l := startRun(t, nil, "--log-level", "warn", "--", os.Args[0], asApplication)
	address := l.serves()
	assert.Equal(t, "app in front of 127.0.0.1 for "+address, asked(t, "http://"+address+"/"))

	// The application outlives the request in flight.
	answer := make(chan string, 1)
	go func() {
		body, err := ask(t.Context(), "http://"+address+"/slow")
		assert.NoError(t, err)
		answer <- body
	}()
	l.prints("app: slow begins")
	require.NoError(t, l.cmd.Process.Signal(syscall.SIGTERM))
	require.Eventually(t, func() bool {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	}, time.Minute, time.Millisecond)
	require.NoError(t, l.cmd.Process.Signal(syscall.SIGUSR1), "which is passed on")
	assert.Equal(t, "slow", <-answer)
	l.prints("app: SIGTERM")
	assert.Equal(t, 7, l.ended())
	assert.NotContains(t, l.stderr.String(), "ended with exit code")
}

func TestRunEndsWithItsApplication(t *testing.T) {
	t.Parallel()
	l := startRun(t, []string{"CLERKGATE_SHUTDOWN_DELAY=1h"}, os.Args[0], asApplication)
	address := l.serves()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/quit", nil)
	require.NoError(t, err)
	if res, err := http.DefaultClient.Do(r); err == nil {
		_ = res.Body.Close()
	}
	assert.Equal(t, 3, l.ended())
	assert.Contains(t, l.stderr.String(), "clerkgate: the application ended with exit code 3 by itself\n")
}

func TestRunListensOnThePortOfThePlatform(t *testing.T) {
	t.Parallel()
	free, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(free.Addr().String())
	require.NoError(t, err)
	require.NoError(t, free.Close())
	l := startRun(t, []string{"PORT=" + port, "HOST=localhost", "CLERKGATE_LISTEN="}, os.Args[0], asApplication)
	address := l.serves()
	assert.Equal(t, port, l.address)
	assert.Equal(t, "app in front of localhost for "+address, asked(t, "http://"+address+"/"))
}

func TestRunOfApplicationsThatDoNotListen(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args   []string
		code   int
		stderr string
	}{
		"ends":       {[]string{"--", "/bin/sh", "-c", "echo no >&2; exit 5"}, 5, "no\nclerkgate: the application ended with exit code 5 before it listened on port "},
		"ends well":  {[]string{"--", "/bin/sh", "-c", "exit 0"}, 1, "the application ended with exit code 0 before it listened"},
		"is killed":  {[]string{"--", "/bin/sh", "-c", "kill -9 $$"}, 137, "exit code 137"},
		"waits":      {[]string{"--wait", "100ms", "--", "/bin/sh", "-c", "exec sleep 1000"}, 1, "within 100ms; make it listen on the port in PORT, or give it more time with --wait"},
		"is no file": {[]string{"--", "/nonexistent"}, 1, "/nonexistent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startRun(t, nil, test.args...)
			assert.Equal(t, test.code, l.ended())
			assert.Contains(t, l.stderr.String(), test.stderr)
		})
	}
}

func TestRunTakesAFileOfVariables(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "env")
	require.NoError(t, os.WriteFile(file, []byte("CLERK_SECRET_KEY=sk_live_planted0secret\nCLERKGATE_LISTEN=127.0.0.1:0\n"), 0o600))
	l := startRun(t, []string{"CLERK_SECRET_KEY=", "CLERKGATE_LISTEN=", "PORT=1"}, "--env-file", file, "--", os.Args[0], asApplication)
	address := l.serves()
	assert.NotEqual(t, "1", l.address)
	assert.Equal(t, "app in front of 127.0.0.1 for "+address, asked(t, "http://"+address+"/"))
}

// An application that others can reach directly would believe their identity headers.
func TestRunWarnsOfAnApplicationThatIsExposed(t *testing.T) {
	t.Parallel()
	interfaces, err := net.InterfaceAddrs()
	require.NoError(t, err)
	if !slices.ContainsFunc(interfaces, func(a net.Addr) bool { ip, ok := a.(*net.IPNet); return ok && ip.IP.IsGlobalUnicast() }) {
		t.Skip("this machine has no address but loopback")
	}
	l := startRun(t, []string{"HOST="}, os.Args[0], asApplication)
	l.serves()
	l.stderr.Await(t, "where requests bypass clerkgate; make it listen on 127.0.0.1 only\n")
}

// The application does not inherit the way clerkgate handles SIGPIPE for its own log.
func TestRunLeavesBrokenPipesToTheApplication(t *testing.T) {
	t.Parallel()
	l := startRun(t, nil, "--", "/bin/sh", "-c", "yes | head -1; exit 9")
	assert.Equal(t, 9, l.ended())
	assert.NotContains(t, l.stderr.String(), "roken pipe")
}

func TestRunMisused(t *testing.T) {
	t.Parallel()
	env := serveEnvironment()
	code, _, stderr := invoke(t.Context(), env, "run")
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "run needs a command: clerkgate run -- npm start")
	code, _, stderr = invoke(t.Context(), env, "run", "--", "true")
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "CLERKGATE_UPSTREAM is set, but run chooses it")
	delete(env, "CLERKGATE_UPSTREAM")
	delete(env, "CLERK_SECRET_KEY")
	code, _, stderr = invoke(t.Context(), env, "run", "--", "touch", "/nonexistent/file")
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "CLERK_SECRET_KEY")
	assert.NotContains(t, stderr, "touch", "nothing was started")
}

// As process 1 clerkgate waits for processes whose parents have gone.
func TestRunAsProcessOne(t *testing.T) {
	t.Parallel()
	unshare, err := exec.LookPath("unshare")
	if err != nil || exec.CommandContext(t.Context(), unshare, "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "true").Run() != nil {
		t.Skip("this system makes no namespaces for tests")
	}
	// The grandchild is left behind; it is a zombie until somebody waits for it.
	script := `sh -c 'sleep 0 & echo orphan $!' > orphan; sleep 0.1
pid=$(cut -d' ' -f2 orphan); for i in $(seq 1200); do [ -e /proc/$pid ] || exit 42; sleep 0.05; done; cat /proc/$pid/status >&2; exit 1`
	args := []string{"--user", "--map-root-user", "--pid", "--fork", "--mount-proc", os.Args[0], "run", "--", "/bin/sh", "-c", script}
	cmd := exec.CommandContext(t.Context(), unshare, args...)
	env := serveEnvironment()
	delete(env, "CLERKGATE_UPSTREAM")
	env[asBinary], env["PATH"] = "1", os.Getenv("PATH")
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	slices.Sort(cmd.Env)
	cmd.Dir = t.TempDir()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	_ = cmd.Run()
	assert.Equal(t, 42, cmd.ProcessState.ExitCode(), stderr.String())
}
