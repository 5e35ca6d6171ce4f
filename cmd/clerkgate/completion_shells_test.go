//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each shell runs its own script.
func TestCompletionInShells(t *testing.T) {
	t.Parallel()
	for shell, test := range map[string]struct{ args, script string }{
		// What readline does on a tab.
		"bash": {"--norc", `source <(clerkgate completion bash)
tab() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _clerkgate; printf '<%s>' "${COMPREPLY[@]}"; echo; }
tab clerkgate de
tab clerkgate serve --log-format ""
tab clerkgate check some
`},
		// _describe calls compadd, which would draw on a terminal.
		"zsh": {"-f", `autoload -Uz compinit && compinit -u -D
source <(clerkgate completion zsh)
_describe() { printf '<%s>' "${${(@P)@[-1]}[@]%%:*}"; echo; }
_files() { printf '<%s>' some*; echo; }
tab() { words=("$@"); CURRENT=$#; _clerkgate; }
tab clerkgate de
tab clerkgate serve --log-format ""
tab clerkgate check some
`},
		"fish": {"--no-config", `clerkgate completion fish | source
for line in "clerkgate de" "clerkgate serve --log-format " "clerkgate check some"
    printf '<%s>' (complete -C $line | string replace -r '\t.*' '' ); echo
end
`},
	} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			path, err := exec.LookPath(shell)
			if err != nil {
				t.Skip(shell + " is not installed")
			}
			dir := t.TempDir()
			self, err := os.Executable()
			require.NoError(t, err)
			require.NoError(t, os.Symlink(self, filepath.Join(dir, "clerkgate")))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "some.yaml"), nil, 0o600))
			cmd := exec.CommandContext(t.Context(), path, test.args)
			cmd.Dir, cmd.Stdin = dir, strings.NewReader(test.script)
			cmd.Env = []string{"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + dir, "TERM=dumb", asBinary + "=1"}
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			assert.Equal(t, "<demo>\n<text><json>\n<some.yaml>\n", string(out))
		})
	}
}
