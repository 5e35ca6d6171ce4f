package javascript

import "bytes"

// The walkers below require valid JSON (json.Valid): they only find where values begin
// and end. encoding/json's own decoding is not used because it matches names without
// regard to case and merges duplicates, where JSON.parse compares exactly and the last
// duplicate wins.

// WalkObject calls member for each name and raw value of a valid JSON object, in order.
// It returns false if doc is not an object.
func WalkObject(doc []byte, member func(name, raw []byte)) bool {
	i := skipSpace(doc, 0)
	if i == len(doc) || doc[i] != '{' {
		return false
	}
	i = skipSpace(doc, i+1)
	for doc[i] != '}' {
		end := skipString(doc, i)
		name := doc[i+1 : end-1]
		if bytes.IndexByte(name, '\\') >= 0 { // "\u0073ub" is "sub"
			unescaped, _ := Value{Raw: doc[i:end]}.Text()
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

// skipString returns the index after the string that begins at i.
func skipString(doc []byte, i int) int {
	for i++; doc[i] != '"'; i++ {
		if doc[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// skipValue returns the index after the value that begins at i.
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
