package pathpattern

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
)

// matchTimeout bounds one match in the backtracking engine. An ordinary path takes
// microseconds.
const matchTimeout = time.Second

// Matcher holds compiled patterns. It is safe for concurrent use. A nil Matcher and
// the zero value match nothing.
type Matcher struct {
	patterns []compiled
}

// compiled is one pattern, compiled for exactly one of the two engines.
type compiled struct {
	keys   []token
	linear *regexp.Regexp
	ecma   *regexp2.Regexp
}

// Compile compiles patterns that are alternatives; the first that matches a path
// counts. The error lists every invalid pattern and what is wrong with it.
func Compile(patterns []string) (*Matcher, error) {
	m := &Matcher{}
	var problems []error
	for _, p := range patterns {
		c, err := compile(p)
		if err != nil {
			problems = append(problems, fmt.Errorf("path pattern %q: %w", p, err))
			continue
		}
		m.patterns = append(m.patterns, c)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return m, nil
}

// Match reports whether the path matches one of the patterns, and returns the
// parameters, not decoded. An optional parameter that is absent is not in the map. A
// repeated parameter, an array in JavaScript, is converted to a string as in
// JavaScript: for "/:x+" the path "/a/b" gives "a,b".
func (m *Matcher) Match(pathname string) (params map[string]string, ok bool) {
	if m == nil {
		return nil, false
	}
	for _, c := range m.patterns {
		if params, ok := c.match(pathname); ok {
			return params, true
		}
	}
	return nil, false
}

// IsList reports whether the parameter is repeated in the pattern that the path
// matches: it is an array in JavaScript, which equals no string, even with one element.
func (m *Matcher) IsList(pathname, name string) bool {
	if m == nil {
		return false
	}
	for _, c := range m.patterns {
		if _, ok := c.match(pathname); !ok {
			continue
		}
		for _, k := range c.keys {
			if k.name == name {
				return k.repeated()
			}
		}
		return false
	}
	return false
}

func (t token) repeated() bool { return t.modifier == "*" || t.modifier == "+" }

func compile(pattern string) (compiled, error) {
	tokens, err := parse(pattern)
	if err != nil {
		return compiled{}, err
	}
	var c compiled
	var b strings.Builder
	b.WriteString("^")
	linear := true
	for _, t := range tokens {
		if t.param && t.expr != "" {
			c.keys = append(c.keys, t)
			linear = linear && !t.custom
		}
		src, err := t.source()
		if err != nil {
			return compiled{}, err
		}
		b.WriteString(src)
	}
	// "\z" and not "$", which would match before a line feed at the end.
	b.WriteString("[" + quote(delimiters) + `]?\z`)

	groups := 0
	if linear {
		c.linear, err = regexp.Compile("(?i)" + b.String())
		if err != nil {
			return compiled{}, err
		}
		groups = c.linear.NumSubexp()
	} else {
		c.ecma, err = regexp2.Compile(b.String(), regexp2.ECMAScript|regexp2.IgnoreCase)
		if err != nil {
			return compiled{}, err
		}
		c.ecma.MatchTimeout = matchTimeout
		groups = len(c.ecma.GetGroupNumbers()) - 1
	}
	if groups != len(c.keys) {
		return compiled{}, errors.New("capturing groups are not allowed")
	}
	return c, nil
}

// source returns the regular expression of one token.
func (t token) source() (string, error) {
	if !t.param {
		return quote(t.text), nil
	}
	prefix, suffix := quote(t.prefix), quote(t.suffix)
	repeated := t.repeated()
	switch {
	case t.expr == "":
		return "(?:" + prefix + suffix + ")" + t.modifier, nil
	case !repeated && prefix+suffix == "":
		return "(" + t.expr + ")" + t.modifier, nil
	case !repeated:
		return "(?:" + prefix + "(" + t.expr + ")" + suffix + ")" + t.modifier, nil
	case prefix+suffix == "":
		return "", fmt.Errorf("cannot repeat %q without a prefix and suffix", t.name)
	}
	optional := ""
	if t.modifier == "*" {
		optional = "?"
	}
	return "(?:" + prefix + "((?:" + t.expr + ")(?:" + suffix + prefix + "(?:" + t.expr + "))*)" + suffix + ")" + optional, nil
}

func (c compiled) match(pathname string) (map[string]string, bool) {
	if c.linear != nil {
		loc := c.linear.FindStringSubmatchIndex(pathname)
		if loc == nil {
			return nil, false
		}
		return c.params(func(group int) (string, bool) {
			from, to := loc[2*group], loc[2*group+1]
			if from < 0 {
				return "", false
			}
			return pathname[from:to], true
		}), true
	}
	// The only error is a timeout: fail closed.
	m, err := c.ecma.FindStringMatch(pathname)
	if err != nil || m == nil {
		return nil, false
	}
	return c.params(func(group int) (string, bool) {
		g := m.GroupByNumber(group)
		return g.String(), len(g.Captures) > 0
	}), true
}

func (c compiled) params(group func(int) (string, bool)) map[string]string {
	params := make(map[string]string, len(c.keys))
	for i, k := range c.keys {
		v, ok := group(i + 1)
		if !ok {
			continue
		}
		if k.repeated() {
			v = strings.ReplaceAll(v, k.prefix+k.suffix, ",")
		}
		params[k.name] = v
	}
	return params
}

// quote escapes text for both engines.
func quote(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(`.+*?=^!:${}()[]|/\`, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
