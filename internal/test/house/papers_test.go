package house

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	citedFact  = regexp.MustCompile(`docs/protocol\.md,?\s+(\d+(?:\.\d+)?(?:(?:,| and| to)\s+\d+(?:\.\d+)?)*)`)
	factNumber = regexp.MustCompile(`\d+(?:\.\d+)?`)
	statedFact = regexp.MustCompile(`(?m)\*\*(\d+\.\d+)\*\*|^## (\d+) `)
	namedPath  = regexp.MustCompile("`((?:[.]?[\\w-]+)(?:/[\\w.-]+)+)`")
)

// facts returns the numbers of chapters and facts in docs/protocol.md, which must be
// unique.
func facts(t testing.TB) map[string]bool {
	t.Helper()
	all := make(map[string]bool)
	for _, match := range statedFact.FindAllStringSubmatch(contents(t, "docs/protocol.md"), -1) {
		number := match[1] + match[2]
		assert.False(t, all[number], "docs/protocol.md states %s twice", number)
		all[number] = true
	}
	require.NotEmpty(t, all)
	return all
}

// A comment that cites docs/protocol.md by number must cite an existing fact.
func TestCommentsCiteFactsThatExist(t *testing.T) {
	t.Parallel()
	known, cited := facts(t), 0
	lineEnd := regexp.MustCompile(`\n\s*//\s*`)
	for _, file := range tracked(t, ".go") {
		for _, match := range citedFact.FindAllStringSubmatch(lineEnd.ReplaceAllString(contents(t, file), " "), -1) {
			for _, number := range factNumber.FindAllString(match[1], -1) {
				cited++
				assert.True(t, known[number], "%s cites docs/protocol.md, %s, which does not exist", file, number)
			}
		}
	}
	assert.Positive(t, cited)
}

// Each decision must name existing facts and an existing file.
func TestDecisionsLeadSomewhere(t *testing.T) {
	t.Parallel()
	known, rows := facts(t), 0
	for line := range strings.Lines(contents(t, "middleware/DECISIONS.md")) {
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
			assert.True(t, known[number], "docs/protocol.md has no %s: %s", number, line)
		}
		assert.True(t, leads("middleware", strings.Trim(cells[2], " `")), "%s does not name an existing file", line)
	}
	assert.Greater(t, rows, 40)
}

// Paths in pages for contributors must exist.
func TestPapersNameWhatIsThere(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"CONTRIBUTING.md", "docs/ARCHITECTURE.md", "internal/test/hardening/README.md"} {
		paths := namedPath.FindAllStringSubmatch(contents(t, page), -1)
		assert.NotEmpty(t, paths, page)
		for _, match := range paths {
			if strings.HasPrefix(match[1], "@") {
				continue
			}
			_, err := os.Stat(filepath.Join(root, match[1]))
			assert.NoError(t, err, "%s names %s", page, match[1])
		}
	}
}
