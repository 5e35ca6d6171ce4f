//go:build unix

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// health runs the command in a process of its own, as a container's probe does.
func (s *serving) health(args ...string) (code int, said string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), os.Args[0], append([]string{"health"}, args...)...)
	cmd.Env = []string{asBinary + "=1", "CLERKGATE_ADMIN_LISTEN=" + s.admin}
	out, err := cmd.CombinedOutput()
	if err != nil {
		require.IsType(s.t, &exec.ExitError{}, err)
	}
	return cmd.ProcessState.ExitCode(), strings.TrimSpace(string(out))
}

func TestShutdownAsAnOrchestratorSeesIt(t *testing.T) {
	t.Parallel()
	s := startProcess(t, nil, "CLERKGATE_SHUTDOWN_DELAY=1h", "CLERK_JWT_KEY="+kit.PublicPEM(t, &kit.RSAKey(t, 0).PublicKey))
	code, said := s.health()
	assert.Equal(t, "ok", said)
	assert.Equal(t, 0, code)
	code, said = s.health("--ready")
	assert.Contains(t, said, `"status":"ready"`)
	assert.Equal(t, 0, code)

	s.signal(syscall.SIGTERM)
	require.Eventually(t, func() bool {
		code, said = s.health("--ready")
		return code == 1
	}, time.Minute, time.Millisecond)
	assert.Contains(t, said, "shutting down")
	code, _ = s.health()
	assert.Equal(t, 0, code, "it is well, and must not be killed")
	s.request(4)

	s.signal(syscall.SIGTERM)
	s.ends()
}

func TestHealthOfAStartThatWaits(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "app.sock")
	s := startProcess(t, nil, "CLERKGATE_UPSTREAM=unix:"+socket, "CLERKGATE_UPSTREAM_WAIT=1h", "CLERKGATE_READY_UPSTREAM=true",
		"CLERK_JWT_KEY="+kit.PublicPEM(t, &kit.RSAKey(t, 0).PublicKey))
	code, said := s.health("--ready")
	assert.Equal(t, 1, code)
	assert.Contains(t, said, `upstream\":\"starting`)
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	require.NoError(t, err)
	defer l.Close()
	require.Eventually(t, func() bool {
		code, said = s.health("--ready")
		return code == 0
	}, time.Minute, time.Millisecond)
	assert.Contains(t, said, `"upstream":"up"`)
	s.signal(syscall.SIGTERM)
	s.ends()
}
