package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/settings"
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
	code = run(ctx, args, process{lookup: lookup, environ: environ, stdout: &out, stderr: &errs})
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
	t.Parallel()
	code, stdout, stderr := invoke(t.Context(), nil)
	assert.Equal(t, 2, code)
	assert.Empty(t, stdout)
	for _, v := range settings.Variables() {
		assert.Equal(t, v.Required, strings.Contains(stderr, v.Name), v.Name)
	}
	assert.Contains(t, stderr, "3 problems")
}

func TestConfigurationProblems(t *testing.T) {
	t.Parallel()
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
	t.Parallel()
	for _, test := range []struct {
		args string
		code int
		want []string // on standard output after success, on standard error otherwise
	}{
		{"dmo", 2, []string{`unknown command "dmo"; did you mean demo?`, `"clerkgate help"`}},
		{"frobnicate", 2, []string{"unknown command \"frobnicate\"\n"}},
		{"version x", 2, []string{`version takes no arguments, but got "x"`, `"clerkgate help version"`}},
		{"version --jsn", 2, []string{"version has no flag --jsn; did you mean --json?"}},
		{"version", 0, []string{"clerkgate ", runtime.Version()}},
		{"-v", 0, []string{"clerkgate "}},
		{"--version", 0, []string{"clerkgate "}},
		{"--version --json", 0, []string{`{"version":`}},
		{"--listen :8081", 2, []string{"the configuration has 3 problems", "CLERKGATE_UPSTREAM"}},
		{"--upstream=http://127.0.0.1:3000", 2, []string{"the configuration has 2 problems"}},
		{"--listen 8081", 2, []string{"  --listen (CLERKGATE_LISTEN)\n    found     \"8081\""}},
		{"check --policy maybe --config x.yaml", 2, []string{"  --policy (CLERKGATE_POLICY)\n", "x.yaml"}},
		{"--listne :8081", 2, []string{"serve has no flag --listne; did you mean --listen?\n"}},
		{"serve --secret-key x", 2, []string{"serve has no flag --secret-key; other users can read a command line: set CLERK_SECRET_KEY\n"}},
		{"--h2c=maybe", 2, []string{"--h2c (CLERKGATE_H2C)"}},
		{"--frobnicate", 2, []string{"serve has no flag --frobnicate\n"}},
		{"serve now", 2, []string{`serve takes no arguments, but got "now"`}},
		{"--help", 0, []string{"CLERKGATE_UPSTREAM", "demo"}},
		{"-h", 0, []string{"CLERKGATE_UPSTREAM"}},
		{"help serve", 0, []string{"Usage: clerkgate serve [FLAGS]\n", "CLERKGATE_UPSTREAM"}},
		{"help check", 0, []string{"Usage: clerkgate check [FLAGS] [FILE]\n"}},
		{"help help", 0, []string{"Usage: clerkgate help [COMMAND]\n"}},
		{"help dmo", 2, []string{"did you mean demo?"}},
		{"help demo now", 2, []string{`help takes one command, but got "now" as well`}},
		{"check --help", 0, []string{"Usage: clerkgate check [FLAGS] [FILE]\n", "CLERKGATE_CONFIG"}},
		{"check clerkgate.yaml -h", 0, []string{"Usage: clerkgate check [FLAGS] [FILE]\n"}},
		{"check -- -h", 2, []string{"open -h: no such file"}},
		{"explain --help", 0, []string{"Usage: clerkgate explain [FLAGS] [METHOD] URL [FILE]\n"}},
		{"demo --help", 0, []string{"Usage: clerkgate demo [FLAGS]\n", "--clerk-listen ADDRESS\n"}},
		{"emulator --token-lifetime soon", 2, []string{`"soon"`, "-token-lifetime", `"clerkgate help emulator"`}},
		{"emulator --seed", 2, []string{"-seed"}},
	} {
		t.Run(test.args, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := invoke(t.Context(), nil, strings.Fields(test.args)...)
			assert.Equal(t, test.code, code)
			told, silent := stdout, stderr
			if code != 0 {
				told, silent = stderr, stdout
			}
			assert.Empty(t, silent)
			for _, want := range test.want {
				assert.Contains(t, told, want)
			}
		})
	}
}

