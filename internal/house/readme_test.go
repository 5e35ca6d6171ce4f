package house

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/proxy"
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
	rows := documentedVariables(t, "../../README.md")
	for _, v := range proxy.Variables() {
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
