package main

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

func TestRunDemo(t *testing.T) {
	t.Parallel()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	inUse := taken.Addr().String()
	other, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	free := other.Addr().String()
	require.NoError(t, other.Close())

	for _, c := range []struct {
		name   string
		args   []string
		code   int
		stderr []string
	}{
		{"unknown flag", []string{"--port", "1"}, exitUsage, []string{"-port"}},
		{"argument", []string{"now"}, exitUsage, []string{`demo takes no arguments, but got "now"`}},
		{"no port", []string{"--listen", "localhost"}, exitUsage, []string{"--listen", `"localhost"`, "host:port"}},
		{"not a duration", []string{"--token-lifetime", "soon"}, exitUsage, []string{"token-lifetime"}},
		{"no time at all", []string{"--token-lifetime", "0s"}, exitUsage, []string{"--token-lifetime", "0s", "at least 1s"}},
		{"half a second", []string{"--token-lifetime", "1500ms"}, exitUsage, []string{"whole seconds"}},
		{"every problem at once", []string{"--listen", "a", "--clerk-listen", "b", "--token-lifetime", "1ms"}, exitUsage, []string{`"a"`, `"b"`, "1ms"}},
		{"port in use", []string{"--listen", inUse, "--clerk-listen", "127.0.0.1:0"}, exitFailure, []string{inUse, "in use", "--listen"}},
		{"Clerk's port in use", []string{"--listen", "127.0.0.1:0", "--clerk-listen", inUse}, exitFailure, []string{inUse, "in use", "--clerk-listen"}},
		{"one port for both", []string{"--listen", free, "--clerk-listen", free}, exitFailure, []string{free, "in use", "--clerk-listen"}},
		{"no such address", []string{"--listen", "192.0.2.1:1"}, exitFailure, []string{"--listen"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := invoke(t.Context(), nil, append([]string{"demo"}, c.args...)...)
			assert.Equal(t, c.code, code)
			for _, part := range c.stderr {
				assert.Contains(t, stderr, part)
			}
			assert.Empty(t, stdout)
		})
	}
}

func TestHelpOfDemoShowsDefaults(t *testing.T) {
	t.Parallel()
	_, help, _ := invoke(t.Context(), nil, "help", "demo")
	for _, part := range []string{"--listen", "--clerk-listen", "--token-lifetime", "--production", "127.0.0.1:8080", "127.0.0.1:8090", "1m0s"} {
		assert.Contains(t, help, part)
	}
}

func TestRunDemoUntilInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var stdout, stderr kit.Buffer
	code := make(chan int, 1)
	go func() {
		args := []string{"demo", "--listen", "127.0.0.1:0", "--clerk-listen", "127.0.0.1:0", "--production"}
		code <- run(ctx, args, process{stdout: &stdout, stderr: &stderr})
	}()
	stdout.Await(t, "Ctrl-C")
	cancel()
	assert.Equal(t, exitOK, <-code, stderr.String())
	assert.Empty(t, stderr.String())
	for _, part := range []string{"http://localhost:", "pk_live_", "/__clerk", "jane@example.com", "omar@example.com", "correct horse", "stopped"} {
		assert.Contains(t, stdout.String(), part)
	}
}
