package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// processThings are the names through which code accesses its process. Outside of main
// packages they would be hidden inputs: other packages are given what they need.
var processThings = map[string][]string{
	"os":        {"Args", "Exit", "Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Unsetenv", "Stdin", "Stdout", "Stderr"},
	"os/signal": {"Notify", "NotifyContext", "Ignore", "Reset"},
	"flag":      {"Parse", "CommandLine", "String", "Bool", "Int", "Duration"},
}

func TestOnlyMainTouchesTheProcess(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		if p.Name == "main" {
			continue
		}
		for _, name := range p.GoFiles {
			file := filepath.Join(p.Dir, name)
			fset := token.NewFileSet()
			parsed, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			imports := importedNames(t, parsed)
			ast.Inspect(parsed, func(n ast.Node) bool {
				selector, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if pkg, ok := selector.X.(*ast.Ident); ok {
					assert.NotContains(t, processThings[imports[pkg.Name]], selector.Sel.Name,
						"%s: %s.%s belongs in a main package", fset.Position(n.Pos()), pkg.Name, selector.Sel.Name)
				}
				return true
			})
		}
	}
}

// importedNames maps the names a file uses for packages to their import paths.
func importedNames(t testing.TB, file *ast.File) map[string]string {
	t.Helper()
	names := make(map[string]string)
	for _, spec := range file.Imports {
		importPath, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		name := filepath.Base(importPath)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = importPath
	}
	return names
}
