package http1

import "strings"

// isToken says whether s is a token of RFC 9110, as names and methods are.
func isToken(s string) bool {
	for i := range len(s) {
		if !tokenBytes[s[i]] {
			return false
		}
	}
	return s != ""
}

// tokenBytes is [isTokenByte] as a table: names are looked at in every request.
var tokenBytes = func() (table [256]bool) {
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

// isHostByte allows what RFC 3986 allows in host and port.
func isHostByte(c byte) bool {
	return (uint64(1)<<c)&hostLow != 0 || (uint64(1)<<(c-64))&hostHigh != 0
}

// isClean says whether s may be a header's value: no control characters but tabs.
// It looks at eight bytes at a time, because cookies and tokens are long: each
// subtraction borrows into the top bit of a byte that is below 0x20, or is 0x7f, and
// of no byte if there is none such. Which byte it was is looked at then.
func isClean(s string) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for len(s) >= 8 {
		x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		low := (x - ones*0x20) &^ x
		del := x ^ ones*0x7f
		del = (del - ones) &^ del
		if (low|del)&tops != 0 && !isCleanSlowly(s[:8]) {
			return false
		}
		s = s[8:]
	}
	return isCleanSlowly(s)
}

func isCleanSlowly(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// trim cuts the white space that may surround a value.
func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// isWord says whether s is a word, given in lower case, when ASCII letters are
// compared in any case. [strings.EqualFold] knows letters beyond ASCII that fold to
// ASCII ones, and "chun\u212aed" must not be chunked.
func isWord(s, word string) bool {
	if len(s) != len(word) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != word[i] {
			return false
		}
	}
	return true
}

// hasToken says whether a list header has a member, given in lower case.
func hasToken(values []string, token string) bool {
	for _, v := range values {
		for member := range strings.SplitSeq(v, ",") {
			if isWord(trim(member), token) {
				return true
			}
		}
	}
	return false
}

// maxShortName is up to what length a name is made canonical without an allocation.
const maxShortName = 40

// canonical returns a header's name in the form of [net/http.CanonicalHeaderKey];
// false if it is no token. The result may share name's memory.
func canonical(name string) (string, bool) {
	upper, same := true, true
	for i := range len(name) {
		c := name[i]
		if !tokenBytes[c] {
			return "", false
		}
		if upper && 'a' <= c && c <= 'z' || !upper && 'A' <= c && c <= 'Z' {
			same = false
		}
		upper = c == '-'
	}
	if same {
		return name, name != ""
	}
	var short [maxShortName]byte
	b := append(short[:0], name...)
	upper = true
	for i, c := range b {
		if upper && 'a' <= c && c <= 'z' || !upper && 'A' <= c && c <= 'Z' {
			b[i] = c ^ ('a' - 'A')
		}
		upper = c == '-'
	}
	return common(b), true
}

// common returns b as a string, without an allocation for names that are often
// written in lower case.
func common(b []byte) string {
	switch string(b) {
	case "Accept-Ranges":
		return "Accept-Ranges"
	case "Access-Control-Allow-Credentials":
		return "Access-Control-Allow-Credentials"
	case "Access-Control-Allow-Headers":
		return "Access-Control-Allow-Headers"
	case "Access-Control-Allow-Methods":
		return "Access-Control-Allow-Methods"
	case "Access-Control-Allow-Origin":
		return "Access-Control-Allow-Origin"
	case "Access-Control-Expose-Headers":
		return "Access-Control-Expose-Headers"
	case "Age":
		return "Age"
	case "Cache-Control":
		return "Cache-Control"
	case "Connection":
		return "Connection"
	case "Content-Disposition":
		return "Content-Disposition"
	case "Content-Encoding":
		return "Content-Encoding"
	case "Content-Language":
		return "Content-Language"
	case "Content-Length":
		return "Content-Length"
	case "Content-Range":
		return "Content-Range"
	case "Content-Security-Policy":
		return "Content-Security-Policy"
	case "Content-Type":
		return "Content-Type"
	case "Date":
		return "Date"
	case "Etag":
		return "Etag"
	case "Expires":
		return "Expires"
	case "Keep-Alive":
		return "Keep-Alive"
	case "Last-Modified":
		return "Last-Modified"
	case "Link":
		return "Link"
	case "Location":
		return "Location"
	case "Pragma":
		return "Pragma"
	case "Referrer-Policy":
		return "Referrer-Policy"
	case "Server":
		return "Server"
	case "Set-Cookie":
		return "Set-Cookie"
	case "Strict-Transport-Security":
		return "Strict-Transport-Security"
	case "Trailer":
		return "Trailer"
	case "Transfer-Encoding":
		return "Transfer-Encoding"
	case "Vary":
		return "Vary"
	case "Via":
		return "Via"
	case "X-Content-Type-Options":
		return "X-Content-Type-Options"
	case "X-Frame-Options":
		return "X-Frame-Options"
	case "X-Powered-By":
		return "X-Powered-By"
	case "X-Request-Id":
		return "X-Request-Id"
	}
	return string(b)
}
