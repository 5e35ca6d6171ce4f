package pathpattern

import "fmt"

// kind is the kind of a lexeme, as errors name it.
type kind string

const (
	kindModifier kind = "modifier"
	kindEscaped  kind = "escaped character"
	kindOpen     kind = "{"
	kindClose    kind = "}"
	kindName     kind = "parameter name"
	kindPattern  kind = "regular expression"
	kindChar     kind = "character"
	kindEnd      kind = "end of pattern"
)

type lexeme struct {
	kind  kind
	index int
	value string
}

// lex splits a pattern into lexemes. It works on bytes: all special characters are
// ASCII, and the parser joins the bytes of other characters again.
func lex(s string) ([]lexeme, error) {
	var out []lexeme
	for i := 0; i < len(s); {
		l := lexeme{kind: kindChar, index: i, value: s[i : i+1]}
		next := i + 1
		switch s[i] {
		case '*', '+', '?':
			l.kind = kindModifier
		case '{':
			l.kind = kindOpen
		case '}':
			l.kind = kindClose
		case '\\':
			if next == len(s) {
				return nil, fmt.Errorf("backslash at the end, at %d", i)
			}
			l.kind, l.value = kindEscaped, s[next:next+1]
			next++
		case ':':
			for next < len(s) && isNameByte(s[next]) {
				next++
			}
			if next == i+1 {
				return nil, fmt.Errorf("missing parameter name at %d", i)
			}
			l.kind, l.value = kindName, s[i+1:next]
		case '(':
			end, err := closing(s, i)
			if err != nil {
				return nil, err
			}
			l.kind, l.value = kindPattern, s[i+1:end]
			next = end + 1
		}
		out = append(out, l)
		i = next
	}
	return append(out, lexeme{kind: kindEnd, index: len(s)}), nil
}

func isNameByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_'
}

// closing returns the index of the parenthesis that ends the expression
// beginning at open.
func closing(s string, open int) (int, error) {
	if open+1 < len(s) && s[open+1] == '?' {
		return 0, fmt.Errorf("regular expression cannot start with \"?\" at %d", open+1)
	}
	depth := 1
	for i := open + 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
			if i+1 >= len(s) || s[i+1] != '?' {
				return 0, fmt.Errorf("capturing groups are not allowed at %d", i)
			}
		case ')':
			if depth--; depth > 0 {
				continue
			}
			if i == open+1 {
				return 0, fmt.Errorf("missing regular expression at %d", open)
			}
			return i, nil
		}
	}
	return 0, fmt.Errorf("unbalanced parenthesis at %d", open)
}
