package claimheader

import (
	"fmt"
	"strings"

	"github.com/clerkgate/clerkgate/internal/problem"
)

// Limits on a template.
const (
	maxTemplate = 512 // bytes
	maxPath     = 128 // bytes
	maxSegments = 8
)

const wantTemplate = `the path of a claim, such as email or public_metadata.team, or a text with such paths in braces, such as "{first_name} {last_name}"`

// template is the value of a header before it is known whose it is.
type template struct {
	parts []part
	// isName says that there are only spaces between the fields.
	isName bool
}

// part is a field and the text before it. The last one may have no field.
type part struct {
	text  string
	field int // index in the fields of the set; -1 for none
}

// Check reports what is wrong with a template, as a [*problem.Problem].
func Check(text string) error {
	_, _, err := split(text)
	return err
}

// split returns the texts of a template and the paths between them: each path comes after
// the text of the same index.
func split(text string) (texts, paths []string, err error) {
	if p := problemOf(text); p != nil {
		return nil, nil, p
	}
	if !strings.ContainsAny(text, "{}") {
		return []string{""}, []string{text}, checkPath(text)
	}
	for rest := text; ; {
		before, after, found := strings.Cut(rest, "{")
		path, behind, closed := strings.Cut(after, "}")
		if strings.Contains(before, "}") || found && !closed {
			return nil, nil, &problem.Problem{Found: problem.Quote(text) + ", whose braces do not match", Want: wantTemplate}
		}
		texts = append(texts, before)
		if !found {
			return texts, paths, nil
		}
		if err := checkPath(path); err != nil {
			return nil, nil, err
		}
		paths = append(paths, path)
		rest = behind
	}
}

// problemOf finds what no template may have.
func problemOf(text string) *problem.Problem {
	p := &problem.Problem{Found: problem.Quote(text), Want: wantTemplate}
	switch {
	case text == "":
		p.Found = "nothing"
	case len(text) > maxTemplate:
		p.Found, p.Want = fmt.Sprintf("a text of %d bytes", len(text)), fmt.Sprintf("%d at most", maxTemplate)
	case strings.TrimSpace(text) != text:
		p.Found += ", with a space at its start or end"
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' || r == '%' }):
		p.Found, p.Want = p.Found+", with a character that values have in another form", "printable ASCII without the percent sign"
	default:
		return nil
	}
	return p
}

// checkPath checks the path of a claim.
func checkPath(path string) error {
	segments := strings.Split(path, ".")
	p := &problem.Problem{Found: problem.Quote(path), Want: wantTemplate}
	if len(path) > maxPath || len(segments) > maxSegments {
		p.Want = fmt.Sprintf("a path of %d names and %d bytes at most", maxSegments, maxPath)
		return p
	}
	for _, s := range segments {
		switch {
		case s == "" || strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-:/@$") != "":
			return p
		case s == "unsafe_metadata":
			p.Want, p.Remedy = "a claim that the user cannot write, such as public_metadata.team", "Users write their unsafe_metadata themselves."
			return p
		case s == "private_metadata":
			p.Want, p.Remedy = "a claim that others may see, such as public_metadata.team", "Clerk keeps private_metadata from everybody but a backend."
			return p
		}
	}
	return nil
}
