package token

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// The walkers below read JSON that json.Valid has passed: they find where
// values begin and end and need not judge syntax. encoding/json's own decoding
// is not used for members since it matches names without regard to case and
// merges duplicates, where JSON.parse compares exactly and lets the last win.

// walkObject calls member for each name and raw value of a valid JSON object,
// in order. It reports false when the value is no object.
func walkObject(doc []byte, member func(name, raw []byte)) bool {
	i := skipSpace(doc, 0)
	if i == len(doc) || doc[i] != '{' {
		return false
	}
	i = skipSpace(doc, i+1)
	for doc[i] != '}' {
		end := skipString(doc, i)
		name := doc[i+1 : end-1]
		if bytes.IndexByte(name, '\\') >= 0 { // "\u0073ub" is "sub"
			unescaped, _ := Value{doc[i:end]}.Text()
			name = []byte(unescaped)
		}
		i = skipSpace(doc, skipSpace(doc, end)+1) // past the colon
		end = skipValue(doc, i)
		member(name, doc[i:end:end])
		if i = skipSpace(doc, end); doc[i] == ',' {
			i = skipSpace(doc, i+1)
		}
	}
	return true
}

// walkArray calls elem for each raw element of a valid JSON array.
func walkArray(doc []byte, elem func(raw []byte)) {
	i := skipSpace(doc, 1)
	for doc[i] != ']' {
		end := skipValue(doc, i)
		elem(doc[i:end:end])
		if i = skipSpace(doc, end); doc[i] == ',' {
			i = skipSpace(doc, i+1)
		}
	}
}

func skipSpace(doc []byte, i int) int {
	for i < len(doc) && (doc[i] == ' ' || doc[i] == '\t' || doc[i] == '\n' || doc[i] == '\r') {
		i++
	}
	return i
}

// skipString returns the index behind the string that begins at i.
func skipString(doc []byte, i int) int {
	for i++; doc[i] != '"'; i++ {
		if doc[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// skipValue returns the index behind the value that begins at i.
func skipValue(doc []byte, i int) int {
	switch doc[i] {
	case '"':
		return skipString(doc, i)
	case '{', '[':
		for depth := 0; ; {
			switch doc[i] {
			case '"':
				i = skipString(doc, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			i++
			if depth == 0 {
				return i
			}
		}
	}
	for i < len(doc) {
		switch doc[i] {
		case ',', '}', ']', ' ', '\t', '\n', '\r':
			return i
		}
		i++
	}
	return i
}

func compact(raw []byte) []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return nil
	}
	return b.Bytes()
}

// decodeText is TextDecoder.decode: a leading byte order mark is dropped and
// malformed UTF-8 is replaced, one U+FFFD for each maximal well-begun part.
func decodeText(b []byte) []byte {
	if utf8.Valid(b) {
		return bytes.TrimPrefix(b, []byte("\uFEFF"))
	}
	out := make([]byte, 0, len(b)+16)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			n = malformed(b)
		}
		out = utf8.AppendRune(out, r)
		b = b[n:]
	}
	return bytes.TrimPrefix(out, []byte("\uFEFF"))
}

// malformed returns how many bytes of the malformed sequence at the start of b
// one replacement stands for (WHATWG Encoding, UTF-8 decoder).
func malformed(b []byte) int {
	low, high, need := byte(0x80), byte(0xBF), 0
	switch c := b[0]; {
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
	for ; need > 0 && n < len(b) && b[n] >= low && b[n] <= high; need-- {
		n++
		low, high = 0x80, 0xBF
	}
	return n
}
