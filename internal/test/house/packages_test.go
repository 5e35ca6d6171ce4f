package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	module = "github.com/clerkgate/clerkgate"
	// root is the path of the repository, relative to this package.
	root = "../../.."
)

// listedPackage is the part of `go list -json` that these tests need.
type listedPackage struct {
	Dir        string
	ImportPath string
	Name       string
	GoFiles    []string
	Imports    []string // of the package itself: tests do not count as importers
}

// name returns the import path without the module's path.
func (p listedPackage) name() string {
	name, _ := local(p.ImportPath)
	return name
}

// ours returns the imported packages of this module, without the module's path.
func (p listedPackage) ours() (names []string) {
	for _, imported := range p.Imports {
		if name, ok := local(imported); ok {
			names = append(names, name)
		}
	}
	return names
}

// local returns an import path without the module's; ok is false outside the module.
func local(importPath string) (name string, ok bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// under reports whether a package is dir or below it.
func under(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

// listPackages returns the module's packages.
func listPackages(t testing.TB) []listedPackage {
	t.Helper()
	packages, err := list()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("go list: %v\n%s", err, exit.Stderr)
	}
	require.NoError(t, err)
	require.NotEmpty(t, packages)
	return packages
}

var list = sync.OnceValues(func() (packages []listedPackage, err error) {
	out, err := exec.Command("go", "list", "-e", "-json=Dir,ImportPath,Name,GoFiles,Imports", module+"/...").Output()
	if err != nil {
		return nil, err
	}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		switch err := decoder.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, err
		}
		packages = append(packages, p)
	}
})
