package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// The example, run as its readers do: emulator, application, clerkgate, and a test in another language.
func TestEmulatorExampleInNode(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	environment := startEmulator(t, "--seed", "../../examples/emulator-node/seed.yaml")
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, "hello ", r.Header.Get("X-Clerk-User-Id"))
	}))
	defer app.Close()
	address := serveBeforeApp(t, environment, app.URL)

	cmd := exec.CommandContext(t.Context(), node, "../../examples/emulator-node/sign-in.mjs")
	cmd.Env = append(os.Environ(), "CLERK_API_URL="+environment["CLERK_API_URL"], "APP_URL=http://"+address)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Regexp(t, `^hello user_\w{27}\n$`, string(out))
}

// The emulator's clock can be moved, clerkgate's cannot: people who are signed in stay signed in.
func TestMovingTheEmulatorsClockSignsNobodyOut(t *testing.T) {
	t.Parallel()
	environment := startEmulator(t)
	app := httptest.NewServer(http.NotFoundHandler())
	defer app.Close()
	address := "http://" + serveBeforeApp(t, environment, app.URL)
	ask := func(method, url, body, cookies string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Cookie", cookies)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		return res
	}
	signIn := func() (cookies string) {
		res := ask(http.MethodPost, environment["CLERK_API_URL"]+"/__control/sign-in", `{"email":"jane@example.com","origin":"`+address+`"}`, "")
		defer func() { _ = res.Body.Close() }()
		var session struct{ Cookie string }
		require.NoError(t, json.NewDecoder(res.Body).Decode(&session))
		return session.Cookie
	}
	status := func(cookies string) int {
		res := ask(http.MethodGet, address+"/", "", cookies)
		require.NoError(t, res.Body.Close())
		return res.StatusCode
	}
	before := signIn()
	require.Equal(t, http.StatusNotFound, status(before), "the application's answer")
	for _, by := range []string{"90s", "24h"} {
		require.NoError(t, ask(http.MethodPost, environment["CLERK_API_URL"]+"/__control/advance", `{"by":"`+by+`"}`, "").Body.Close())
		assert.Equal(t, http.StatusNotFound, status(before), by)
		assert.Equal(t, http.StatusNotFound, status(signIn()), by)
	}
	http.DefaultClient.CloseIdleConnections()
}

// startEmulator runs the command until the test ends and returns the environment that
// it prints.
func startEmulator(t *testing.T, args ...string) map[string]string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	printed, done := make(chan string, 1), make(chan struct{})
	stdout := kit.WriterFunc(func(p []byte) (int, error) { printed <- string(p); return len(p), nil })
	var stderr kit.Buffer
	go func() {
		defer close(done)
		args := append([]string{"emulator", "--listen", "127.0.0.1:0"}, args...)
		assert.Equal(t, exitOK, run(ctx, args, process{stdout: stdout, stderr: &stderr}))
	}()
	t.Cleanup(func() { stop(); <-done })
	environment := make(map[string]string)
	select {
	case text := <-printed:
		for line := range strings.SplitSeq(text, "\n") {
			if pair, ok := strings.CutPrefix(line, "export "); ok {
				name, value, _ := strings.Cut(pair, "=")
				environment[name] = value
			}
		}
	case <-done:
		require.FailNow(t, "the emulator did not start", stderr.String())
	}
	return environment
}

// serveBeforeApp runs clerkgate with the emulator's environment and returns its address.
func serveBeforeApp(t *testing.T, clerk map[string]string, upstream string) string {
	t.Helper()
	environment := map[string]string{
		"CLERKGATE_UPSTREAM": upstream, "CLERKGATE_LISTEN": "127.0.0.1:0", "CLERKGATE_ADMIN_LISTEN": "127.0.0.1:0",
	}
	maps.Copy(environment, clerk)
	ctx, stop := context.WithCancel(t.Context())
	listening, done := make(chan string, 1), make(chan struct{})
	stdout := kit.WriterFunc(func(p []byte) (int, error) {
		if at := regexp.MustCompile(`listening +http://(\S+)`).FindSubmatch(p); at != nil {
			listening <- string(at[1])
		}
		return len(p), nil
	})
	var stderr kit.Buffer
	go func() {
		defer close(done)
		lookup := func(name string) (string, bool) { value, ok := environment[name]; return value, ok }
		assert.Equal(t, exitOK, run(ctx, nil, process{lookup: lookup, stdout: stdout, stderr: &stderr}))
	}()
	t.Cleanup(func() { stop(); <-done })
	select {
	case address := <-listening:
		_, port, err := net.SplitHostPort(address)
		require.NoError(t, err)
		return net.JoinHostPort("localhost", port)
	case <-done:
		require.FailNow(t, "clerkgate did not start", stderr.String())
		return ""
	}
}

func TestEmulatorArguments(t *testing.T) {
	t.Parallel()
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	for name, test := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"values":     {[]string{"--listen", "8090", "--token-lifetime", "1ms"}, 2, []string{"--listen", "--token-lifetime"}},
		"argument":   {[]string{"more"}, 2, []string{`"more"`}},
		"no flag":    {[]string{"--sede", "x"}, 2, []string{"emulator has no flag --sede; did you mean --seed?"}},
		"no file":    {[]string{"--seed", "/nonexistent.yaml"}, 2, []string{"--seed: ", "/nonexistent.yaml"}},
		"in use":     {[]string{"--listen", taken.Listener.Addr().String()}, 1, []string{"is in use"}},
		"no address": {[]string{"--listen", "256.0.0.1:1"}, 1, []string{"--listen"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := invoke(t.Context(), nil, append([]string{"emulator"}, test.args...)...)
			assert.Equal(t, test.code, code)
			assert.Empty(t, stdout)
			for _, want := range test.want {
				assert.Contains(t, stderr, want)
			}
		})
	}
}
