package house

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

var update = flag.Bool("update", false, "write the tables of the documentation anew")

// TestTablesOfTheDocumentation holds the tables for readers to those that the code
// is made of.
func TestTablesOfTheDocumentation(t *testing.T) { // not parallel: it writes with -update
	readme := read(t, "README.md")
	holdFile(t, "README.md", section(t, readme, "variables", variablesInShort()))
	holdFile(t, "docs/reference/variables.md", variablesPage())
}

// variablesInShort is the README's table.
func variablesInShort() string {
	var b strings.Builder
	b.WriteString("| variable | default | meaning |\n| --- | --- | --- |\n")
	for _, v := range settings.Variables() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.Name, defaultOf(v), cell(v.Help))
	}
	return b.String()
}

func defaultOf(v settings.Variable) string {
	switch {
	case v.Required:
		return "required"
	case v.Default != "":
		return "`" + v.Default + "`"
	}
	return cell(v.Unset)
}

func variablesPage() string {
	var b strings.Builder
	b.WriteString(`# Environment variables

<!-- made by go generate ./proxy/settings -->

clerkgate reads its environment when it starts. A variable that is set to nothing counts as not set. Whatever is missing,
malformed or contradictory stops the start with exit code 2 and one message that lists every problem;
` + "`clerkgate check`" + ` finds the same without starting.

- Lists are separated by commas.
- A duration is a number with its unit, such as ` + "`500ms`, `10s` or `1m30s`" + `.
- A size is a number of bytes, or one with ` + "`KiB`, `MiB` or `GiB`" + `.
- An address is ` + "`host:port` or `:port`" + `.
- ` + "`SIGHUP`" + ` reads the files again that variables name. The environment of a running process stays what it was; a program that
  runs the proxy itself can hand a reload other values, of those marked under "reload". Others need a restart: a reload
  that changes them is refused, and the old configuration goes on.

| variable | value | default | reload | meaning |
| --- | --- | --- | --- | --- |
`)
	for _, v := range settings.Variables() {
		reload := ""
		if v.Reloads {
			reload = "yes"
		}
		kind := cell(v.Kind)
		if v.Secret {
			kind += ", secret"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", v.Name, kind, defaultOf(v), reload, cell(v.Help))
	}
	return b.String()
}

// cell makes text fit for a cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// section returns a page with what stands between the marks of a name replaced.
func section(t testing.TB, page, name, content string) string {
	t.Helper()
	before, rest, found := strings.Cut(page, "<!-- "+name+":")
	require.True(t, found, "no <!-- %s: … --> mark", name)
	mark, rest, _ := strings.Cut(rest, "\n")
	_, after, found := strings.Cut(rest, "<!-- end -->")
	require.True(t, found, "no <!-- end --> after the mark of %s", name)
	return before + "<!-- " + name + ":" + mark + "\n" + content + "<!-- end -->" + after
}

func read(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile("../../../" + name)
	require.NoError(t, err)
	return string(data)
}

// holdFile fails when a file of the repository does not hold content, or writes it.
func holdFile(t testing.TB, name, content string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile("../../../"+name, []byte(content), 0o600))
	}
	assert.Equal(t, content, read(t, name), "%s: run go generate ./proxy/settings ./proxy/routes", name)
}
