package urlpath

import (
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxReadings bounds the readings of one path. Honest paths have a handful.
	maxReadings = 64
	// maxReadablePath bounds a path that needs readings, in bytes, so that nobody
	// makes this server work for long on one request.
	maxReadablePath = 8 << 10
)

// Reading is a path as some chain of servers could understand it.
type Reading struct {
	// Text is the path.
	Text string
	// Decoded says that no escapes are left that a server would still take off
	// before it compares: Text is compared with what a pattern means, not with how
	// it is written.
	Decoded bool
}

func readingOf(text string, decoded bool) Reading {
	return Reading{text, decoded || strings.IndexByte(text, '%') < 0}
}

// Readings returns every form of an escaped path that a chain of servers could
// arrive at, when each may decode, resolve dot segments, merge slashes, cut
// parameters or an unescaped query off, take backslashes for slashes and accept
// overlong UTF-8, in any order, decoding three times at most. The first is the path
// itself. ok is false for what never passes: control characters and bad escapes,
// four layers of escapes, and what has too many readings to be worth the work.
func Readings(escaped string) (all []Reading, ok bool) {
	if len(escaped) > maxReadablePath || escaped == "" || escaped[0] != '/' {
		return nil, false
	}
	for i := range len(escaped) {
		if _, valid := unhexPair(escaped, i); escaped[i] == '%' && !valid {
			return nil, false // a bad escape; deeper down it is a plain percent sign
		}
	}
	all = append(make([]Reading, 0, 8), readingOf(capitalizeEscapes(escaped), false))
	// Each layer is closed under the operations before the next is decoded.
	for layer, start := 0, 0; ; layer++ {
		for i := start; i < len(all); i++ {
			text := all[i].Text
			for j := range len(text) {
				if isControl(text[j]) {
					return nil, false
				}
			}
			for _, understand := range misreadings {
				all = appendNew(all, readingOf(understand(text), layer > 0))
			}
			if len(all) > maxReadings {
				return nil, false
			}
		}
		end := len(all)
		for _, r := range all[start:end] {
			all = appendNew(all, readingOf(Decode(r.Text), true))
		}
		switch {
		case len(all) == end:
			return all, true
		case layer == maxPathDecodings:
			return nil, false // nobody writes four layers of escapes in good faith
		}
		start = end
	}
}

func appendNew(all []Reading, r Reading) []Reading {
	if slices.Contains(all, r) {
		return all
	}
	return append(all, r)
}

// misreadings are what servers do to paths besides decoding them. Each returns its
// argument when it finds nothing to do.
var misreadings = []func(string) string{backslashesAsSlashes, cutParameters, cutQuery, mergeSlashes, resolveDots, shortenUTF8}

func backslashesAsSlashes(path string) string { return strings.ReplaceAll(path, `\`, "/") }

// cutParameters takes ";…" off each segment.
func cutParameters(path string) string {
	if strings.IndexByte(path, ';') < 0 {
		return path
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		segments[i], _, _ = strings.Cut(s, ";")
	}
	return strings.Join(segments, "/")
}

// cutQuery ends a path where a server that parses it again after decoding would
// (CVE-2026-41059).
func cutQuery(path string) string {
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		return path[:i]
	}
	return path
}

func mergeSlashes(path string) string {
	if !strings.Contains(path, "//") {
		return path
	}
	var b strings.Builder
	b.Grow(len(path))
	for i := range len(path) {
		if path[i] != '/' || i == 0 || path[i-1] != '/' {
			b.WriteByte(path[i])
		}
	}
	return b.String()
}

// resolveDots removes dot segments as RFC 3986, section 5.2.4, does.
func resolveDots(path string) string {
	if !strings.Contains(path, "/.") {
		return path
	}
	segments := strings.Split(path[1:], "/")
	kept := make([]string, 0, len(segments))
	for i, s := range segments {
		if s != "." && s != ".." {
			kept = append(kept, s)
			continue
		}
		if s == ".." && len(kept) > 0 {
			kept = kept[:len(kept)-1]
		}
		if i == len(segments)-1 {
			kept = append(kept, "")
		}
	}
	return "/" + strings.Join(kept, "/")
}

// shortenUTF8 reads overlong forms of ASCII characters, such as C0 AE for a dot, as
// old decoders did.
func shortenUTF8(path string) string {
	if utf8.ValidString(path) {
		return path
	}
	b := make([]byte, 0, len(path))
	for i := 0; i < len(path); {
		c, size := overlong(path[i:])
		b = append(b, c)
		i += size
	}
	return string(b)
}

// overlong decodes one ASCII character in two to six bytes; anything else is the
// first byte of s as it is.
func overlong(s string) (c byte, size int) {
	size = bits.LeadingZeros8(^s[0])
	if size < 2 || size > 6 || len(s) < size {
		return s[0], 1
	}
	value := uint32(s[0]) & (0x7f >> size)
	for i := 1; i < size; i++ {
		if s[i]&0xc0 != 0x80 {
			return s[0], 1
		}
		value = value<<6 | uint32(s[i])&0x3f
	}
	if value > 0x7f {
		return s[0], 1
	}
	return byte(value), size
}
