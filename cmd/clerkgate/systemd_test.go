//go:build linux

package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// activated is the environment of a clerkgate that looks up its socket by name.
func activated(t *testing.T) []string {
	t.Helper()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "from the app") }))
	t.Cleanup(app.Close)
	env := serveEnvironment()
	env["CLERKGATE_UPSTREAM"], env["CLERKGATE_PUBLIC_PATHS"], env["CLERKGATE_LISTEN"] = app.URL, "/*", "systemd:web"
	env[asBinary] = "1"
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}

// A socket that is passed in the way of systemd (sd_listen_fds(3)).
func TestInheritedSocket(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	file, err := l.(*net.TCPListener).File()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web exec "$0"`, os.Args[0])
	cmd.Env, cmd.ExtraFiles, cmd.Stderr = activated(t), []*os.File{file}, os.Stderr
	require.NoError(t, cmd.Start())
	require.NoError(t, file.Close())
	assert.Equal(t, "from the app", asked(t, "http://"+l.Addr().String()+"/"), "a connection that waited for it")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait())
}

func TestSystemdSocketActivate(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("systemd-socket-activate")
	if err != nil {
		t.Skip("systemd-socket-activate is not installed")
	}
	free, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	args := []string{"--listen", address, "--fdname", "web"}
	env := activated(t)
	for _, pair := range env {
		args = append(args, "--setenv", pair)
	}
	cmd := exec.CommandContext(t.Context(), tool, append(args, os.Args[0])...)
	cmd.Env = env
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool { // it starts clerkgate at the first connection
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, time.Minute, 10*time.Millisecond)
	assert.Equal(t, "from the app", asked(t, "http://"+address+"/"))
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM)) // it has become clerkgate
	require.NoError(t, cmd.Wait())
}

func TestSystemdWithoutASocket(t *testing.T) {
	t.Parallel()
	env := serveEnvironment()
	env["CLERKGATE_LISTEN"] = "systemd"
	code, _, stderr := invoke(t.Context(), env)
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "listen on systemd (set by CLERKGATE_LISTEN): systemd passed no socket")
}
