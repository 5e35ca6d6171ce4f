package reason_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/reason"
)

func TestIndex(t *testing.T) {
	t.Parallel()
	all := make([]string, reason.Len)
	for i := range all {
		all[i] = reason.Name(i)
		assert.Equal(t, i, reason.Index(all[i]), all[i])
	}
	assert.True(t, slices.IsSorted(all))
	assert.Equal(t, reason.Other, reason.Name(reason.Index("session-token-expired-refresh-a_new_code_of_clerk")))
	assert.Equal(t, reason.Other, reason.Name(reason.Index("~")))
	assert.Zero(t, reason.Index(""))
	assert.Panics(t, func() { reason.Name(reason.Len) }, "Len is their number")
}

func TestIndexAllocatesNothing(t *testing.T) { // not parallel, see testing.AllocsPerRun
	assert.Zero(t, int(testing.AllocsPerRun(10, func() { reason.Index("unknown") })))
}

// TestEveryReasonOfTheCodeIsListed reads the constants of the packages that make reasons.
func TestEveryReasonOfTheCodeIsListed(t *testing.T) {
	t.Parallel()
	found := 0
	for _, dir := range []string{"../../middleware", "../token", "../../proxy"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			for name, value := range constants(t, file) {
				switch {
				case strings.HasPrefix(name, "refresh"):
					value = "session-token-expired-refresh-" + value
				case !strings.HasPrefix(strings.ToLower(name), "reason"):
					continue
				}
				found++
				assert.Equal(t, value, reason.Name(reason.Index(value)), "%s in %s", name, file)
			}
		}
	}
	assert.Greater(t, found, 40)
}

// constants returns the constants of a file that are text.
func constants(t *testing.T, file string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	all := make(map[string]string)
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range spec.Names {
			if i >= len(spec.Values) {
				break
			}
			if literal, ok := spec.Values[i].(*ast.BasicLit); ok && literal.Kind == token.STRING {
				all[name.Name], err = strconv.Unquote(literal.Value)
				require.NoError(t, err)
			}
		}
		return true
	})
	return all
}
