package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The example as its reader runs it: emulator, application, clerkgate, and a test in another language.
func TestEmulatorExampleInNode(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	e := runEmulatorCommand(t, "--seed", "../../examples/emulator-node/seed.yaml")
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, "hello ", r.Header.Get("X-Clerk-User-Id"))
	}))
	defer app.Close()
	address := serveBeforeApp(t, e, app.URL)

	cmd := exec.CommandContext(t.Context(), node, "../../examples/emulator-node/sign-in.mjs")
	cmd.Env = append(os.Environ(), "CLERK_API_URL="+e.environment["CLERK_API_URL"], "APP_URL=http://"+address)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Regexp(t, `^hello user_\w{27}\n$`, string(out))
}

// serveBeforeApp runs clerkgate with the emulator's environment and returns its address.
func serveBeforeApp(t *testing.T, e *emulator, upstream string) string {
	t.Helper()
	environment := map[string]string{
		"CLERKGATE_UPSTREAM": upstream, "CLERKGATE_LISTEN": "127.0.0.1:0", "CLERKGATE_ADMIN_LISTEN": "127.0.0.1:0",
	}
	for name, value := range e.environment {
		environment[name] = value
	}
	ctx, stop := context.WithCancel(t.Context())
	listening, done := make(chan string, 1), make(chan struct{})
	stdout := writerFunc(func(p []byte) (int, error) {
		if address, ok := strings.CutPrefix(strings.TrimSpace(string(p)), "listening   http://"); ok {
			listening <- strings.TrimSpace(address)
		}
		return len(p), nil
	})
	var stderr bytes.Buffer
	go func() {
		defer close(done)
		lookup := func(name string) (string, bool) { value, ok := environment[name]; return value, ok }
		assert.Equal(t, exitOK, run(ctx, nil, lookup, nil, stdout, &stderr))
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
