package house

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/exposition"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

var update = flag.Bool("update", false, "write the tables of the documentation anew")

// TestTablesOfTheDocumentation holds the tables for readers to those that the code
// is made of.
func TestTablesOfTheDocumentation(t *testing.T) { // not parallel: it writes with -update
	readme := section(t, read(t, "README.md"), "variables", variablesInShort())
	holdFile(t, "README.md", section(t, readme, "keys of a route", keysTable("routes")))
	holdFile(t, "docs/reference/variables.md", variablesPage())
	holdFile(t, "docs/reference/routes.md", routesPage())
	holdFile(t, "docs/reference/headers.md", headersPage())
	holdFile(t, "docs/metrics.md", section(t, section(t, read(t, "docs/metrics.md"), "metrics", metricsTable(slices.Concat(exposition.OfProxy(), exposition.OfAuthenticator()))),
		"decisions", metricsTable(exposition.OfDecisions())))
}

// variablesInShort is the README's table.
func variablesInShort() string {
	var b strings.Builder
	b.WriteString("| variable | default | meaning |\n| --- | --- | --- |\n")
	for _, v := range settings.Variables() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.Name, without(v.Required, v.Default, v.Unset), cell(v.Help))
	}
	return b.String()
}

// without is what holds without a variable or a key.
func without(required bool, standard, unset string) string {
	switch {
	case required:
		return "required"
	case standard != "":
		return "`" + standard + "`"
	}
	return cell(unset)
}

func variablesPage() string {
	var b strings.Builder
	b.WriteString(`# Environment variables

<!-- made by go generate ./proxy/settings -->

clerkgate reads its environment when it starts. A variable that is set to nothing counts as not set. Whatever is missing,
malformed or contradictory stops the start with exit code 2 and one message that lists every problem;
` + "`clerkgate check`" + ` finds the same without starting.

- Each variable except secrets has a flag, which takes precedence: ` + "`CLERKGATE_LISTEN` is `--listen`, `CLERK_SIGN_IN_URL` is `--sign-in-url`" + `.
- Lists are separated by commas.
- A duration is a number with its unit, such as ` + "`500ms`, `10s` or `1m30s`" + `.
- A size is a number of bytes, or one with ` + "`KiB`, `MiB` or `GiB`" + `.
- An address is ` + "`host:port` or `:port`, a Unix socket (`unix:/path/to.sock`, or `unix:/path/to.sock?mode=0660` to say who may connect),\n  or what systemd has opened: `systemd` for each of its sockets, `systemd:name` for those with that `FileDescriptorName=`" + `. In a
  list of several, an IP address stands for its own family only: ` + "`0.0.0.0:80,[::]:80`" + `.
- ` + "`clerkgate serve --env-file FILE`" + ` takes variables from lines of ` + "`NAME=value`" + `, behind those of the environment.
- ` + "`SIGHUP`" + ` reads the files again that variables and ` + "`--env-file`" + ` name. The environment of a running process stays what it was; a program that
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
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", v.Name, kind, without(v.Required, v.Default, v.Unset), reload, cell(v.Help))
	}
	return b.String()
}

// keysTable is the table of the keys of one mapping of a routes file.
func keysTable(mapping string) string {
	var b strings.Builder
	b.WriteString("| key | default | meaning |\n| --- | --- | --- |\n")
	for _, m := range routes.Mappings() {
		if m.Name != mapping {
			continue
		}
		for _, k := range m.Keys {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.Name, without(k.Required, k.Default, k.Unset), cell(k.Help))
		}
	}
	return b.String()
}

func routesPage() string {
	var b strings.Builder
	b.WriteString(`# Routes file

<!-- made by go generate ./proxy/routes -->

` + "`CLERKGATE_CONFIG`" + ` names a YAML file that says what becomes of which request. ` + "`clerkgate check`" + ` finds every problem by
line and column, ` + "`clerkgate explain`" + ` tells which route a request takes. Editors can check it by
[` + "`schema.json`" + `](../../proxy/routes/schema.json). A key that is not listed here, and one that could have no effect where it
stands, is a problem.
`)
	titles := map[string]string{
		"": "The file", "routes": "A route", "require": "`require`", "cors": "`cors`", "csrf": "`csrf`, as a mapping",
		"upstreams": "An upstream, as a mapping", "assertion": "`assertion`",
	}
	for _, m := range routes.Mappings() {
		b.WriteString("\n## " + titles[m.Name] + "\n\n" + keysTable(m.Name))
	}
	return b.String()
}

func headersPage() string {
	var b strings.Builder
	b.WriteString(`# Headers that applications believe

<!-- made by go generate ./proxy/settings -->

Frameworks, servers and libraries believe these request headers, and any client can write them. clerkgate takes them off a
request, in every spelling that a CGI application would read as the same (` + "`X_Real_IP`" + `), in trailers too. A name that ends in a
hyphen stands for all that begin so. Headers that are not listed pass as they are.

` + "`CLERKGATE_KEEP_HEADERS`" + `, or ` + "`keep_headers`" + ` of a route, lets those of the second and third table pass from every client, in the
spelling that is written there. A gateway that only asks (forward auth) passes its clients' headers on itself: see
[what a gateway must see to](../../examples/forwardauth/README.md#headers-that-applications-believe).
`)
	for _, kind := range []struct {
		whose wire.Whose
		text  string
	}{
		{wire.Us, "Written anew for the application, from what is known of the connection and, through trusted proxies, of the client."},
		{wire.Proxies, "What proxies say of their clients. They pass from peers in `CLERKGATE_TRUSTED_PROXIES`, in the spelling below: whoever is\ntrusted must overwrite those that the application believes."},
		{wire.Nobody, "What changes the request that was judged: its method, path, host, or which checks the application makes. They pass from\nnobody, because proxies pass them on from strangers."},
	} {
		b.WriteString("\n" + kind.text + "\n\n| header | believed by |\n| --- | --- |\n")
		for _, h := range wire.BelievedHeaders() {
			if h.Whose == kind.whose {
				fmt.Fprintf(&b, "| `%s` | %s |\n", h.Name, cell(h.By))
			}
		}
	}
	return b.String()
}

// metricsTable is a table of metrics, a row for each.
func metricsTable(rows []exposition.Metric) string {
	var b strings.Builder
	b.WriteString("| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n")
	for _, m := range rows {
		help := m.Help
		if m.Missing != "" {
			help += " Missing with " + m.Missing + "."
		}
		labels := ""
		if len(m.Labels) > 0 {
			labels = "`" + strings.Join(m.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.Name, m.Kind, labels, cell(help))
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
