package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/proxy"
)

// invoke runs the command as a user does.
func invoke(ctx context.Context, env map[string]string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	var environ []string
	for name, value := range env {
		environ = append(environ, name+"="+value)
	}
	lookup := func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}
	code = run(ctx, args, lookup, environ, &out, &errs)
	return code, out.String(), errs.String()
}

func serveEnvironment() map[string]string {
	return map[string]string{
		// clerk.example.com$
		"CLERK_PUBLISHABLE_KEY":  "pk_live_Y2xlcmsuZXhhbXBsZS5jb20k",
		"CLERK_SECRET_KEY":       "sk_live_planted0secret",
		"CLERK_API_URL":          "http://127.0.0.1:1",
		"CLERKGATE_UPSTREAM":     "http://127.0.0.1:1",
		"CLERKGATE_LISTEN":       "127.0.0.1:0",
		"CLERKGATE_ADMIN_LISTEN": "127.0.0.1:0",
	}
}

func TestEmptyEnvironmentListsWhatIsMissing(t *testing.T) {
	code, stdout, stderr := invoke(t.Context(), nil)
	assert.Equal(t, 2, code)
	assert.Empty(t, stdout)
	for _, v := range proxy.Variables() {
		assert.Equal(t, v.Required, strings.Contains(stderr, v.Name), v.Name)
	}
	assert.Contains(t, stderr, "3 problems")
}

func TestConfigurationProblems(t *testing.T) {
	env := serveEnvironment()
	env["CLERK_SECRET_KEY"] = "sk_test_planted0secret"
	env["CLERKGATE_POLICY"] = "maybe"
	env["CLERKGATE_POLISY"] = "required"
	code, _, stderr := invoke(t.Context(), env)
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "CLERK_SECRET_KEY")
	assert.Contains(t, stderr, `"maybe"`)
	assert.Contains(t, stderr, "warning: CLERKGATE_POLISY: not a variable of clerkgate and ignored; did you mean CLERKGATE_POLICY?")
	assert.NotContains(t, stderr, "planted0secret")
}

func TestArguments(t *testing.T) {
	tests := map[string]struct {
		args []string
		code int
		want string
	}{
		"unknown command": {[]string{"sevre"}, 2, `unknown command "sevre"`},
		"extra argument":  {[]string{"version", "x"}, 2, "takes no arguments"},
		"version":         {[]string{"version"}, 0, "clerkgate "},
		"help":            {[]string{"--help"}, 0, "CLERKGATE_UPSTREAM"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := invoke(t.Context(), nil, test.args...)
			assert.Equal(t, test.code, code)
			assert.Contains(t, stdout+stderr, test.want)
			if code == 0 {
				assert.Empty(t, stderr)
			} else {
				assert.Empty(t, stdout)
			}
		})
	}
}

func TestHelpHasEveryVariable(t *testing.T) {
	_, help, _ := invoke(t.Context(), nil, "help")
	for _, v := range proxy.Variables() {
		assert.Equal(t, 1, strings.Count(help, "  "+v.Name+"\n"), v.Name)
	}
	for line := range strings.SplitSeq(help, "\n") {
		assert.LessOrEqual(t, len([]rune(line)), helpWidth+4, line)
	}
}

// writerFunc is an io.Writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestServeStartsAndStops(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	env := serveEnvironment()
	lookup := func(name string) (string, bool) { value, ok := env[name]; return value, ok }
	var stdout, stderr bytes.Buffer
	announced := writerFunc(func(p []byte) (int, error) {
		if strings.Contains(string(p), "probes") {
			stop() // the last line of the start
		}
		return stdout.Write(p)
	})
	require.Equal(t, 0, run(ctx, nil, lookup, nil, announced, &stderr), stderr.String())
	assert.Contains(t, stdout.String(), "listening   http://127.0.0.1:")
	assert.Contains(t, stdout.String(), "upstream    http://127.0.0.1:1\n")
	assert.NotContains(t, stdout.String()+stderr.String(), "planted0secret")
}

func TestServePortInUse(t *testing.T) {
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	env := serveEnvironment()
	env["CLERKGATE_LISTEN"] = taken.Listener.Addr().String()
	code, stdout, stderr := invoke(t.Context(), env)
	assert.Equal(t, 1, code)
	assert.Empty(t, stdout)
	_, port, err := net.SplitHostPort(env["CLERKGATE_LISTEN"])
	require.NoError(t, err)
	assert.Contains(t, stderr, port)
	assert.Contains(t, stderr, "set CLERKGATE_LISTEN")
}
