package main

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
		{"help", []string{"-h"}, exitOK, []string{"-listen", "-clerk-listen", "-token-lifetime", "-production", "127.0.0.1:8080", "127.0.0.1:8090", "1m0s"}},
		{"unknown flag", []string{"--port", "1"}, exitUsage, []string{"-port"}},
		{"argument", []string{"now"}, exitUsage, []string{`unexpected argument "now"`}},
		{"no port", []string{"--listen", "localhost"}, exitUsage, []string{"--listen", `"localhost"`, "host:port"}},
		{"not a duration", []string{"--token-lifetime", "soon"}, exitUsage, []string{"token-lifetime"}},
		{"no time at all", []string{"--token-lifetime", "0s"}, exitUsage, []string{"--token-lifetime", "0s", "at least 1s"}},
		{"half a second", []string{"--token-lifetime", "1500ms"}, exitUsage, []string{"whole seconds"}},
		{"every problem at once", []string{"--listen", "a", "--clerk-listen", "b", "c"}, exitUsage, []string{`"a"`, `"b"`, `"c"`}},
		{"port in use", []string{"--listen", inUse, "--clerk-listen", "127.0.0.1:0"}, exitFailure, []string{inUse, "in use", "--listen"}},
		{"Clerk's port in use", []string{"--listen", "127.0.0.1:0", "--clerk-listen", inUse}, exitFailure, []string{inUse, "in use", "--clerk-listen"}},
		{"one port for both", []string{"--listen", free, "--clerk-listen", free}, exitFailure, []string{free, "in use", "--clerk-listen"}},
		{"no such address", []string{"--listen", "192.0.2.1:1"}, exitFailure, []string{"--listen"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			assert.Equal(t, c.code, runDemo(t.Context(), c.args, &stdout, &stderr))
			for _, part := range c.stderr {
				assert.Contains(t, stderr.String(), part)
			}
			assert.Empty(t, stdout.String())
		})
	}
}

func TestRunDemoUntilInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	stdout := &demoSignal{words: "Ctrl-C", seen: make(chan struct{})}
	var stderr bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- runDemo(ctx, []string{"--listen", "127.0.0.1:0", "--clerk-listen", "127.0.0.1:0", "--production"}, stdout, &stderr)
	}()
	<-stdout.seen
	cancel()
	assert.Equal(t, exitOK, <-code, stderr.String())
	assert.Empty(t, stderr.String())
	for _, part := range []string{"http://localhost:", "pk_live_", demoProxyPath, demoJane, "omar@example.com", "correct horse", "stopped"} {
		assert.Contains(t, stdout.String(), part)
	}
}

// demoSignal is an output that tells when certain words were written.
type demoSignal struct {
	demoBuffer
	words string
	seen  chan struct{}
	once  sync.Once
}

func (s *demoSignal) Write(p []byte) (int, error) {
	n, err := s.demoBuffer.Write(p)
	if strings.Contains(s.String(), s.words) {
		s.once.Do(func() { close(s.seen) })
	}
	return n, err
}

func TestDemoOrigin(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1:8080":    "http://localhost:8080",
		"0.0.0.0:8080":      "http://localhost:8080",
		"[::1]:8080":        "http://localhost:8080",
		"[::]:8080":         "http://localhost:8080",
		"192.0.2.7:80":      "http://192.0.2.7:80",
		"[2001:db8::1]:443": "http://[2001:db8::1]:443",
	} {
		assert.Equal(t, want, demoOrigin(address), address)
	}
}
