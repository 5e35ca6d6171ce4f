package accesslog

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// isPlain reports whether s has only printable ASCII characters, and neither quotation marks
// nor backslashes. It looks at eight bytes at a time.
func isPlain(s string) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		quote, slash, del := x^ones*'"', x^ones*'\\', x^ones*0x7f
		if (x|(x-ones*' ')|(quote-ones)|(slash-ones)|(del-ones))&tops != 0 {
			return false
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// appendText appends a value as package log/slog's text handler does: in quotation marks only
// if it needs them.
func appendText(b []byte, s string) []byte {
	switch {
	case !isPlain(s):
		return strconv.AppendQuote(b, s)
	case strings.IndexByte(s, ' ') >= 0 || strings.IndexByte(s, '=') >= 0:
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	return append(b, s...)
}

// appendJSON appends a string of JSON. It escapes whatever is not printable: lines are also
// read in terminals.
func appendJSON(b []byte, s string) []byte {
	b = append(b, '"')
	if isPlain(s) {
		b = append(b, s...)
		return append(b, '"')
	}
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == utf8.RuneError && size <= 1:
			b = append(b, `\ufffd`...)
		case unicode.IsPrint(r):
			b = append(b, s[i:i+size]...)
		case r > 0xffff: // as a pair of surrogates
			r -= 0x10000
			b = appendUnit(appendUnit(b, 0xd800+r>>10), 0xdc00+r&0x3ff)
		default:
			b = appendUnit(b, r)
		}
		i += size
	}
	return append(b, '"')
}

func appendUnit(b []byte, r rune) []byte {
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// appendCommon appends a value of the Common Log Format as nginx does, with \xHH for
// quotation marks, backslashes and everything that is not printable ASCII: programs that
// split lines at quotation marks need not know of an escaped one.
func appendCommon(b []byte, s string, spaces bool) []byte {
	switch {
	case s == "":
		return append(b, '-')
	case isPlain(s) && (spaces || strings.IndexByte(s, ' ') < 0):
		return append(b, s...)
	}
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == ' ' && !spaces {
			b = append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}

// appendMillis appends a duration in milliseconds, with three decimals.
func appendMillis(b []byte, d time.Duration) []byte {
	micros := int64(max(d, 0) / time.Microsecond)
	b = strconv.AppendInt(b, micros/1000, 10)
	rest := micros % 1000
	return append(b, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
}
