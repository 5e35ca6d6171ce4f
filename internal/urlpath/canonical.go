package urlpath

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxPathDecodings is how many times a chain of upstreams is imagined to decode a
// path. What turns into something else on the way is refused.
const maxPathDecodings = 3

// Canonical returns the one form of u's path that is judged and sent upstream:
// escapes of unreserved characters decoded, the others in capitals (RFC 3986,
// section 6.2.2). ok is false for what two parsers could read differently: dot
// segments, empty segments, backslashes, text that is not UTF-8, and encoded
// slashes, backslashes, semicolons, dots or control characters, at any depth of
// encoding. The query is not looked at. A path that is canonical already costs no
// allocation.
func Canonical(u *url.URL) (path string, ok bool) {
	escaped := u.EscapedPath()
	if escaped == "" || escaped[0] != '/' {
		return "", false // "*", or the authority form
	}
	if !segmentsClear(escaped) {
		return "", false
	}
	if !strings.Contains(escaped, "%") {
		return escaped, true
	}
	if !escapesClear(escaped) {
		return "", false
	}
	path = normalizeEscapes(escaped)
	return path, segmentsClear(path)
}

// Set makes u say exactly path, which is escaped.
func Set(u *url.URL, path string) {
	u.Path, u.RawPath = Decode(path), path
}

// segmentsClear refuses empty segments, dot segments and bytes that no path
// should hold. What follows a semicolon is cut off first, as servers that know
// path parameters do: to them "..;" is "..".
func segmentsClear(path string) bool {
	start := 1
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			if c := path[i]; c == '\\' || isControl(c) {
				return false
			}
			continue
		}
		bare, _, parameters := strings.Cut(path[start:i], ";")
		last := i == len(path)
		switch {
		case bare == "." || bare == "..":
			return false
		case bare == "" && (!last || parameters):
			return false
		}
		start = i + 1
	}
	return true
}

// escapesClear decodes again and again, as a chain of careless servers would,
// and refuses what changes the structure at any step. Text that is not UTF-8 is
// refused as well: overlong forms of a dot or a slash hide there.
func escapesClear(escaped string) bool {
	text := escaped
	for range maxPathDecodings {
		for i := 0; i < len(text); i++ {
			if text[i] != '%' {
				continue
			}
			c, ok := unhexPair(text, i)
			if !ok {
				if text == escaped {
					return false // a bad escape; deeper down it is a plain percent sign
				}
				continue
			}
			if isControl(c) || strings.IndexByte(`/\;.`, c) >= 0 {
				return false
			}
		}
		decoded := Decode(text)
		if !utf8.ValidString(decoded) {
			return false
		}
		if decoded == text {
			return true
		}
		text = decoded
	}
	// Still changing: nobody writes four layers of escapes in good faith.
	return Decode(text) == text
}

// Decode returns s with each valid escape decoded once, and the rest as it is.
func Decode(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if c, ok := unhexPair(s, i); s[i] == '%' && ok {
			b.WriteByte(c)
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// normalizeEscapes decodes unreserved characters and capitalizes what stays. Every
// escape of s is valid.
func normalizeEscapes(s string) string { return rewriteEscapes(s, true) }

// capitalizeEscapes writes %2f as %2F. Every escape of s is valid.
func capitalizeEscapes(s string) string { return rewriteEscapes(s, false) }

func rewriteEscapes(s string, decodeUnreserved bool) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if c, _ := unhexPair(s, i); decodeUnreserved && isUnreserved(c) {
			b.WriteByte(c)
		} else {
			b.WriteString(strings.ToUpper(s[i : i+3]))
		}
		i += 2
	}
	return b.String()
}

func unhexPair(s string, i int) (byte, bool) {
	if i+2 >= len(s) {
		return 0, false
	}
	hi, ok1 := unhex(s[i+1])
	lo, ok2 := unhex(s[i+2])
	return hi<<4 | lo, ok1 && ok2
}

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}

func isControl(c byte) bool { return c < 0x20 || c == 0x7f }
