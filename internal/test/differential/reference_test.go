package differential_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// reference is a Node process that answers as Clerk's SDK does.
type reference struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// outcome is a decision in a form that both sides have in common.
type outcome struct {
	Throws     string         `json:"throws"`
	Status     string         `json:"status"`
	Reason     string         `json:"reason"`
	HasMessage bool           `json:"hasMessage"`
	TokenType  string         `json:"tokenType"`
	Token      string         `json:"token"`
	Auth       map[string]any `json:"auth"`
	Headers    [][2]string    `json:"headers"`
	Calls      []call         `json:"calls"`
}

// missing says why the reference cannot run, or "" if it can.
func missing() string {
	if _, err := exec.LookPath("node"); err != nil {
		return "Node is not installed"
	}
	if _, err := os.Stat(filepath.Join("node_modules", "@clerk", "backend", "package.json")); err != nil {
		return "@clerk/backend is not installed (npm install --prefix internal/test/differential)"
	}
	return ""
}

// skipWithout skips a test that has nothing to compare with.
func skipWithout(t testing.TB) {
	t.Helper()
	if why := missing(); why != "" {
		if os.Getenv("DIFFERENTIAL_REQUIRED") == "1" {
			t.Fatalf("%s, and DIFFERENTIAL_REQUIRED is 1", why)
		}
		t.Skipf("%s: nothing to compare with", why)
	}
}

// startReference starts a process that judges requests to the instances.
func startReference(t testing.TB, instances []*instance) *reference {
	t.Helper()
	byID := make(map[string]*instance, len(instances))
	for _, in := range instances {
		byID[in.id] = in
	}
	r := startNode(t, "reference.mjs")
	var ready struct{ Ready int }
	require.NoError(t, r.exchange(map[string]any{"instances": byID}, &ready))
	require.Equal(t, len(instances), ready.Ready)
	return r
}

// startNode starts a process that runs until the test ends.
func startNode(t testing.TB, script string) *reference {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", script)
	// The environment must not configure the SDK.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	var complaints strings.Builder
	cmd.Stderr = &complaints
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
		if t.Failed() && complaints.Len() > 0 {
			t.Log(script+":", complaints.String())
		}
	})
	return &reference{in: in, out: bufio.NewReaderSize(out, 1<<20)}
}

func (r *reference) judge(q *request, trusted bool) (*outcome, error) {
	line := *q
	line.Request.Headers = nil
	for _, h := range q.Request.Headers {
		// The SDK trusts these from anybody, so those that this module ignores are
		// removed.
		if trusted || !strings.HasPrefix(strings.ToLower(h[0]), "x-forwarded-") {
			line.Request.Headers = append(line.Request.Headers, [2]string{h[0], fromWire(h[1])})
		}
	}
	o := new(outcome)
	if err := r.exchange(line, o); err != nil {
		return nil, err
	}
	for i, h := range o.Headers {
		o.Headers[i][1] = toWire(h[1])
	}
	return o, nil
}

func (r *reference) exchange(question, reply any) error {
	line, err := json.Marshal(question)
	if err != nil {
		return err
	}
	if _, err := r.in.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write to the reference: %w", err)
	}
	text, err := r.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read from the reference: %w", err)
	}
	return json.Unmarshal(text, reply)
}

// fromWire decodes a header's bytes as Node does: one character each.
func fromWire(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

// toWire encodes a header's characters as Node does.
func toWire(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return string(b)
}
