package wire

import "strings"

// IsToken reports whether s is a token, as the names of headers and methods are (RFC
// 9110, section 5.6.2).
//
// It is called for every header of every request, and so checks eight bytes at a time as
// long as they are letters and hyphens, as most names are.
func IsToken(s string) bool {
	for rest := s; len(rest) >= 8; {
		if !isPlainName(word(rest)) {
			return isTokenSlowly(s)
		}
		if len(rest) == 8 {
			return true
		}
		// The last word may begin with bytes that were checked before.
		rest = rest[min(8, len(rest)-8):]
	}
	return s != "" && isTokenSlowly(s)
}

func isTokenSlowly(s string) bool {
	for i := range len(s) {
		if !tokenBytes[s[i]] {
			return false
		}
	}
	return true
}

// Words of eight bytes: one in each byte, and the top bit of each.
const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
)

// word is the first eight bytes of s.
func word(s string) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// isPlainName reports whether eight bytes are letters and hyphens. An addition carries
// into the top bit of each byte that is at least what it is compared with; with bytes
// below 0x80 it carries no further.
func isPlainName(x uint64) bool {
	if x&tops != 0 {
		return false
	}
	lower := x | ones*0x20
	letters := (lower + ones*(0x80-'a')) &^ (lower + ones*(0x7f-'z'))
	hyphen := x ^ ones*'-'
	hyphens := ^(hyphen + ones*0x7f)
	return (letters|hyphens)&tops == tops
}

// IsTokenByte reports whether c may be part of a token.
func IsTokenByte(c byte) bool { return tokenBytes[c] }

// tokenBytes is [isTokenByte] as a table, because it is used for every request.
var tokenBytes = func() (table [256]bool) { //nolint:gochecknoglobals // it never changes
	for c := range len(table) {
		table[c] = isTokenByte(byte(c))
	}
	return table
}()

// Sets of bytes below 128: bit c%64 of word c/64.
const (
	digitBits  = (1<<10 - 1) << '0'
	letterBits = (1<<26-1)<<('a'-64) | (1<<26-1)<<('A'-64)

	tokenLow  = digitBits | 1<<'!' | 1<<'#' | 1<<'$' | 1<<'%' | 1<<'&' | 1<<'\'' | 1<<'*' | 1<<'+' | 1<<'-' | 1<<'.'
	tokenHigh = letterBits | 1<<('^'-64) | 1<<('_'-64) | 1<<('`'-64) | 1<<('|'-64) | 1<<('~'-64)

	hostLow = digitBits | 1<<'!' | 1<<'$' | 1<<'%' | 1<<'&' | 1<<'\'' | 1<<'(' | 1<<')' | 1<<'*' | 1<<'+' | 1<<',' |
		1<<'-' | 1<<'.' | 1<<':' | 1<<';' | 1<<'='
	hostHigh = letterBits | 1<<('['-64) | 1<<(']'-64) | 1<<('_'-64) | 1<<('~'-64)
)

// A shift by 64 or more gives 0, so that each word answers for its own half.
func isTokenByte(c byte) bool {
	return (uint64(1)<<c)&tokenLow != 0 || (uint64(1)<<(c-64))&tokenHigh != 0
}

// IsValue reports whether s may be a header's value: no control characters but tabs.
//
// It checks eight bytes at a time, because cookies and tokens are long. A byte below
// 0x20, or 0x7f, makes a subtraction borrow, which sets a top bit; without such a byte no
// top bit is set. Only if one is set are the bytes checked one by one.
func IsValue(s string) bool {
	for len(s) >= 8 {
		x := word(s)
		low := (x - ones*0x20) &^ x
		del := x ^ ones*0x7f
		del = (del - ones) &^ del
		if (low|del)&tops != 0 && !isValueSlowly(s[:8]) {
			return false
		}
		if len(s) == 8 {
			return true
		}
		s = s[min(8, len(s)-8):] // the last word may begin with bytes that were checked before
	}
	return isValueSlowly(s)
}

func isValueSlowly(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// Trim cuts the spaces and tabs that may surround a value.
func Trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// EqualFold reports whether two words are the same when ASCII letters are compared
// without regard to case. [strings.EqualFold] knows letters beyond ASCII that fold to
// ASCII ones, and "chun\u212aed" must not be chunked.
func EqualFold(s, word string) bool {
	if len(s) != len(word) {
		return false
	}
	for i := range len(s) {
		if a, b := s[i], word[i]; a != b && (a^b != 'a'-'A' || !isLetter(a)) {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// HasToken reports whether a list header has a member, in any case (RFC 9110, section
// 5.6.1). A member with parameters is another one.
func HasToken(lines []string, token string) bool {
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			if EqualFold(Trim(member), token) {
				return true
			}
		}
	}
	return false
}

// MergeVary returns the lines of a Vary header, followed by the names in more that they
// lack. It changes neither argument, and returns one of them if the other adds nothing.
func MergeVary(lines, more []string) []string {
	switch {
	case len(lines) == 0:
		return more
	case HasToken(lines, "*"):
		return lines
	}
	var missing []string
	for _, line := range more {
		for name := range strings.SplitSeq(line, ",") {
			if name = Trim(name); name != "" && !HasToken(lines, name) && !HasToken(missing, name) {
				missing = append(missing, name)
			}
		}
	}
	if missing == nil {
		return lines
	}
	return append(lines[:len(lines):len(lines)], strings.Join(missing, ", "))
}
