package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// logPage lists each message of the log, with what to do.
const logPage = "docs/reference/logs.md"

// logMethods are the methods of [log/slog.Logger] by the index of their message, and the
// level that the page gives.
var logMethods = map[string]struct {
	at    int
	level string
}{
	"Debug": {0, "debug"}, "Info": {0, "info"}, "Warn": {0, "warning"}, "Error": {0, "error"},
	"DebugContext": {1, "debug"}, "InfoContext": {1, "info"}, "WarnContext": {1, "warning"}, "ErrorContext": {1, "error"},
	"LogAttrs": {2, ""},
}

// logged returns the messages of the code that is shipped, with their levels.
func logged(t testing.TB) map[string]string {
	t.Helper()
	messages := make(map[string]string)
	for _, p := range listPackages(t) {
		if under(p.name(), proofs) || under(p.name(), "clerkapi/clerktest") || under(p.name(), "examples") || under(p.name(), "cmd/clerkgate/internal") {
			continue
		}
		for _, name := range p.GoFiles {
			fset := token.NewFileSet()
			parsed, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			ast.Inspect(parsed, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				if text, level, ok := messageOf(call); ok {
					messages[text] = level
				}
				return true
			})
		}
	}
	return messages
}

// messageOf returns the message and the level of a call that logs.
func messageOf(call *ast.CallExpr) (text, level string, ok bool) {
	selector, isMethod := call.Fun.(*ast.SelectorExpr)
	if !isMethod {
		return "", "", false
	}
	method, known := logMethods[selector.Sel.Name]
	if !known || len(call.Args) <= method.at || !isLogger(selector.X) {
		return "", "", false
	}
	literal, constant := call.Args[method.at].(*ast.BasicLit)
	if !constant || literal.Kind != token.STRING {
		return "", "", false
	}
	text, err := strconv.Unquote(literal.Value)
	level = method.level
	if level == "" {
		named, _ := call.Args[1].(*ast.SelectorExpr)
		if named == nil {
			return "", "", false
		}
		level = strings.ToLower(strings.TrimPrefix(named.Sel.Name, "Level"))
		if level == "warn" {
			level = "warning"
		}
	}
	return text, level, err == nil
}

// isLogger reports whether an expression is a logger by its name, such as a.opts.Logger,
// a.log() or slog.New(…).
func isLogger(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.CallExpr:
		if s, ok := x.Fun.(*ast.SelectorExpr); ok {
			return s.Sel.Name == "log" || s.Sel.Name == "New"
		}
	case *ast.SelectorExpr:
		return strings.EqualFold(x.Sel.Name, "logger") || x.Sel.Name == "log"
	case *ast.Ident:
		return x.Name == "logger" || x.Name == "log" || x.Name == "l"
	}
	return false
}

var messageRow = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (debug|info|warning|error) \\| (.*) \\|$")

func TestThePageOfTheLogListsEveryMessage(t *testing.T) {
	t.Parallel()
	code := logged(t)
	require.Greater(t, len(code), 50)
	page := make(map[string]string)
	for _, row := range messageRow.FindAllStringSubmatch(contents(t, logPage), -1) {
		assert.NotContains(t, page, row[1], "%s: two rows", logPage)
		assert.NotEmpty(t, strings.TrimSpace(row[3]), "%s says nothing about %q", logPage, row[1])
		page[row[1]] = row[2]
	}
	var missing []string
	for text, level := range code {
		if found, ok := page[text]; !ok {
			missing = append(missing, "| `"+text+"` | "+level+" | |")
		} else {
			assert.Equal(t, level, found, "%s: the level of %q", logPage, text)
		}
	}
	slices.Sort(missing)
	assert.Empty(t, missing, "%s lacks rows for messages:\n%s", logPage, strings.Join(missing, "\n"))
	for text := range page {
		assert.Contains(t, code, text, "%s has a row for a message that is not in the code", logPage)
	}
}
