package house

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cited matches names of files and folders of this repository in comments: a name with
// the extension of a source file, or a path below one of the folders at the root.
var cited = regexp.MustCompile(`(?:^|[\s("'` + "`" + `\[])((?:[\w.-]+/)*[\w-]+\.(?:md|go|mjs|sh|lua)|(?:internal|proxy|docs|cmd|examples|clerkapi|middleware|\.ci)/[\w./-]*\w)`)

// A page or file that a comment names must exist, relative to the comment's folder or to
// the root. Other projects are cited by name and subject, not by files that may move.
func TestCommentsCiteWhatExists(t *testing.T) {
	t.Parallel()
	for _, file := range tracked(t, ".go") {
		for _, comment := range comments(t, file) {
			for _, m := range cited.FindAllStringSubmatch(comment.text, -1) {
				assert.True(t, leads(filepath.Dir(file), m[1]),
					"%s:%d cites %s, which is not in the repository: name the page as it is seen from here or from the root", file, comment.line, m[1])
			}
		}
	}
}

type comment struct {
	text string
	line int
}

func comments(t testing.TB, file string) (all []comment) {
	t.Helper()
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, filepath.Join(root, file), nil, parser.ParseComments|parser.SkipObjectResolution)
	require.NoError(t, err)
	for _, group := range parsed.Comments {
		for _, c := range group.List {
			all = append(all, comment{c.Text, fset.Position(c.Pos()).Line})
		}
	}
	return all
}

// leads reports whether a path exists, relative to dir or to the root.
func leads(dir, name string) bool {
	for _, from := range []string{dir, "."} {
		if _, err := os.Stat(filepath.Join(root, from, name)); err == nil {
			return true
		}
	}
	return false
}

// Links between pages must lead to existing files.
func TestLinksBetweenPagesLeadSomewhere(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)
	for _, file := range tracked(t, ".md") {
		for _, m := range link.FindAllStringSubmatch(contents(t, file), -1) {
			if !strings.Contains(m[1], "://") && !strings.HasPrefix(m[1], "mailto:") {
				assert.True(t, leads(filepath.Dir(file), m[1]), "%s links to %s, which does not exist", file, m[1])
			}
		}
	}
}
