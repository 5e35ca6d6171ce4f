package house

import (
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// forbidden are imports that are not allowed, whatever the picture shows.
var forbidden = []struct{ from, to, because string }{
	{"clerkapi", "internal", "a client of the Backend API is of use without the rest"},
	{"clerkapi/clerktest", "internal/token", "a fake that shares the verifier's code shares its bugs"},
	{"clerkapi/clerktest", "internal/jwks", "a fake that shares the verifier's code shares its bugs"},
	{"internal/token", "clerkapi", "how keys are fetched is given to the verifier"},
	{"internal/jwks", "clerkapi", "how keys are fetched is given to the verifier"},
	{"middleware", "proxy", "the library is of use without the sidecar"},
	{"proxy/internal", "proxy/settings", "a part of the sidecar gets its options, not everybody's configuration"},
	{"internal/http1", "internal/token", "the transport knows nothing of sessions"},
}

func TestForbiddenArrows(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		for _, target := range p.ours() {
			for _, rule := range forbidden {
				assert.False(t, under(p.name(), rule.from) && under(target, rule.to), "%s must not import %s: %s", p.name(), target, rule.because)
			}
			assert.False(t, under(target, proofs) && !under(p.name(), proofs), "%s is shipped and must not import %s", p.name(), target)
			assert.False(t, target == "proxy" && under(p.name(), "proxy"), "%s is a part of proxy and must not import it", p.name())
		}
	}
}

func TestClerkAPINeedsTheStandardLibraryAlone(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		if p.name() != "clerkapi" {
			continue
		}
		for _, imported := range p.Imports {
			first, _, _ := strings.Cut(imported, "/")
			assert.NotContains(t, first, ".", "clerkapi imports %s", imported)
		}
		return
	}
	require.FailNow(t, "clerkapi was not found")
}

func TestPackagesAreNamedForWhatTheyHold(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		for _, vague := range []string{"pkg", "util", "utils", "common", "types", "models", "helpers"} {
			assert.NotEqual(t, vague, path.Base(p.ImportPath), p.ImportPath)
		}
	}
}
