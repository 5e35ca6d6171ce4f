package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	citedPage  = regexp.MustCompile(`[\w./-]*\w\.md\b`)
	citedFact  = regexp.MustCompile(`docs/protocol\.md,?\s+(\d+(?:\.\d+)?(?:(?:,| and| to)\s+\d+(?:\.\d+)?)*)`)
	factNumber = regexp.MustCompile(`\d+(?:\.\d+)?`)
	statedFact = regexp.MustCompile(`(?m)\*\*(\d+\.\d+)\*\*|^## (\d+) `)
)

// TestCitationsLeadSomewhere holds that a page which a comment names is in the
// repository (from its root, or from the directory of the file or one above),
// and that docs/protocol.md has the fact whose number is cited.
func TestCitationsLeadSomewhere(t *testing.T) {
	t.Parallel()
	facts, pages, numbers := protocolFacts(t), 0, 0
	check := func(name, text string) {
		for _, page := range citedPage.FindAllString(text, -1) {
			pages++
			assert.True(t, pageExists(name, page), "%s cites %s, which is not there", name, page)
		}
		for _, match := range citedFact.FindAllStringSubmatch(text, -1) {
			for _, number := range factNumber.FindAllString(match[1], -1) {
				numbers++
				assert.True(t, facts[number], "%s cites docs/protocol.md, %s, which is not there", name, number)
			}
		}
	}
	for _, name := range sources(t) {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, group := range file.Comments {
			check(name, withoutLineEnds(group))
		}
	}
	assert.Positive(t, pages)
	assert.Positive(t, numbers)
}

// TestDecisionsLeadSomewhere holds each row of middleware/DECISIONS.md to files and facts that are there.
func TestDecisionsLeadSomewhere(t *testing.T) {
	t.Parallel()
	facts, rows := protocolFacts(t), 0
	text, err := os.ReadFile(filepath.Join(root, "middleware", "DECISIONS.md"))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(line, "|\n"), "|")
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| decision ") || strings.HasPrefix(line, "| --- ") {
			continue
		}
		rows++
		if !assert.Len(t, cells, 6, line) {
			continue
		}
		numbers := factNumber.FindAllString(cells[1], -1)
		assert.NotEmpty(t, numbers, line)
		for _, number := range numbers {
			assert.True(t, facts[number], "docs/protocol.md has no %s: %s", number, line)
		}
		name := strings.Trim(cells[2], " `")
		if !strings.Contains(name, "/") {
			name = "middleware/" + name
		}
		assert.FileExists(t, filepath.Join(root, name), line)
	}
	assert.Greater(t, rows, 40)
}

// protocolFacts are the numbers of chapters and facts in docs/protocol.md; each
// is there once, or a citation would have two meanings.
func protocolFacts(t testing.TB) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "protocol.md"))
	require.NoError(t, err)
	facts := make(map[string]bool)
	for _, match := range statedFact.FindAllStringSubmatch(string(text), -1) {
		number := match[1] + match[2]
		assert.False(t, facts[number], "docs/protocol.md states %s twice", number)
		facts[number] = true
	}
	require.NotEmpty(t, facts)
	return facts
}

// sources are the Go files of the repository, those of nested modules too.
func sources(t testing.TB) []string {
	t.Helper()
	var names []string
	require.NoError(t, filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == "testdata" || entry.Name() == ".git") {
			return filepath.SkipDir
		}
		if !entry.IsDir() && strings.HasSuffix(name, ".go") {
			names = append(names, name)
		}
		return nil
	}))
	require.NotEmpty(t, names)
	return names
}

func withoutLineEnds(group *ast.CommentGroup) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(group.Text(), "\n", " ")), " ")
}

func pageExists(from, page string) bool {
	for dir := filepath.Dir(from); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, page)); err == nil {
			return true
		}
		if rel, err := filepath.Rel(root, dir); err != nil || rel == "." || strings.HasPrefix(rel, "..") {
			return false
		}
	}
}
