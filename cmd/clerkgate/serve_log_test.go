//go:build unix

package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asBinary makes the test binary act as clerkgate itself, to test what takes a separate
// process: signals, and a shell's pipes.
const asBinary = "TEST_AS_CLERKGATE"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == asApplication {
		application()
	}
	if os.Getenv(asBinary) == "1" {
		main()
	}
	os.Exit(m.Run())
}

// serving is clerkgate in a process of its own.
type serving struct {
	t       *testing.T
	cmd     *exec.Cmd
	address string
	admin   string // host:port of the probes
}

// startProcess starts clerkgate in front of an application, with standard error and
// variables (NAME=value) as given. It ends with the test.
func startProcess(t *testing.T, stderr *os.File, settings ...string) *serving {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	t.Cleanup(app.Close)
	env := serveEnvironment()
	env["CLERKGATE_UPSTREAM"], env["CLERKGATE_PUBLIC_PATHS"] = app.URL, "/*"
	env[asBinary] = "1"
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Env = append(cmd.Env, settings...)
	cmd.Stderr = stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	s := &serving{t: t, cmd: cmd}
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if at := regexp.MustCompile(`listening +(http://\S+)`).FindStringSubmatch(lines.Text()); at != nil {
			s.address = at[1]
		}
		if at := regexp.MustCompile(`probes +http://([^/]+)/`).FindStringSubmatch(lines.Text()); at != nil {
			s.admin = at[1]
			return s
		}
	}
	t.Fatal("clerkgate did not start")
	return nil
}

// request sends n requests, several at a time. Each makes one line in the log.
func (s *serving) request(n int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for range n / 4 {
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.address+"/"+strings.Repeat("x", 1000), nil)
				if !assert.NoError(s.t, err) {
					return
				}
				res, err := client.Do(r)
				if !assert.NoError(s.t, err, "requests go on whatever becomes of the log") {
					return
				}
				assert.Equal(s.t, http.StatusOK, res.StatusCode)
				_ = res.Body.Close()
			}
		})
	}
	clients.Wait()
}

// asked returns the response to a GET.
func asked(t *testing.T, url string) string {
	t.Helper()
	body, err := ask(t.Context(), url)
	require.NoError(t, err)
	return body
}

func ask(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

// stop sends SIGTERM and requires the process to exit by itself, with success.
func (s *serving) stop() {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
	s.ends()
}

func (s *serving) signal(signal os.Signal) {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Signal(signal))
}

func (s *serving) ends() {
	s.t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- s.cmd.Wait() }()
	select {
	case err := <-ended:
		require.NoError(s.t, err)
	case <-time.After(time.Minute):
		s.t.Fatal("SIGTERM did not end it")
	}
}

func TestNobodyReadsTheLog(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer func() { _ = r.Close() }()
	s := startProcess(t, w)
	require.NoError(t, w.Close())
	s.request(2000) // some 2.4 MB of log
	s.stop()
}

func TestTheLogIsReadAgain(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	s := startProcess(t, w)
	require.NoError(t, w.Close())
	s.request(2000)
	text := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(r)
		text <- string(all)
	}()
	s.request(4)
	s.stop()
	log := <-text
	lost := regexp.MustCompile(`level=WARN msg="log lines lost" lines=\d+\n`)
	assert.Len(t, lost.FindAllString(log, -1), 1, "the loss is told, once")
	for line := range strings.Lines(log) {
		assert.Regexp(t, `^(time=|clerkgate: ).*\n$`, line, "lines are whole")
	}
}

// As in: clerkgate 2>&1 | head -1
func TestTheLogsReaderLeaves(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	s := startProcess(t, w)
	require.NoError(t, w.Close())
	s.request(4)
	require.NoError(t, r.Close())
	s.request(100)
	s.stop()
}

func TestTheLogIsOnAFullDisk(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	defer func() { _ = full.Close() }()
	s := startProcess(t, full)
	s.request(100)
	s.stop()
}