func TestHelpHasEveryCommand(t *testing.T) {
	t.Parallel()
	_, overview, _ := invoke(t.Context(), nil, "help")
	for _, c := range visible(commands()) {
		assert.Contains(t, overview, "\n  "+c.name+" ")
		for _, args := range [][]string{{"help", c.name}, {c.name, "--help"}} {
			code, text, stderr := invoke(t.Context(), nil, args...)
			assert.Equal(t, 0, code)
			assert.Empty(t, stderr)
			assert.True(t, strings.HasPrefix(text, "Usage: clerkgate "+c.name), text)
			flags, _ := c.flags()
			flags.VisitAll(func(f *flag.Flag) {
				if c.serves || !c.configured || !isVariable(f.Name) { // check and explain refer to serve
					assert.Contains(t, text, "  --"+f.Name)
				}
			})
			for line := range strings.SplitSeq(text, "\n") {
				assert.LessOrEqual(t, len([]rune(line)), helpWidth+4, line)
			}
		}
	}
}

func TestVersionForPrograms(t *testing.T) {
	t.Parallel()
	_, stdout, _ := invoke(t.Context(), nil, "version", "--json")
	var told map[string]any
	require.NoError(t, json.Unmarshal([]byte(stdout), &told))
	assert.NotEmpty(t, told["version"])
	assert.Equal(t, runtime.Version(), told["go"])
	assert.Equal(t, runtime.GOOS, told["os"])
	assert.Equal(t, runtime.GOARCH, told["arch"])
}

func TestHelpHasEveryVariable(t *testing.T) {
	t.Parallel()
	_, help, _ := invoke(t.Context(), nil, "help")
	for _, v := range settings.Variables() {
		assert.Equal(t, 1, strings.Count(help, "  "+v.Name+"\n"), v.Name)
	}
	for line := range strings.SplitSeq(help, "\n") {
		assert.LessOrEqual(t, len([]rune(line)), helpWidth+4, line)
	}
}

// A flag wins over the environment.
func TestFlagsWin(t *testing.T) {
	t.Parallel()
	env := serveEnvironment()
	env["CLERKGATE_POLICY"], env["CLERKGATE_H2C"] = "maybe", "perhaps"
	code, _, stderr := invoke(t.Context(), env, "check")
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr, "2 problems")
	env["CLERKGATE_AUTHORIZED_PARTIES"] = "https://app.example.com"
	code, stdout, stderr := invoke(t.Context(), env, "check", "--policy", "optional", "--h2c")
	assert.Equal(t, 0, code, stderr)
	assert.Equal(t, "ok: the environment; it names no routes file\n", stdout)
	assert.Empty(t, stderr)
	code, _, _ = invoke(t.Context(), env, "check", "--policy=", "--h2c=")
	assert.Equal(t, 0, code, "set to nothing is not set")
}

func TestServeStartsAndStops(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	env := serveEnvironment()
	lookup := func(name string) (string, bool) { value, ok := env[name]; return value, ok }
	var stdout, stderr bytes.Buffer
	announced := kit.WriterFunc(func(p []byte) (int, error) {
		if strings.Contains(string(p), "probes") {
			stop() // the last line of the start
		}
		return stdout.Write(p)
	})
	require.Equal(t, 0, run(ctx, nil, process{lookup: lookup, stdout: announced, stderr: &stderr}), stderr.String())
	assert.Contains(t, stdout.String(), "listening   http://127.0.0.1:")
	assert.Contains(t, stdout.String(), "upstream    http://127.0.0.1:1\n")
	assert.NotContains(t, stdout.String()+stderr.String(), "planted0secret")
}

func TestServePortInUse(t *testing.T) {
	t.Parallel()
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
