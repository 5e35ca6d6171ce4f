package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wallClock lists the places that may convert a time to a number. The number has no
// monotonic reading, so durations computed from it jump when the clock is set.
var wallClock = map[string]string{
	"internal/certificate":     "takes a clock that was set back for a reason to look at the files",
	"internal/token":           "the times in a token are of the wall clock",
	"internal/revocation":      "the times in a token, and of Clerk's events, are of the wall clock",
	"middleware":               "the times in a token are of the wall clock",
	"internal/exposition":      "Prometheus wants Unix times",
	"clerkapi/clerktest":       "the Backend API tells times as numbers",
	"proxy/internal/accesslog": "the time of a line is of the wall clock",
}

func TestDurationsAreMonotonic(t *testing.T) {
	t.Parallel()
	used := make(map[string]bool)
	for _, p := range listPackages(t) {
		if under(p.name(), proofs) {
			continue
		}
		for _, name := range p.GoFiles {
			fset := token.NewFileSet()
			parsed, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			ast.Inspect(parsed, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) > 0 {
					return true
				}
				if selector, ok := call.Fun.(*ast.SelectorExpr); ok && strings.HasPrefix(selector.Sel.Name, "Unix") {
					used[p.name()] = true
					assert.Contains(t, wallClock, p.name(),
						"%s: %s() drops the monotonic reading; keep the time.Time, or count from one", fset.Position(n.Pos()), selector.Sel.Name)
				}
				return true
			})
		}
	}
	for name := range wallClock {
		assert.True(t, used[name], "%s no longer needs an exception", name)
	}
}
