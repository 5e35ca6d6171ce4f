package proxy

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxPathDecodings is how many times an upstream is imagined to decode a path.
// What turns into something else on the way is refused.
const maxPathDecodings = 3

// canonicalPath returns the one form of u's path that the policy judges and the
// upstream gets: escapes of unreserved characters decoded, the others in capitals
// (RFC 3986, section 6.2.2). ok is false for what two parsers could read
// differently: dot segments, empty segments, backslashes, and encoded slashes,
// backslashes, semicolons, dots or control characters, at any depth of encoding.
func canonicalPath(u *url.URL) (path string, ok bool) {
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

// segmentsClear refuses empty segments, dot segments and bytes that no path
// should hold. What follows a semicolon is cut off first, as servers that know
// path parameters do: to them "..;" is "..".
func segmentsClear(path string) bool {
	start := 1
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			if c := path[i]; c == '\\' || c < 0x20 || c == 0x7f {
				return false
			}
			continue
		}
		segment := path[start:i]
		bare, _, parameters := strings.Cut(segment, ";")
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
			if c < 0x20 || c == 0x7f || strings.IndexByte(`/\;.`, c) >= 0 {
				return false
			}
		}
		decoded := decodeEscapes(text)
		if !utf8.ValidString(decoded) {
			return false
		}
		if decoded == text {
			return true
		}
		text = decoded
	}
	// Still changing: nobody writes four layers of escapes in good faith.
	return !strings.Contains(text, "%") || decodeEscapes(text) == text
}

// decodeEscapes decodes each valid escape once and leaves the rest.
func decodeEscapes(s string) string {
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

// normalizeEscapes decodes unreserved characters and capitalizes what stays.
func normalizeEscapes(escaped string) string {
	var b strings.Builder
	b.Grow(len(escaped))
	for i := 0; i < len(escaped); i++ {
		if escaped[i] != '%' {
			b.WriteByte(escaped[i])
			continue
		}
		c, _ := unhexPair(escaped, i)
		if isUnreserved(c) {
			b.WriteByte(c)
		} else {
			b.WriteString(strings.ToUpper(escaped[i : i+3]))
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

// setPath makes u say exactly path, which is escaped and canonical.
func setPath(u *url.URL, path string) {
	u.Path, u.RawPath = decodeEscapes(path), path
}

// withPath returns r with its path in canonical form; r itself when it is
// already. The copy shares everything but the URL.
func withPath(r *http.Request, path string) *http.Request {
	if r.URL.EscapedPath() == path && r.URL.Host == "" {
		return r
	}
	clone := *r
	u := *r.URL
	// An absolute-form target names a host; net/http has it in r.Host already.
	u.Scheme, u.Host, u.User, u.Opaque = "", "", nil, ""
	setPath(&u, path)
	clone.URL = &u // RequestURI stays: Clerk's decisions are about the address as the browser wrote it
	return &clone
}

// pathRule is one entry of the public paths.
type pathRule struct {
	path  string // canonical; with a slash at the end when below is set
	below bool
}

// parsePathRule reads /exact or /prefix/*.
func parsePathRule(s string) (pathRule, bool) {
	prefix, below := strings.CutSuffix(s, "/*")
	if below {
		s = prefix + "/"
	}
	if strings.ContainsAny(s, "*?#") {
		return pathRule{}, false
	}
	u, err := url.ParseRequestURI(s)
	if err != nil || !strings.HasPrefix(s, "/") {
		return pathRule{}, false
	}
	path, ok := canonicalPath(u)
	return pathRule{path: path, below: below}, ok
}

func (p pathRule) matches(path string) bool {
	if p.below {
		return strings.HasPrefix(path, p.path)
	}
	return path == p.path
}
