package javascript

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// DecodeText is JavaScript's TextDecoder.decode: it replaces invalid UTF-8, as
// [ReplaceInvalid] does, and drops a leading byte order mark.
func DecodeText(b []byte) []byte {
	if !utf8.Valid(b) {
		b = []byte(ReplaceInvalid(string(b)))
	}
	return bytes.TrimPrefix(b, []byte("\uFEFF"))
}

// ReplaceInvalid replaces invalid UTF-8 with U+FFFD as the WHATWG decoder does: one for
// each truncated character. Go's own conversions give one for each byte, two for
// "\xe2\x82".
func ReplaceInvalid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			n = malformed(s)
		}
		b.WriteRune(r)
		s = s[n:]
	}
	return b.String()
}

// malformed returns how many bytes of the malformed sequence at the start of s are
// replaced by one U+FFFD (WHATWG Encoding, UTF-8 decoder).
func malformed(s string) int {
	low, high, need := byte(0x80), byte(0xBF), 0
	switch c := s[0]; {
	case c >= 0xC2 && c <= 0xDF:
		need = 1
	case c >= 0xE0 && c <= 0xEF:
		need = 2
		if c == 0xE0 {
			low = 0xA0
		} else if c == 0xED {
			high = 0x9F
		}
	case c >= 0xF0 && c <= 0xF4:
		need = 3
		if c == 0xF0 {
			low = 0x90
		} else if c == 0xF4 {
			high = 0x8F
		}
	}
	n := 1
	for ; need > 0 && n < len(s) && s[n] >= low && s[n] <= high; need-- {
		n++
		low, high = 0x80, 0xBF
	}
	return n
}

// IsSpace reports whether JavaScript's String.prototype.trim removes r. The same
// characters are skipped before a number.
func IsSpace(r rune) bool {
	return r == '\uFEFF' || (unicode.IsSpace(r) && r != '\u0085')
}
