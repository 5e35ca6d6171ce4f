package pathpattern

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	prefixes   = "./"  // become part of the parameter that follows
	delimiters = "/#?" // a parameter without its own expression ends at these
)

// token is a piece of a parsed pattern: literal text, or a parameter or group.
type token struct {
	text string // literal; then the fields below are unused

	param    bool
	name     string
	prefix   string
	suffix   string
	expr     string // "" for a group without parameter
	modifier string
	custom   bool // expr needs the engine for JavaScript's syntax
}

type parser struct {
	lexemes []lexeme
	tokens  []token
	text    string // literal text not yet in tokens
	unnamed int
}

func parse(pattern string) ([]token, error) {
	lexemes, err := lex(pattern)
	if err != nil {
		return nil, err
	}
	p := &parser{lexemes: lexemes}
	for len(p.lexemes) > 0 {
		if err := p.step(); err != nil {
			return nil, err
		}
	}
	return p.tokens, nil
}

func (p *parser) step() error {
	char, isChar := p.take(kindChar)
	name, hasName := p.take(kindName)
	expr, hasExpr := p.take(kindPattern)
	if hasName || hasExpr {
		prefix := char
		if !strings.Contains(prefixes, prefix) {
			p.text += prefix
			prefix = ""
		}
		p.flush()
		return p.add(token{name: name, prefix: prefix, expr: expr})
	}
	if !isChar {
		char, isChar = p.take(kindEscaped)
	}
	if isChar {
		p.text += char
		return nil
	}
	p.flush()
	if _, ok := p.take(kindOpen); ok {
		t := token{prefix: p.literal()}
		t.name, _ = p.take(kindName)
		t.expr, _ = p.take(kindPattern)
		t.suffix = p.literal()
		if err := p.expect(kindClose); err != nil {
			return err
		}
		return p.add(t)
	}
	return p.expect(kindEnd)
}

// add fills in name, expression and modifier of a parameter or group, and appends it.
func (p *parser) add(t token) error {
	t.param = true
	t.custom = t.expr != ""
	switch {
	case t.name == "" && t.expr != "":
		t.name = strconv.Itoa(p.unnamed)
		p.unnamed++
	case t.name != "" && t.expr == "":
		expr, lookahead, err := p.segment(t.prefix)
		if err != nil {
			return err
		}
		t.expr, t.custom = expr, lookahead
	}
	t.modifier, _ = p.take(kindModifier)
	p.tokens = append(p.tokens, t)
	return nil
}

// segment returns the expression of a parameter without one: it matches up to the next
// delimiter. If the text before the parameter holds no delimiter, it also ends at that
// text, so that "/:from-:to" is unambiguous.
func (p *parser) segment(prefix string) (expr string, lookahead bool, err error) {
	before := prefix
	if n := len(p.tokens); n > 0 && before == "" {
		if last := p.tokens[n-1]; last.param {
			return "", false, fmt.Errorf("no text between the parameter %q and the next one", last.name)
		}
		before = p.tokens[n-1].text
	}
	class := "[^" + quote(delimiters) + "]"
	if before == "" || strings.ContainsAny(before, delimiters) {
		return class + "+?", false, nil
	}
	return "(?:(?!" + quote(before) + ")" + class + ")+?", true, nil
}

func (p *parser) take(k kind) (value string, ok bool) {
	if len(p.lexemes) == 0 || p.lexemes[0].kind != k {
		return "", false
	}
	value = p.lexemes[0].value
	p.lexemes = p.lexemes[1:]
	return value, true
}

func (p *parser) expect(k kind) error {
	if _, ok := p.take(k); !ok {
		found := p.lexemes[0] // the last one is kindEnd and only expect takes it
		return fmt.Errorf("unexpected %s at %d, expected %s", found.kind, found.index, k)
	}
	return nil
}

func (p *parser) literal() string {
	var b strings.Builder
	for {
		s, ok := p.take(kindChar)
		if !ok {
			s, ok = p.take(kindEscaped)
		}
		if !ok {
			return b.String()
		}
		b.WriteString(s)
	}
}

func (p *parser) flush() {
	if p.text != "" {
		p.tokens = append(p.tokens, token{text: p.text})
		p.text = ""
	}
}
