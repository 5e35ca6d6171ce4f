package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tracked returns the files of the repository with one of the endings, or all of them;
// paths are relative to its root.
func tracked(t testing.TB, endings ...string) (files []string) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Skipf("not a checkout: %v", err)
	}
	for file := range strings.Lines(string(out)) {
		file = strings.TrimSpace(file)
		if _, err := os.Stat(filepath.Join(root, file)); err != nil {
			continue // removed, and not yet committed
		}
		for _, ending := range endings {
			if strings.HasSuffix(file, ending) {
				files = append(files, file)
			}
		}
		if len(endings) == 0 {
			files = append(files, file)
		}
	}
	require.NotEmpty(t, files)
	return files
}

func contents(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	require.NoError(t, err)
	return string(text)
}

// longest is the limit on the lines of a file; a longer one has more than one subject.
const longest = 450

func TestFilesHoldOneSubject(t *testing.T) {
	t.Parallel()
	for _, file := range tracked(t, ".go") {
		if !strings.HasSuffix(file, "_test.go") {
			assert.LessOrEqual(t, strings.Count(contents(t, file), "\n"), longest, "%s is too long: split it by subject", file)
		}
	}
}

// The code must not contain notes about what is left to do.
func TestNothingIsLeftForLater(t *testing.T) {
	t.Parallel()
	mark := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|X` + `XX)\b`)
	for _, file := range tracked(t, ".go", ".md", ".mjs", ".sh", ".yml", ".yaml", "Makefile", ".ci/run") {
		for i, line := range strings.Split(contents(t, file), "\n") {
			assert.False(t, mark.MatchString(line), "%s:%d: %s", file, i+1, line)
		}
	}
}

// The source of packages depends on where one builds: the address of a mirror in a lock
// file would fail everywhere else.
func TestNoRegistryIsNamed(t *testing.T) {
	t.Parallel()
	host := regexp.MustCompile(`(?i)registry\.(npmjs|yarnpkg)\.|\b(proxy|sum)\.golang\.org|\bpypi\.org|\bcrates\.io`)
	for _, file := range tracked(t) {
		if file == "internal/test/house/text_test.go" {
			continue
		}
		for i, line := range strings.Split(contents(t, file), "\n") {
			assert.False(t, host.MatchString(line), "%s:%d names the host of a package registry", file, i+1)
		}
	}
}

// Packages must not run code before main.
func TestNoPackageHasInit(t *testing.T) {
	t.Parallel()
	for _, file := range tracked(t, ".go") {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range parsed.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil {
				assert.NotEqual(t, "init", f.Name.Name, file)
			}
		}
	}
}
