package routes

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/clerkgate/clerkgate/internal/problem"
)

const (
	// maxText bounds one value, in bytes.
	maxText = 2048
	// maxItems bounds one list.
	maxItems = 200
)

// parser reads a file and collects its problems.
type parser struct {
	file, dir string
	items     []item // the routes, once they are read
	problems  []Problem
}

// value is a node of the file and the place where it stands.
type value struct {
	p    *parser
	node *yaml.Node
	key  string // routes[0].auth
}

// given reports whether the file has this value.
func (v value) given() bool { return v.node != nil }

func (v value) problem(found, want, remedy string) {
	v.report(problem.Problem{Where: v.key, Found: found, Want: want, Remedy: remedy})
}

func (v value) report(p problem.Problem) { v.p.problem(v.node.Line, v.node.Column, p) }

// found describes a value of the wrong kind.
func (v value) found() string {
	switch v.node.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a mapping"
	}
	switch v.node.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!int", "!!float":
		return "the number " + quote(v.node.Value)
	case "!!bool":
		return "the boolean " + quote(v.node.Value)
	case "!!timestamp":
		return "the date " + quote(v.node.Value)
	}
	if v.node.Value == "" {
		return "nothing"
	}
	return quote(v.node.Value)
}

// fields reads a mapping that may have only the given keys. If a key is probably misspelled,
// the result has the key that was meant, with a value that is not given, so that it is not
// reported as missing too.
func (v value) fields(known []string) map[string]value {
	fields := make(map[string]value)
	v.each(func(name string, key, field value) {
		if slices.Contains(known, name) {
			fields[name] = field
			return
		}
		meant, want, remedy := problem.Nearest(name, known), "one of "+strings.Join(known, ", "), ""
		switch {
		case name == "<<":
			want, remedy = "the keys themselves", "Merge keys are not supported."
		case !slices.Contains(known, "role") && isRequirement(name):
			want, remedy = "", "It goes below require."
		case meant != "":
			want, remedy = "", "Did you mean "+meant+"?"
			if _, there := fields[meant]; !there {
				fields[meant] = value{}
			}
		}
		key.problem("the key "+quote(name), want, remedy)
	})
	return fields
}

// each calls f for the pairs of a mapping. A duplicate key is a problem.
func (v value) each(f func(name string, key, field value)) {
	if v.node.Kind != yaml.MappingNode {
		v.problem(v.found(), "key: value pairs", "")
		return
	}
	lines := make(map[string]int)
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key := value{v.p, v.node.Content[i], v.key}
		name := key.node.Value
		if key.node.Kind != yaml.ScalarNode || name == "" {
			key.problem("a key that is not a word", "a word, a colon and a value", "")
			continue
		}
		if v.key != "" {
			key.key += "."
		}
		key.key += shorten(name)
		if first, twice := lines[name]; twice {
			key.problem("the key "+quote(name)+" a second time", "", fmt.Sprintf("Keep this or the one in line %d.", first))
			continue
		}
		lines[name] = key.node.Line
		f(name, key, value{v.p, v.node.Content[i+1], key.key})
	}
}

// shorten returns a key in a form that is fit for a key path.
func shorten(name string) string {
	if len(name) <= maxQuoted && strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 {
		return name
	}
	return quote(name)
}

// list reads a list that is not empty.
func (v value) list(of string) []value {
	switch {
	case v.node.Kind != yaml.SequenceNode:
		v.problem(v.found(), "a list of "+of+" in [ ]", "")
		return nil
	case len(v.node.Content) == 0:
		v.problem("an empty list", of+", or no such key", "")
	case len(v.node.Content) > maxItems:
		v.problem(fmt.Sprintf("a list of %d", len(v.node.Content)), fmt.Sprintf("%d at most", maxItems), "")
		return nil
	}
	items := make([]value, len(v.node.Content))
	for i, n := range v.node.Content {
		items[i] = value{v.p, n, v.key + "[" + strconv.Itoa(i) + "]"}
	}
	return items
}

// texts reads a list of distinct texts. check returns a text in its final form, or reports
// a problem.
func (v value) texts(of string, check func(value) (string, bool)) []string {
	var all []string
	for _, item := range v.list(of) {
		s, ok := check(item)
		if !ok {
			continue
		}
		if slices.Contains(all, s) {
			item.problem(quote(s)+" a second time", "", "Take it out.")
			continue
		}
		all = append(all, s)
	}
	return all
}

// text reads a text that is not empty and has no control characters.
func (v value) text(what string) (string, bool) {
	s := v.node.Value
	switch {
	case v.node.Kind != yaml.ScalarNode || s == "":
		v.problem(v.found(), what, "")
	case v.node.ShortTag() != "!!str":
		v.problem(v.found(), what, "Put it in quotes if it is meant.")
	case len(s) > maxText:
		v.problem(fmt.Sprintf("a text of %d bytes", len(s)), fmt.Sprintf("%d at most", maxText), "")
	case strings.ContainsFunc(s, unicode.IsControl):
		v.problem("a text with a line end or another control character", what, "")
	default:
		return s, true
	}
	return "", false
}

// matched reads a text that must pass a test.
func (v value) matched(what string, ok func(string) bool) (string, bool) {
	s, is := v.text(what)
	if is && !ok(s) {
		v.problem(quote(s), what, "")
		return "", false
	}
	return s, is
}

// choice reads one of several words. A number is read as it is written, so that 401 needs
// no quotes.
func (v value) choice(words []string) string {
	s := v.node.Value
	tag := v.node.ShortTag()
	switch {
	case v.node.Kind != yaml.ScalarNode || tag != "!!str" && tag != "!!int":
		v.problem(v.found(), problem.OneOf(words), "")
	case !slices.Contains(words, s):
		v.problem(v.found(), problem.OneOf(words), suggestion(s, words))
	default:
		return s
	}
	return ""
}

func (v value) boolean() bool {
	if v.node.Kind != yaml.ScalarNode || v.node.Value != "true" && v.node.Value != "false" || v.node.ShortTag() != "!!bool" {
		v.problem(v.found(), "true or false, without quotes", "")
	}
	return v.node.Value == "true"
}

// duration reads a duration from least to most. After a problem it returns 0.
func (v value) duration(least, most time.Duration) time.Duration {
	d, err := time.ParseDuration(v.node.Value)
	if v.node.Kind != yaml.ScalarNode || v.node.ShortTag() != "!!str" || err != nil || d < least || d > most {
		v.problem(v.found(), fmt.Sprintf("a duration from %s to %s with its unit, such as 10s or 1m30s", problem.Duration(least), problem.Duration(most)), "")
		return 0
	}
	return d
}

// path reads the name of a file. It may be relative to the directory of the routes file.
func (v value) path() string {
	s, ok := v.text("the name of a file")
	if !ok || filepath.IsAbs(s) {
		return s
	}
	return filepath.Join(v.p.dir, s)
}
