package house

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	proofs = "internal/test" // not part of the picture
	arrow  = "─>"
)

// groups are folders that the picture shows as one package.
var groups = []string{"cmd", "examples"}

// room returns the name of a package in the picture: the last part of its path.
func room(pkg string) string {
	for _, group := range groups {
		if under(pkg, group) {
			return group
		}
	}
	return path.Base(pkg)
}

// imports returns the arrows of the code: for each room, the sorted rooms it imports.
func imports(t testing.TB) map[string][]string {
	t.Helper()
	from, owner := make(map[string][]string), make(map[string]string)
	for _, p := range listPackages(t) {
		if under(p.name(), proofs) {
			continue
		}
		name := room(p.name())
		if !slices.Contains(groups, name) {
			require.Empty(t, owner[name], "two packages are called %s", name)
			owner[name] = p.name()
		}
		if _, seen := from[name]; !seen {
			from[name] = nil // it may import nothing
		}
		for _, target := range p.ours() {
			if to := room(target); to != name {
				from[name] = append(from[name], to)
			}
		}
	}
	for name, targets := range from {
		slices.Sort(targets)
		from[name] = slices.Compact(targets)
	}
	return from
}

// drawn is a picture: for each room the rooms its arrows point to, and the rooms
// that have arrows in the order of their lines.
type drawn struct {
	to    map[string][]string
	order []string
}

// pictureIn reads the block of a page that has arrows. A line is a room, an arrow, and the
// rooms it imports, separated by commas; a line that begins with a space continues it.
func pictureIn(t testing.TB, page string) (p drawn, ok bool) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, page))
	require.NoError(t, err)
	for _, block := range regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```").FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(block[1], arrow) {
			continue
		}
		p.to = make(map[string][]string)
		for line := range strings.Lines(strings.ReplaceAll(block[1], "\n ", " ")) {
			from, targets, _ := strings.Cut(line, arrow)
			from = strings.TrimSpace(from)
			require.NotContains(t, p.to, from, "%s: %s has two lines", page, from)
			require.NotContains(t, targets, arrow, "%s: one arrow a line", page)
			p.to[from] = strings.FieldsFunc(targets, func(c rune) bool { return c == ',' || c == ' ' || c == '\n' })
			p.order = append(p.order, from)
		}
		return p, true
	}
	return p, false
}

// The README must show exactly the arrows of the code, and none may point up: a room's
// line is above the lines of the rooms it imports.
func TestReadmeShowsTheArrowsOfTheCode(t *testing.T) {
	t.Parallel()
	p, ok := pictureIn(t, "README.md")
	require.True(t, ok, "README.md has no picture")
	code := imports(t)
	for name, targets := range code {
		shown := slices.Sorted(slices.Values(p.to[name]))
		line := fmt.Sprintf("%s %s %s", name, arrow, strings.Join(targets, ", "))
		assert.True(t, slices.Equal(targets, shown), "README.md, \"How it is built\": the line of %s should be, in any order:\n%s", name, line)
		for _, target := range targets {
			if above := slices.Index(p.order, target); above >= 0 {
				assert.Less(t, slices.Index(p.order, name), above, "README.md: an arrow points up, from %s to %s", name, target)
			}
		}
	}
	for _, name := range p.order {
		assert.NotEmpty(t, code[name], "README.md, \"How it is built\": %s does not exist, or imports no package of this module: remove its line", name)
	}
}

// Other pages may show a part of the picture, but no other arrows.
func TestOtherPicturesAreTrue(t *testing.T) {
	t.Parallel()
	code := imports(t)
	for _, page := range tracked(t, ".md") {
		p, ok := pictureIn(t, page)
		if !ok {
			continue
		}
		for from, targets := range p.to {
			for _, to := range targets {
				assert.Contains(t, code[from], to, "%s shows an arrow from %s to %s, but there is no such import", page, from, to)
			}
		}
	}
}

// Each package must have a row in the README's table, and each row a package.
func TestReadmeNamesEveryPackage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "\n| package | what it does |\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	var named []string
	for line := range strings.Lines(table) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
			assert.NotContains(t, named, name[1], "README.md, \"How it is built\": two rows")
			assert.DirExists(t, filepath.Join(root, name[1]), "README.md, \"How it is built\": a row for a package that does not exist")
			named = append(named, name[1])
		}
	}
	for _, p := range listPackages(t) {
		if !slices.Contains(groups, room(p.name())) {
			assert.Contains(t, named, p.name(), "README.md, \"How it is built\": the table of packages lacks a row")
		}
	}
}
