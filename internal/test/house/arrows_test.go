package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/clerkgate/clerkgate"

// listedPackage is what these tests need of `go list -json`.
type listedPackage struct {
	Dir        string
	ImportPath string
	Name       string
	GoFiles    []string
	Imports    []string
}

// listPackages returns the module's packages; tests do not count as importers.
func listPackages(t testing.TB) []listedPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=Dir,ImportPath,Name,GoFiles,Imports", module+"/...")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("go list: %v\n%s", err, exit.Stderr)
	}
	require.NoError(t, err)

	var packages []listedPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		packages = append(packages, p)
	}
	require.NotEmpty(t, packages)
	return packages
}

// local is an import path without the module's; ok is false outside the module.
func local(importPath string) (name string, ok bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// under says whether a package is dir or lies below it.
func under(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

// arrow says which packages of ours the packages in and below pkg may import.
type arrow struct {
	pkg string
	may []string
}

// arrows is the house. The first arrow that fits counts; a package without one
// fails.
var arrows = []arrow{
	// A fake that shared the verifier's or the client's code would share its bugs.
	{"clerkapi/clerktest", nil},
	{"clerkapi", nil},
	{"internal/test/house", nil},
	{"internal/test/differential", nil},                          // tests only
	{"internal/test/hardening", nil},                             // tests only
	{"internal/test/bench", []string{"internal/http1", "proxy"}}, // a command: it profiles the sidecar
	{"internal/test/certificatetest", nil},
	{"internal/test/vectors", nil}, // recorded decisions, and the Backend API to replay them
	{"internal/wire", nil},
	{"internal/weburl", nil},
	{"internal/problem", nil},
	{"internal/pathpattern", nil},
	{"internal/origin", []string{"internal/weburl", "internal/wire"}},
	{"internal/certificate", nil},
	{"internal/jwks", nil}, // how keys are fetched is given to it
	{"internal/token", []string{"internal/jwks"}},
	{"internal/assertion", nil},
	{"internal/crossorigin", []string{"internal/wire"}},
	{"internal/exchange", []string{"clerkapi", "internal/token"}}, // reads the times of tokens as the verifier does
	{"middleware", []string{"clerkapi", "internal/jwks", "internal/origin", "internal/pathpattern", "internal/problem", "internal/token", "internal/weburl"}},
	{"proxy/routes", []string{"middleware", "internal/wire"}}, // the words of tokens and requirements
	{"internal/http1", []string{"internal/wire"}},
	{"proxy/extauthz", []string{"internal/wire"}}, // what judges is given to it
	{"proxy/internal/answer", nil},
	{"proxy", []string{
		"middleware", "proxy/routes", "proxy/extauthz", "internal/assertion", "internal/certificate",
		"internal/crossorigin", "internal/exchange", "internal/http1", "internal/origin", "proxy/internal/answer",
		"internal/wire",
	}},
	{"cmd/clerkgate/internal/demo", []string{"clerkapi/clerktest", "proxy"}},
	{"cmd/clerkgate/internal/emulator", []string{"clerkapi/clerktest"}},
	{"cmd", []string{"cmd/clerkgate/internal/demo", "cmd/clerkgate/internal/emulator", "internal/problem", "proxy", "proxy/routes"}},
	{"examples", []string{"clerkapi", "clerkapi/clerktest", "proxy", "middleware"}},
}

func TestNothingImportsUpwards(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		name, _ := local(p.ImportPath)
		rule := slices.IndexFunc(arrows, func(a arrow) bool { return under(name, a.pkg) })
		if !assert.GreaterOrEqual(t, rule, 0, "%s has no place in the house: add a rule and say why", name) {
			continue
		}
		for _, imported := range p.Imports {
			if target, ok := local(imported); ok {
				assert.Contains(t, arrows[rule].may, target, "%s must not import %s", name, target)
			}
		}
	}
}

func TestClerkAPINeedsTheStandardLibraryAlone(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		if p.ImportPath != module+"/clerkapi" {
			continue
		}
		for _, imported := range p.Imports {
			first, _, _ := strings.Cut(imported, "/")
			assert.NotContains(t, first, ".", "clerkapi imports %s", imported)
		}
		return
	}
	t.Fatal("clerkapi was not found")
}

func TestPackagesAreNamedForWhatTheyHold(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		for _, vague := range []string{"pkg", "util", "utils", "common", "types", "models", "helpers"} {
			assert.NotEqual(t, vague, path.Base(p.ImportPath), p.ImportPath)
		}
	}
}
