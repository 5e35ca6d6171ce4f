package openapi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/kit"
)

// suite is a package whose tests talk to the local Clerk over a recording
// transport, in the folder of its module.
type suite struct{ folder, pkg string }

var suites = []suite{{"../../..", "./clerkapi/clerktest"}, {"../compat", "."}}

// leastExchanges is fewer than the suites make today: one that records nothing
// must not look like one without faults.
const leastExchanges = 500

func TestExchangesAreClerks(t *testing.T) {
	folder := os.Getenv("CLERK_OPENAPI")
	if folder == "" {
		const why = "CLERK_OPENAPI names no folder with Clerk's OpenAPI files: no exchange was validated"
		if os.Getenv("OPENAPI_REQUIRED") == "1" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	v := newValidator(folder)
	for _, e := range record(t) {
		v.exchange(t, e)
	}
	t.Logf("%v validated, %v outside the files", v.validated, v.outside)
	total := 0
	for _, n := range v.validated {
		total += n
	}
	assert.GreaterOrEqual(t, total, leastExchanges)
	for _, e := range excuses {
		assert.Positive(t, v.needed[e], "an excuse that nothing needs: %s %s (%s)", e.operation, e.problem, e.why)
	}
	for _, what := range slices.Sorted(maps.Keys(v.found)) {
		f := v.found[what]
		t.Errorf("%d times: %s\n    first in %s: %s %s %s -> %d %s", f.times, what, f.first.Test, f.first.Method, f.first.URL, f.first.Body, f.first.Status, f.first.Answer)
	}
}

// record runs the suites and returns what they exchanged.
func record(t *testing.T) []kit.Exchange {
	t.Helper()
	name := filepath.Join(t.TempDir(), "exchanges")
	for _, s := range suites {
		cmd := exec.CommandContext(t.Context(), "go", "test", "-count=1", s.pkg)
		cmd.Dir = s.folder
		cmd.Env = append(os.Environ(), kit.ExchangesVariable+"="+name, "GOWORK=off")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s of %s:\n%s", s.pkg, s.folder, out)
	}
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	var all []kit.Exchange
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e kit.Exchange
		require.NoError(t, json.Unmarshal(lines.Bytes(), &e))
		all = append(all, e)
	}
	require.NoError(t, lines.Err())
	return all
}
