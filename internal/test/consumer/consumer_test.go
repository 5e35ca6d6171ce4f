package consumer

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/clerkgate/clerkgate"

// needed are the modules whose packages an application builds. One more is a
// decision, with its reason in the commit.
var needed = []string{
	"github.com/MicahParks/jwkset", "github.com/MicahParks/keyfunc/v3", "github.com/bits-and-blooms/bitset",
	"github.com/dlclark/regexp2", "github.com/golang-jwt/jwt/v5", "github.com/hashicorp/golang-lru/v2",
	"github.com/nlnwa/whatwg-url", "golang.org/x/net", "golang.org/x/text", "golang.org/x/time",
}

// maxSize bounds the binary, stripped, in bytes; net/http alone is two thirds of it.
const maxSize = 12 << 20

func TestWhatAnApplicationTakesOn(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	c := newApplication(t, root)
	c.run(t, "mod", "tidy")

	var file struct {
		Require []struct{ Path string }
	}
	require.NoError(t, json.Unmarshal([]byte(c.run(t, "mod", "edit", "-json")), &file))
	var required []string
	for _, m := range file.Require {
		if m.Path != module {
			required = append(required, m.Path)
		}
	}
	assert.ElementsMatch(t, needed, required)

	for pkg := range strings.Lines(c.run(t, "list", "-deps", ".")) {
		pkg = strings.TrimSpace(pkg)
		for _, heavy := range []string{
			"google.golang.org/", "github.com/envoyproxy/", "go.yaml.in/", "github.com/santhosh-tekuri/", "github.com/stretchr/",
			"go.uber.org/", "github.com/redis/", "github.com/prometheus/", "github.com/alicebob/", "github.com/rs/cors", "github.com/coder/websocket", module + "/proxy", module + "/internal/test", module + "/clerkapi/clerktest",
		} {
			assert.False(t, strings.HasPrefix(pkg, heavy), "an application is given %s", pkg)
		}
	}

	c.run(t, "build", "-trimpath", "-ldflags=-s -w", "-o", "application")
	binary, err := os.Stat(filepath.Join(c.dir, "application"))
	require.NoError(t, err)
	assert.Less(t, binary.Size(), int64(maxSize))
	modules := strings.Count(c.run(t, "list", "-m", "all"), "\n")
	t.Logf("%d modules in go.mod, %d in the graph, %.1f MB", len(required), modules, float64(binary.Size())/1e6)
}

// application is a module that uses this one.
type application struct{ dir string }

func newApplication(t *testing.T, root string) application {
	t.Helper()
	c := application{dir: t.TempDir()}
	release := strings.TrimSpace(run(t, root, "list", "-m", "-f", "{{.GoVersion}}", module))
	mod := fmt.Sprintf("module example.com/application\n\ngo %s\n\nrequire %s v0.0.0\n\nreplace %[2]s => %s\n", release, module, root)
	program, err := os.ReadFile("testdata/main.go.txt")
	require.NoError(t, err)
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	for name, content := range map[string]string{"go.mod": mod, "go.sum": string(sums), "main.go": string(program)} {
		require.NoError(t, os.WriteFile(filepath.Join(c.dir, name), []byte(content), 0o600))
	}
	return c
}

func (c application) run(t *testing.T, args ...string) string {
	t.Helper()
	return run(t, c.dir, args...)
}

func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	require.NoError(t, err, "go %s\n%s", strings.Join(args, " "), complaints.String())
	return string(out)
}
