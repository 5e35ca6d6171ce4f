package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// probesOf serves the two probes, as given, until the test ends.
func probesOf(t *testing.T, address string, ready int) (port string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(ready)
		_, _ = w.Write([]byte("shutting down\n"))
	})
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(mux)
	require.NoError(t, server.Listener.Close())
	server.Listener = l
	server.Start()
	t.Cleanup(server.Close)
	_, port, err = net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return port
}

func TestHealth(t *testing.T) {
	t.Parallel()
	port := probesOf(t, "127.0.0.1:0", http.StatusServiceUnavailable)
	for name, test := range map[string]struct {
		at     string
		args   []string
		code   int
		stdout string
		stderr string
	}{
		"well":          {"127.0.0.1:" + port, nil, 0, "ok\n", ""},
		"not ready":     {"127.0.0.1:" + port, []string{"--ready"}, 1, "", `/readyz at 127.0.0.1:` + port + ` answered 503: "shutting down"`},
		"any address":   {":" + port, nil, 0, "ok\n", ""},
		"any of IPv4":   {"0.0.0.0:" + port, nil, 0, "ok\n", ""},
		"nobody there":  {kit.Refusing(t), nil, 1, "", "connection refused"},
		"any port":      {"127.0.0.1:0", nil, 2, "", "CLERKGATE_ADMIN_LISTEN"},
		"no address":    {"9090", nil, 2, "", `found "9090"`},
		"an argument":   {"127.0.0.1:" + port, []string{"now"}, 2, "", `health takes no arguments, but got "now"`},
		"another flag":  {"127.0.0.1:" + port, []string{"--redy"}, 2, "", "did you mean --ready?"},
		"by a flag":     {"127.0.0.1:0", []string{"--admin-listen", ":" + port}, 0, "ok\n", ""},
		"blanks around": {" 127.0.0.1:" + port + " ", nil, 0, "ok\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := invoke(t.Context(), map[string]string{"CLERKGATE_ADMIN_LISTEN": test.at}, append([]string{"health"}, test.args...)...)
			assert.Equal(t, test.code, code)
			assert.Equal(t, test.stdout, stdout)
			if test.stderr == "" {
				assert.Empty(t, stderr)
			}
			assert.Contains(t, stderr, test.stderr)
		})
	}
}

func TestHealthReadsAFileOfVariables(t *testing.T) {
	t.Parallel()
	port := probesOf(t, "127.0.0.1:0", http.StatusOK)
	name := filepath.Join(t.TempDir(), "clerkgate.env")
	require.NoError(t, os.WriteFile(name, []byte("CLERKGATE_ADMIN_LISTEN=127.0.0.1:"+port+"\n"), 0o600))
	code, stdout, stderr := invoke(t.Context(), nil, "health", "--env-file", name)
	assert.Equal(t, 0, code, stderr)
	assert.Equal(t, "ok\n", stdout)
	code, _, stderr = invoke(t.Context(), map[string]string{"CLERKGATE_ADMIN_LISTEN": kit.Refusing(t)}, "health", "--env-file", name)
	assert.Equal(t, 1, code, "the environment comes first")
	assert.Contains(t, stderr, "connection refused")
	code, _, stderr = invoke(t.Context(), nil, "health", "--env-file", name+".missing")
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "--env-file")
}

func TestWhereHealthAsks(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "tcp 127.0.0.1:9090", ":1": "tcp 127.0.0.1:1", "[::]:1": "tcp [::1]:1", "[::1]:1": "tcp [::1]:1", "10.0.0.1:1": "tcp 10.0.0.1:1",
		"systemd, unix:/run/x.sock?mode=0600": "unix /run/x.sock", "localhost:0,localhost:1": "tcp localhost:1",
	} {
		network, address, err := adminAddress(text)
		require.NoError(t, err)
		assert.Equal(t, want, network+" "+address)
	}
	_, _, err := adminAddress("systemd")
	require.ErrorContains(t, err, `found "systemd"`)
}
