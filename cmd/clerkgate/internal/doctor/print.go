package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

const (
	textWidth = 78
	indent    = "       "
)

// Print writes results for people, the names in a column of their own. With verbose, what
// passed has its details as well.
func Print(w io.Writer, results []Result, verbose bool) error {
	var b strings.Builder
	counts := make(map[Status]int)
	for _, r := range results {
		counts[r.Status]++
		fmt.Fprintf(&b, "%-6s %-18s %s\n", r.Status, r.Name, r.Message)
		if r.Status == Pass && !verbose {
			continue
		}
		if r.Detail != "" {
			b.WriteString(wrap(r.Detail))
		}
		if r.Remedy != "" {
			b.WriteString(wrap("→ " + r.Remedy))
		}
	}
	fmt.Fprintf(&b, "\n%d failed, %d to look at, %d passed.\n", counts[Fail], counts[Warn], counts[Pass])
	_, err := io.WriteString(w, b.String())
	return err
}

// wrap breaks a text between words, and indents it below the message.
func wrap(text string) string {
	margin := indent + strings.Repeat(" ", 19)
	var b strings.Builder
	line := margin
	for _, word := range strings.Fields(text) {
		if len(line) > len(margin) && len(line)+1+len(word) > textWidth+len(indent) {
			b.WriteString(line + "\n")
			line = margin
		}
		if len(line) > len(margin) {
			line += " "
		}
		line += word
	}
	return b.String() + line + "\n"
}

// PrintJSON writes results as one JSON document.
func PrintJSON(w io.Writer, results []Result) error {
	if results == nil {
		results = []Result{}
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(map[string]any{"ok": !Failed(results), "results": results})
}
