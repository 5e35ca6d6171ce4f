package main

import (
	"flag"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

func TestManualHasEverything(t *testing.T) {
	t.Parallel()
	code, page, stderr := invoke(t.Context(), nil, "man")
	assert.Equal(t, 0, code, stderr)
	for _, v := range settings.Variables() {
		assert.Equal(t, 1, strings.Count(page, `\fB`+v.Name+`\fR`+"\n")+strings.Count(page, `\fB`+v.Name+`\fR, `), v.Name)
	}
	for _, c := range visible(commands()) {
		assert.Contains(t, page, ".SS \"clerkgate "+c.name)
		flags, _ := c.flags()
		flags.VisitAll(func(f *flag.Flag) { assert.Contains(t, page, roff("--"+f.Name)) })
	}
	for _, r := range page {
		assert.Less(t, r, rune(127))
	}
}

func TestRoff(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain":              "plain",
		"pk_test_…":          `pk_test_\[u2026]`,
		`\n and "x"`:         `\en and \(dqx\(dq`,
		".TH\n'x\nhalf-life": "\\&.TH\n\\&'x\nhalf\\-life",
	} {
		assert.Equal(t, want, roff(text))
	}
	assert.Equal(t, `say \fB\-\-x\fR`, roffMarked("say `--x`"))
}

// The page, formatted by the program that man uses.
func TestManualInGroff(t *testing.T) {
	t.Parallel()
	groff, err := exec.LookPath("groff")
	if err != nil {
		t.Skip("groff is not installed")
	}
	_, page, _ := invoke(t.Context(), nil, "man")
	cmd := exec.CommandContext(t.Context(), groff, "-man", "-rLL=500n", "-Tutf8", "-ww", "-P-c", "-P-b", "-P-u")
	cmd.Stdin = strings.NewReader(page)
	var warnings strings.Builder
	cmd.Stderr = &warnings
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.Empty(t, warnings.String())
	for _, want := range []string{"clerkgate serve", "CLERKGATE_LISTEN, --listen", "pk_test_…", "(\\n may stand", "EXIT STATUS"} {
		assert.Contains(t, string(out), want)
	}
}
