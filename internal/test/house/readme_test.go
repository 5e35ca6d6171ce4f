package house

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/identity"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// documented is one row of the README's table of variables.
type documented struct{ defaultValue, meaning string }

// documentedVariables reads the rows | `NAME` | default | meaning |.
func documentedVariables(t testing.TB, file string) map[string]documented {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()

	rows := make(map[string]documented)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		cells := strings.SplitN(strings.Trim(lines.Text(), "|"), "|", 3)
		name := strings.Trim(cells[0], " `")
		if len(cells) != 3 || !strings.HasPrefix(name, "CLERK") {
			continue
		}
		assert.NotContains(t, rows, name, "documented twice")
		rows[name] = documented{strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2])}
	}
	require.NoError(t, lines.Err())
	return rows
}

func TestReadmeListsEveryVariableWithItsDefault(t *testing.T) {
	t.Parallel()
	rows := documentedVariables(t, "../../../README.md")
	for _, v := range settings.Variables() {
		row, ok := rows[v.Name]
		if !assert.True(t, ok, "README.md does not document %s", v.Name) {
			continue
		}
		assert.NotEmpty(t, row.meaning, v.Name)
		switch {
		case v.Required:
			assert.Equal(t, "required", row.defaultValue, v.Name)
		case v.Default != "":
			assert.Equal(t, "`"+v.Default+"`", row.defaultValue, v.Name)
		default:
			assert.NotContains(t, row.defaultValue, "`", "%s has no default", v.Name)
		}
		assert.Equal(t, v.Unsupported, strings.HasPrefix(row.meaning, "refused"), v.Name)
		delete(rows, v.Name)
	}
	assert.Empty(t, rows, "README.md documents variables that nobody reads")
}

// Every line of Go in the README stands in an example that compiles and is tested.
func TestReadmeShowsCodeThatCompiles(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../../README.md")
	require.NoError(t, err)
	known := make(map[string]bool)
	for _, name := range []string{"main.go", "main_test.go"} {
		example, err := os.ReadFile("../../../examples/nethttp/" + name)
		require.NoError(t, err)
		for line := range strings.Lines(string(example)) {
			known[strings.TrimSpace(line)] = true
		}
	}
	blocks := 0
	for _, block := range strings.Split(string(readme), "```go\n")[1:] {
		code, _, closed := strings.Cut(block, "```")
		require.True(t, closed)
		blocks++
		for line := range strings.Lines(code) {
			assert.True(t, known[strings.TrimSpace(line)], "not in examples/nethttp: %s", line)
		}
	}
	assert.Equal(t, 2, blocks)
}

// The README says of each identity header what it holds.
func TestReadmeListsEveryIdentityHeader(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../../README.md")
	require.NoError(t, err)
	documented := make(map[string]bool)
	for line := range strings.Lines(string(readme)) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		for i, name := range strings.Split(line, "`") {
			documented[name] = documented[name] || i%2 == 1
		}
	}
	for _, name := range identity.Headers() {
		assert.True(t, documented[name], "README.md, \"Identity headers\", lacks %s", name)
	}
}
