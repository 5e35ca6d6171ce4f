package house

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/identity"
)

// Every line of Go in the README must be in an example that compiles and is tested.
func TestReadmeShowsCodeThatCompiles(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../../README.md")
	require.NoError(t, err)
	known := make(map[string]bool)
	for _, name := range []string{"main.go", "main_test.go"} {
		example, err := os.ReadFile("../../../examples/nethttp/" + name)
		require.NoError(t, err)
		for line := range strings.Lines(string(example)) {
			known[strings.TrimSpace(line)] = true
		}
	}
	blocks := 0
	for _, block := range strings.Split(string(readme), "```go\n")[1:] {
		code, _, closed := strings.Cut(block, "```")
		require.True(t, closed)
		blocks++
		for line := range strings.Lines(code) {
			assert.True(t, known[strings.TrimSpace(line)], "not in examples/nethttp: %s", line)
		}
	}
	assert.Equal(t, 2, blocks)
}

// The README must describe each identity header.
func TestReadmeListsEveryIdentityHeader(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../../README.md")
	require.NoError(t, err)
	documented := make(map[string]bool)
	for line := range strings.Lines(string(readme)) {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		for i, name := range strings.Split(line, "`") {
			documented[name] = documented[name] || i%2 == 1
		}
	}
	for _, name := range identity.Headers() {
		assert.True(t, documented[name], "README.md, \"Identity headers\", lacks %s", name)
	}
}
