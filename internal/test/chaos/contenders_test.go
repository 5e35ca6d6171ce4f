//go:build linux

package chaos

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// contender is one kind of proxy.
type contender struct {
	name string
	// patience is how long its clients wait for an answer.
	patience time.Duration
	// command makes the process before an application. It takes its connections
	// from the listener if that is not nil.
	command func(t testing.TB, app string) (cmd *exec.Cmd, listener *net.TCPListener)
	path    string // of clerkgate's binary
}

// contenders are clerkgate, net/http/httputil's ReverseProxy, and HAProxy if it is
// installed.
func contenders(t *testing.T, clerk *clerktest.Server) []contender {
	t.Helper()
	path := build(t)
	all := []contender{
		{name: clerkgate, path: path, patience: patience, command: func(_ testing.TB, app string) (*exec.Cmd, *net.TCPListener) {
			return gate(path, clerk.Clerk, clerk.URL, "CLERKGATE_UPSTREAM=http://"+app), nil
		}},
		// It hangs where the others do not, and nothing is asserted of it then.
		{name: reverseProxy, patience: 5 * time.Second, command: bareProxy},
	}
	haproxy, err := lookFor("haproxy")
	if err != nil {
		require.NotEqual(t, "1", os.Getenv("CHAOS_REQUIRED"), "HAProxy is not installed")
		t.Log("HAProxy is not installed: it has no column, and nothing is compared with it")
		return all
	}
	return append(all, contender{name: haProxy, patience: patience, command: haproxyCommand(haproxy)})
}

// lookFor finds a program; Debian keeps servers where users do not look.
func lookFor(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", program))
}

// build makes the clerkgate binary. CLERKGATE names one that is there already.
func build(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("CLERKGATE"); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "clerkgate")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "github.com/clerkgate/clerkgate/cmd/clerkgate").CombinedOutput()
	require.NoError(t, err, "build clerkgate: %s", out)
	return path
}

// gate runs clerkgate with keys of a local Clerk, and env beside them.
func gate(path string, clerk *clerktest.Clerk, url string, env ...string) *exec.Cmd {
	cmd := exec.Command(path)
	cmd.Env = append([]string{
		"CLERK_PUBLISHABLE_KEY=" + clerk.PublishableKey(),
		"CLERK_SECRET_KEY=" + clerk.SecretKey(),
		"CLERK_API_URL=" + url,
		"CLERK_PROXY_URL=" + url, // where browsers reach the Frontend API
		"CLERK_SIGN_IN_URL=" + url + "/sign-in",
		"CLERKGATE_LISTEN=127.0.0.1:0",
		"CLERKGATE_ADMIN_LISTEN=127.0.0.1:0",
	}, env...)
	return cmd
}

// haproxyConfig is as short as a user's, with HAProxy's defaults for retries and for
// the use of connections. It logs each request, as clerkgate does.
const haproxyConfig = `global
    log stderr format raw local0

defaults
    mode http
    log global
    option httplog
    timeout connect 5s
    timeout client 60s
    timeout server 60s

frontend web
    bind fd@3
    default_backend application

backend application
    server application %s
`

func haproxyCommand(path string) func(testing.TB, string) (*exec.Cmd, *net.TCPListener) {
	return func(t testing.TB, app string) (*exec.Cmd, *net.TCPListener) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "haproxy.cfg")
		require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, haproxyConfig, app), 0o600))
		return exec.Command(path, "-db", "-f", file), listen(t)
	}
}

// asReverseProxy makes the test binary be a reverse proxy before the application
// that it names.
const asReverseProxy = "TEST_AS_REVERSE_PROXY"

func bareProxy(t testing.TB, app string) (*exec.Cmd, *net.TCPListener) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{asReverseProxy + "=http://" + app}
	return cmd, listen(t)
}

func TestMain(m *testing.M) {
	if app := os.Getenv(asReverseProxy); app != "" {
		log.Fatal(serveReverseProxy(app))
	}
	if flag.Parse(); testing.Short() { // as in "make check"
		fmt.Println("chaos: not run with -short")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// serveReverseProxy is the usual program of a few lines, with a log.
func serveReverseProxy(app string) error {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	target, err := url.Parse(app)
	if err != nil {
		return err
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxy.ServeHTTP(w, r)
		log.Println(r.Method, r.URL.Path)
	})}
	return server.Serve(listener)
}

func listen(t testing.TB) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	tcp, _ := l.(*net.TCPListener)
	return tcp
}

// process is a contender that runs until the test ends.
type process struct {
	address string // host:port
	// probes is where clerkgate answers probes, "" for others.
	probes string
	log    *kit.Buffer // empty if a script reads it

	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// start runs a contender before an application. stderr is kept for a failed test if
// it is nil.
func start(t testing.TB, c contender, app string, stderr *os.File) *process {
	t.Helper()
	cmd, listener := c.command(t, app)
	cmd.Stderr = stderr
	kept := &kit.Buffer{}
	if stderr == nil {
		cmd.Stderr = kept
	}
	p := &process{log: kept, cmd: cmd, done: make(chan struct{})}
	said := make(chan [2]string, 1)
	if listener != nil {
		p.address = listener.Addr().String()
		file, err := listener.File()
		require.NoError(t, err)
		cmd.ExtraFiles = []*os.File{file}
		require.NoError(t, cmd.Start())
		require.NoError(t, file.Close())
		require.NoError(t, listener.Close())
	} else {
		stdout, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		go readAddresses(bufio.NewScanner(stdout), said)
	}
	go func() {
		_ = cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			text := kept.String()
			t.Logf("%s printed at last:\n%s", c.name, text[max(0, len(text)-4000):])
		}
	})
	if listener == nil {
		select {
		case addresses := <-said:
			p.address, p.probes = addresses[0], addresses[1]
		case <-p.done:
			t.Fatalf("%s ended:\n%s", c.name, kept)
		}
	}
	return p
}

// readAddresses finds in what clerkgate prints where it listens and where its probes
// are, and reads on to the end.
func readAddresses(lines *bufio.Scanner, said chan<- [2]string) {
	address := regexp.MustCompile(`^ +(listening|probes) +http://([^/\s]+)`)
	var found [2]string
	for lines.Scan() {
		match := address.FindStringSubmatch(lines.Text())
		switch {
		case match == nil:
		case match[1] == "listening":
			found[0] = match[2]
		default:
			found[1] = match[2]
			said <- found
		}
	}
}

// ends says whether SIGTERM ends the process.
func (p *process) ends() bool {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return true
	case <-time.After(patience):
		return false
	}
}

// versions names what was run.
func versions() map[string]string {
	all := map[string]string{reverseProxy: "`ReverseProxy` of " + runtime.Version(), clerkgate: "clerkgate", haProxy: "HAProxy"}
	if path, err := lookFor("haproxy"); err == nil {
		out, _ := exec.Command(path, "-v").Output()
		if version := regexp.MustCompile(`version (\d+\.\d+\.\d+)`).FindSubmatch(out); version != nil {
			all[haProxy] += " " + string(version[1])
		}
	}
	all[reverseProxy] = strings.Replace(all[reverseProxy], "go1", "Go 1", 1)
	return all
}
