package routes

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/clerkgate/clerkgate/internal/problem"
)

const (
	// maxFile bounds a routes file, in bytes.
	maxFile = 1 << 20
	// maxNesting is deeper than anything in a routes file.
	maxNesting = 16
	// maxSearch bounds the search for the line of a syntax error, in bytes read.
	maxSearch = 4 << 20
)

// document reads the only YAML document of a file. After a problem it returns nil.
func (p *parser) document(data []byte) *yaml.Node {
	if len(data) > maxFile {
		p.problem(1, 1, problem.Problem{Found: "a larger file", Want: fmt.Sprintf("%d bytes at most", maxFile)})
		return nil
	}
	if i := invalidText(data); i >= 0 {
		line := 1 + bytes.Count(data[:i], []byte("\n"))
		p.problem(line, i-bytes.LastIndexByte(data[:i], '\n'), problem.Problem{Found: "a byte that is not UTF-8", Remedy: "Save the file as UTF-8."})
		return nil
	}
	lines := &lineReader{rest: data}
	decoder := yaml.NewDecoder(lines)
	var doc yaml.Node
	err := decoder.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF) || err == nil && isEmpty(&doc):
		p.problem(1, 1, problem.Problem{Found: "an empty file", Want: "routes: and below it a list"})
		return nil
	case err != nil:
		p.syntaxError(data, lines.read, err)
		return nil
	}
	var second yaml.Node
	switch err := decoder.Decode(&second); {
	case err == nil:
		p.problem(second.Line, second.Column, problem.Problem{Found: "a second document", Remedy: "Take the line --- out, or make two files."})
		return nil
	case !errors.Is(err, io.EOF):
		p.syntaxError(data, lines.read, err)
		return nil
	}
	root := doc.Content[0]
	before := len(p.problems)
	p.plain(root, 0)
	if len(p.problems) > before {
		return nil
	}
	return root
}

func isEmpty(doc *yaml.Node) bool {
	return len(doc.Content) == 0 || doc.Content[0].Kind == yaml.ScalarNode && doc.Content[0].ShortTag() == "!!null" && doc.Content[0].Value == ""
}

// invalidText returns the index of the first byte that is not UTF-8 text, or -1. UTF-16,
// which YAML also allows, is not accepted.
func invalidText(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 || r == 0 {
			return i
		}
		i += size
	}
	return -1
}

// plain refuses what may make a file mean something else than it seems to: anchors and
// aliases (which can also make a small file huge), and tags.
func (p *parser) plain(n *yaml.Node, depth int) {
	switch {
	case n.Kind == yaml.AliasNode:
		p.problem(n.Line, n.Column, problem.Problem{Found: "the alias " + quote("*"+n.Value), Want: "the value itself", Remedy: "Aliases are not supported."})
		return
	case n.Anchor != "":
		p.problem(n.Line, n.Column, problem.Problem{Found: "the anchor " + quote("&"+n.Anchor), Remedy: "Take it out: anchors are not supported."})
	case n.Style&yaml.TaggedStyle != 0:
		p.problem(n.Line, n.Column, problem.Problem{Found: "the tag " + quote(n.Tag), Remedy: "Take it out: tags are not supported."})
	case depth > maxNesting:
		p.problem(n.Line, n.Column, problem.Problem{Found: fmt.Sprintf("more than %d levels", maxNesting), Want: "5 at most, as a routes file has"})
		return
	}
	for _, child := range n.Content {
		p.plain(child, depth+1)
	}
}

// syntaxError reports text that the YAML parser could not read. read is how many lines the
// parser had got.
func (p *parser) syntaxError(data []byte, read int, err error) {
	what := strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(what, "line "); ok {
		if _, message, ok := strings.Cut(rest, ": "); ok {
			what = message
		}
	}
	line := brokenLine(data, read)
	remedy := "Check indentation, quotes and brackets from this line on."
	switch i := tabbedLine(data); {
	case i > 0 && i <= read:
		line, remedy = i, "Indent with spaces: YAML does not allow tabs there."
	case strings.Contains(what, "expected alphabetic or numeric character"):
		remedy = `Put what begins with * or & in quotes, such as "*.example.com".`
	}
	p.problem(line, 1, problem.Problem{Found: "text that is not YAML (" + shorten(what) + ")", Remedy: remedy})
}

// brokenLine returns the line of a syntax error: the first one after the longest part of the
// file, in whole lines from its start, that can be parsed. The line that the parser names is
// often that of the mapping around it.
func brokenLine(data []byte, read int) int {
	ends := make([]int, 1, read+1)
	for i, c := range data {
		if c == '\n' {
			ends = append(ends, i+1)
		}
		if len(ends) > read {
			break
		}
	}
	searched := 0
	for line := min(read, len(ends)) - 1; line >= 0 && searched < maxSearch; line-- {
		searched += ends[line]
		var doc yaml.Node
		if err := yaml.Unmarshal(data[:ends[line]], &doc); err == nil {
			return line + 1
		}
	}
	return max(read, 1)
}

// tabbedLine returns the first line that is indented with a tab; 0 for none.
func tabbedLine(data []byte) int {
	n := 0
	for line := range bytes.Lines(data) {
		n++
		indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
		if bytes.IndexByte(indent, '\t') >= 0 && len(bytes.TrimSpace(line)) > 0 {
			return n
		}
	}
	return 0
}

// lineReader returns one line for each Read, and so knows how far the parser is.
type lineReader struct {
	rest []byte
	read int
}

func (l *lineReader) Read(b []byte) (int, error) {
	if len(l.rest) == 0 {
		return 0, io.EOF
	}
	line := l.rest
	end := bytes.IndexByte(line, '\n')
	if end >= 0 {
		line = line[:end+1]
	}
	n := copy(b, line)
	l.rest = l.rest[n:]
	if n > 0 && (b[n-1] == '\n' || len(l.rest) == 0) {
		l.read++
	}
	return n, nil
}
