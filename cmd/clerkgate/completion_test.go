package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestComplete(t *testing.T) {
	t.Parallel()
	files := []string{completeFiles}
	for line, want := range map[string][]string{
		"clerkgate de":                       {"demo"},
		"clerkgate __":                       nil,
		"clerkgate help ex":                  {"explain"},
		"clerkgate help __":                  nil,
		"clerkgate completion ":              {"bash", "zsh", "fish"},
		"clerkgate version --":               {"--help", "--json"},
		"clerkgate --shutdown-":              {"--shutdown-delay", "--shutdown-timeout"},
		"clerkgate serve --secret":           {"--secret-key-file"},
		"clerkgate serve --policy ":          {"required", "optional"},
		"clerkgate --log-format j":           {"json"},
		"clerkgate --log-format = j":         {"json"}, // as bash splits it
		"clerkgate --log-format =":           {"text", "json"},
		"clerkgate serve --log-format=j":     {"--log-format=json"},
		"clerkgate serve --h2c=":             {"--h2c=true", "--h2c=false"},
		"clerkgate serve --h2c --log-form":   {"--log-format"},
		"clerkgate serve --listen ":          nil,
		"clerkgate serve --nothing=":         nil,
		"clerkgate serve ":                   nil,
		"clerkgate serve --config ":          files,
		"clerkgate serve --tls-cert-file x":  files,
		"clerkgate emulator --seed ":         files,
		"clerkgate check ":                   files,
		"clerkgate check --policy optional ": files,
		"clerkgate check -- ":                files,
		"clerkgate dmo ":                     nil,
	} {
		_, stdout, _ := invoke(t.Context(), nil, append([]string{completeName}, strings.Split(line, " ")[1:]...)...)
		var words []string
		for line := range strings.Lines(stdout) {
			word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			words = append(words, word)
		}
		assert.Equal(t, want, words, line)
	}
}

// Every flag of every command is offered, and so is every command.
func TestCompletionHasEverything(t *testing.T) {
	t.Parallel()
	assert.Len(t, complete(commands(), []string{""}), len(visible(commands())))
	for _, c := range visible(commands()) {
		flags, _ := c.flags()
		offered := strings.Join(complete(commands(), []string{c.name, "-"}), "\n")
		for _, line := range flagsOf(flags) {
			assert.Contains(t, offered, line)
		}
	}
	for _, shell := range shells() {
		code, _, _ := invoke(t.Context(), nil, "completion", shell)
		assert.Equal(t, 0, code)
	}
	for _, args := range [][]string{{}, {"tcsh"}, {"bash", "zsh"}} {
		code, _, stderr := invoke(t.Context(), nil, append([]string{"completion"}, args...)...)
		assert.Equal(t, 2, code)
		assert.Contains(t, stderr, "bash, zsh, fish")
	}
}
