package claimheader

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/clerkgate/clerkgate/internal/javascript"
)

// maxValue bounds an encoded value, in bytes, as for the identity headers.
const maxValue = 1024

// textAt returns the encoded text at a path of a JSON object; "" if there is none.
func textAt(doc []byte, path string) string {
	raw := doc
	for name := range strings.SplitSeq(path, ".") {
		raw = member(raw, name)
	}
	return text(javascript.Value{Raw: raw})
}

// member returns a member of an object, nil for none. Of several with one name the last
// counts, as in JavaScript.
func member(doc []byte, name string) (found []byte) {
	if len(doc) == 0 {
		return nil
	}
	javascript.WalkObject(doc, func(own, raw []byte) {
		if string(own) == name {
			found = raw
		}
	})
	return found
}

// text encodes a value as the package comment says.
func text(v javascript.Value) string {
	if elems, ok := v.List(); ok {
		if list, ok := plain(elems); ok {
			return strings.Join(list, ",")
		}
		return compact(v.Raw)
	}
	if s, ok := scalar(v); ok {
		return encode(s, false)
	}
	return compact(v.Raw)
}

// plain returns the elements of a list without objects, lists and null.
func plain(elems []javascript.Value) (list []string, ok bool) {
	for _, e := range elems {
		s, ok := scalar(e)
		if !ok || e.IsNull() {
			return nil, false
		}
		list = append(list, encode(s, true))
	}
	return list, true
}

// scalar returns what is neither an object nor a list; null and undefined are "".
func scalar(v javascript.Value) (s string, ok bool) {
	if s, ok = v.Text(); ok {
		return s, true
	}
	if !v.Defined() || v.IsNull() {
		return "", true
	}
	if c := v.Raw[0]; c == '{' || c == '[' {
		return "", false
	}
	return string(v.Raw), true
}

func compact(raw []byte) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return ""
	}
	return encode(b.String(), false)
}

const hexDigits = "0123456789ABCDEF"

// encode writes as %XX what a header cannot hold unchanged, and in an element of a list
// the comma.
func encode(s string, inList bool) string {
	isSafe := func(c byte) bool { return c >= ' ' && c <= '~' && c != '%' && (c != ',' || !inList) }
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; isSafe(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}

// withoutOuterSpaces encodes the spaces at either end, which a recipient would take off.
func withoutOuterSpaces(s string) string {
	inner := strings.TrimLeft(s, " ")
	start := len(s) - len(inner)
	inner = strings.TrimRight(inner, " ")
	return strings.Repeat("%20", start) + inner + strings.Repeat("%20", len(s)-start-len(inner))
}
