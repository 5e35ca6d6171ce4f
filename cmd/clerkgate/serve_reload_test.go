//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// logged is a log that can be waited for.
type logged struct {
	mu    sync.Mutex
	all   bytes.Buffer
	lines chan string // those that speak of the configuration
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if strings.Contains(string(p), "msg=\"configuration re") {
		l.lines <- string(p)
	}
	return l.all.Write(p)
}

// text returns everything that was logged so far.
func (l *logged) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// SIGHUP under load: 10 000 requests over many connections, while the routes file
// changes and the process is told to read it. Not one fails.
func TestHangupsUnderLoad(t *testing.T) {
	const clients, each = 25, 400
	file := filepath.Join(t.TempDir(), "clerkgate.yaml")
	var urls []string
	for _, name := range []string{"one", "two"} {
		app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) }))
		defer app.Close()
		urls = append(urls, app.URL)
	}
	write := func(content string) {
		temporary := file + ".new"
		require.NoError(t, os.WriteFile(temporary, []byte(content), 0o600))
		require.NoError(t, os.Rename(temporary, file))
	}
	rules := func(upstream string) string {
		return fmt.Sprintf("upstreams: { app: %q }\nroutes:\n  - { match: \"/*\", auth: public, upstream: app, csrf: off }\n", upstream)
	}
	write(rules(urls[0]))

	env := serveEnvironment()
	delete(env, "CLERKGATE_UPSTREAM")
	env["CLERKGATE_CONFIG"] = file
	address, log, stop := serveInTest(t, env)

	var load sync.WaitGroup
	var served atomic.Int64
	for range clients {
		load.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for range each {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", nil)
				if !assert.NoError(t, err) {
					return
				}
				res, err := client.Do(r)
				if !assert.NoError(t, err) {
					return
				}
				body, err := io.ReadAll(res.Body)
				assert.NoError(t, err)
				assert.NoError(t, res.Body.Close())
				assert.Equal(t, http.StatusOK, res.StatusCode)
				assert.Contains(t, []string{"one", "two"}, string(body))
				served.Add(1)
			}
		})
	}
	finished := make(chan struct{})
	go func() { load.Wait(); close(finished) }()
	contents := []string{rules(urls[1]), "routes: [{ match: 7, upsteam: app }]\n", rules(urls[0])} //nolint:misspell // meant
	outcomes := []string{`msg="configuration reloaded" routes=1`, `msg="configuration refused; the old one stays in force" problems=`, `msg="configuration reloaded" routes=1`}
	reloads := 0
	for done := false; !done; reloads++ {
		write(contents[reloads%3])
		require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
		assert.Contains(t, <-log.lines, outcomes[reloads%3])
		select {
		case <-finished:
			done = reloads >= 3
		default:
		}
	}
	assert.Equal(t, int64(clients*each), served.Load())
	t.Logf("%d requests, %d reloads", served.Load(), reloads)
	require.Zero(t, stop())
}

// SIGHUP reads the templates of pages again. A broken one leaves the old ones in force, and
// the log says where it is wrong.
func TestHangupReadsThePages(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("default.html", "<h1>First: {{.Title}}</h1>")
	env := serveEnvironment()
	env["CLERKGATE_PAGES"], env["CLERKGATE_POLICY"] = dir, "optional" // nobody listens upstream
	address, log, stop := serveInTest(t, env)
	page := func() string { return kit.NewBrowser(t).Open("http://" + address + "/").Text }
	hangUp := func() string {
		require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
		return <-log.lines
	}
	assert.Equal(t, "<h1>First: The application is not available</h1>", page())

	write("default.html", "<h1>Second: {{.Title}}</h1>")
	assert.Contains(t, hangUp(), `msg="configuration reloaded"`)
	assert.Equal(t, "<h1>Second: The application is not available</h1>", page())

	write("502.html", "<h1>\n{{.Titel}}</h1>")
	assert.Contains(t, hangUp(), `msg="configuration refused; the old one stays in force"`)
	assert.Contains(t, log.text(), "502.html:2")
	assert.Equal(t, "<h1>Second: The application is not available</h1>", page())

	write("502.html", "<h1>Third: {{.Status}}</h1>")
	assert.Contains(t, hangUp(), `msg="configuration reloaded"`)
	assert.Equal(t, "<h1>Third: 502</h1>", page())
	require.Zero(t, stop())
}

// SIGHUP reads the file of variables again.
func TestHangupReadsTheFileOfVariables(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "clerkgate.env")
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	for _, name := range []string{"first", "second"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		write(name+"/default.html", "<h1>"+name+"</h1>")
	}
	write("clerkgate.env", "CLERKGATE_PAGES="+filepath.Join(dir, "first")+"\n")
	env := serveEnvironment()
	env["CLERKGATE_POLICY"] = "optional" // nobody listens upstream
	address, log, stop := serveInTest(t, env, "serve", "--env-file", file)
	page := func() string { return kit.NewBrowser(t).Open("http://" + address + "/").Text }
	assert.Equal(t, "<h1>first</h1>", page())
	write("clerkgate.env", "CLERKGATE_PAGES="+filepath.Join(dir, "second")+"\n")
	assert.Equal(t, "<h1>first</h1>", page())
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGHUP))
	assert.Contains(t, <-log.lines, `msg="configuration reloaded"`)
	assert.Equal(t, "<h1>second</h1>", page())
	require.Zero(t, stop())
}

// serveInTest serves until stop, which returns the exit code.
func serveInTest(t *testing.T, env map[string]string, args ...string) (address string, log *logged, stop func() int) {
	t.Helper()
	env["CLERKGATE_LOG_LEVEL"] = "info"
	lookup := func(name string) (string, bool) { value, ok := env[name]; return value, ok }
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	log = &logged{lines: make(chan string, 1)}
	addresses, exit := make(chan string, 1), make(chan int, 1)
	announced := kit.WriterFunc(func(p []byte) (int, error) {
		if at := regexp.MustCompile(`listening +http://(\S+)`).FindSubmatch(p); at != nil {
			addresses <- string(at[1])
		}
		return len(p), nil
	})
	go func() { exit <- run(ctx, args, process{lookup: lookup, stdout: announced, stderr: log}) }()
	select {
	case address = <-addresses:
	case <-exit:
		t.Fatal(log.all.String())
	}
	return address, log, func() int { cancel(); return <-exit }
}
