package weburl

import (
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/javascript"
)

// pair is one decoded name and value of a query.
type pair struct{ name, value string }

// Get returns the first value of a query parameter and whether there is one.
// Names are compared decoded, so "%5Fa=1" is a parameter "_a".
func (u *URL) Get(name string) (value string, ok bool) {
	return QueryGet(u.query, name)
}

// Append adds a parameter at the end and rewrites the query.
func (u *URL) Append(name, value string) {
	u.setQuery(append(parseQuery(u.query), pair{javascript.ReplaceInvalid(name), javascript.ReplaceInvalid(value)}))
}

// Set sets the first parameter of that name to the value, removes the others of that
// name, and rewrites the query. If there was no such parameter, it is appended.
func (u *URL) Set(name, value string) {
	name, value = javascript.ReplaceInvalid(name), javascript.ReplaceInvalid(value)
	found := false
	pairs := slices.DeleteFunc(parseQuery(u.query), func(p pair) bool {
		if p.name != name {
			return false
		}
		again := found
		found = true
		return again
	})
	if i := slices.IndexFunc(pairs, func(p pair) bool { return p.name == name }); i >= 0 {
		pairs[i].value = value
	} else {
		pairs = append(pairs, pair{name, value})
	}
	u.setQuery(pairs)
}

// Delete removes every parameter that has one of the names. It rewrites the query even
// if there was no such parameter or no name was given.
func (u *URL) Delete(names ...string) {
	u.setQuery(slices.DeleteFunc(parseQuery(u.query), func(p pair) bool {
		return slices.Contains(names, p.name)
	}))
}

func (u *URL) setQuery(pairs []pair) {
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		writeForm(&b, p.name)
		b.WriteByte('=')
		writeForm(&b, p.value)
	}
	u.query = b.String()
	u.hasQuery = u.query != ""
}

// QueryGet is [URL.Get] on a query without its question mark. It allocates only if a
// parameter is escaped.
func QueryGet(query, name string) (value string, ok bool) {
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		if k == name && isPlain(k) || !isPlain(k) && decodeForm(k) == name {
			return decodeForm(v), true
		}
	}
	return "", false
}

func parseQuery(query string) []pair {
	var pairs []pair
	for part := range strings.SplitSeq(query, "&") {
		if part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		pairs = append(pairs, pair{decodeForm(k), decodeForm(v)})
	}
	return pairs
}

const hexDigits = "0123456789ABCDEF"

// writeForm encodes s as application/x-www-form-urlencoded: everything but letters,
// digits and "*-._" is escaped.
func writeForm(b *strings.Builder, s string) {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9',
			c == '*', c == '-', c == '.', c == '_':
			b.WriteByte(c)
		case c == ' ':
			b.WriteByte('+')
		default:
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
}

// isPlain reports whether decoding s gives s.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c == '%' || c == '+' || c >= 0x80 {
			return false
		}
	}
	return true
}

// decodeForm decodes a name or a value. A percent sign that does not begin an escape
// is kept.
func decodeForm(s string) string {
	if isPlain(s) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			b = append(b, ' ')
		case c == '%' && i+2 < len(s) && hexValue(s[i+1]) >= 0 && hexValue(s[i+2]) >= 0:
			b = append(b, byte(hexValue(s[i+1])<<4|hexValue(s[i+2]))) //nolint:gosec // two digits of four bits
			i += 2
		default:
			b = append(b, c)
		}
	}
	return javascript.ReplaceInvalid(string(b))
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
