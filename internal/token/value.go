package token

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"unique"
)

// Value is a JSON value of a token's header or claims that is compared the way
// JavaScript compares it. The zero Value is undefined: the member is absent.
type Value struct{ raw []byte }

// Defined reports whether the member is there; null is.
func (v Value) Defined() bool { return v.raw != nil }

// Truthy is JavaScript's Boolean(v).
func (v Value) Truthy() bool {
	if v.raw == nil {
		return false
	}
	switch v.raw[0] {
	case 'n', 'f':
		return false
	case '"':
		return len(v.raw) > 2
	case '{', '[', 't':
		return true
	}
	n, _ := v.Number()
	return n != 0
}

func (v Value) isText() bool { return len(v.raw) > 0 && v.raw[0] == '"' }

// Text returns the value if it is a string.
func (v Value) Text() (s string, ok bool) {
	if !v.isText() {
		return "", false
	}
	inner := v.raw[1 : len(v.raw)-1]
	if bytes.IndexByte(inner, '\\') >= 0 {
		return unescaped(v.raw)
	}
	return string(inner), true
}

// unescaped is apart from Text, whose result would else be on the heap twice.
func unescaped(raw []byte) (s string, ok bool) {
	ok = json.Unmarshal(raw, &s) == nil
	return s, ok
}

// shared is the text of a claim that many tokens have alike, or "": tokens that
// are remembered then hold one copy.
func (v Value) shared() string {
	s, ok := v.Text()
	if !ok {
		return ""
	}
	return shared(s)
}

// shared returns s from a place where equal texts are one. The runtime forgets it
// when it runs its collector, so that nothing piles up; what was handed out stays.
func shared(s string) string { return unique.Make(s).Value() }

// Is reports whether the value is the string s.
func (v Value) Is(s string) bool {
	if len(v.raw) == len(s)+2 && v.raw[0] == '"' && !strings.Contains(s, `\`) && string(v.raw[1:len(v.raw)-1]) == s {
		return true // spelled plainly, as always in practice: no copy
	}
	got, ok := v.Text()
	return ok && got == s
}

// Number returns the value if it is a number; one too large for a float64 is
// an infinity, as in JavaScript.
func (v Value) Number() (n float64, ok bool) {
	if len(v.raw) == 0 || (v.raw[0] != '-' && (v.raw[0] < '0' || v.raw[0] > '9')) {
		return math.NaN(), false
	}
	n, _ = strconv.ParseFloat(string(v.raw), 64) // a range error comes with ±Inf
	return n, true
}

// list returns the elements if the value is an array.
func (v Value) list() (elems []Value, ok bool) {
	if len(v.raw) == 0 || v.raw[0] != '[' {
		return nil, false
	}
	elems = []Value{}
	walkArray(v.raw, func(raw []byte) { elems = append(elems, Value{raw}) })
	return elems, true
}

// strings returns the elements if the value is an array of strings only.
func (v Value) strings() (list []string, ok bool) {
	elems, ok := v.list()
	if !ok {
		return nil, false
	}
	list = make([]string, 0, len(elems))
	for _, e := range elems {
		s, ok := e.Text()
		if !ok {
			return nil, false
		}
		list = append(list, s)
	}
	return list, true
}

// quoted is JSON.stringify(v), cut to a length that fits a message.
func (v Value) quoted() string {
	if v.raw == nil {
		return "undefined"
	}
	if s, ok := v.Text(); ok {
		return quote(s)
	}
	if n, ok := v.Number(); ok {
		if math.IsInf(n, 0) {
			return "null"
		}
		if b, err := json.Marshal(n); err == nil { // encoding/json writes numbers as ECMAScript does
			return string(b)
		}
	}
	return clip(string(compact(v.raw)))
}

// maxQuoted bounds what a message quotes of a token: the text goes into a
// response header.
const maxQuoted = 256

func clip(s string) string {
	if len(s) <= maxQuoted {
		return s
	}
	return strings.ToValidUTF8(s[:maxQuoted], "") + "…"
}

// quote is JSON.stringify of a string.
func quote(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(clip(s)); err != nil {
		return `""`
	}
	// JavaScript leaves these two as they are.
	return strings.NewReplacer(`\u2028`, "\u2028", `\u2029`, "\u2029").Replace(strings.TrimSuffix(b.String(), "\n"))
}

// quoteList is JSON.stringify of a list of strings.
func quoteList(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = quote(s)
	}
	return "[" + strings.Join(quoted, ",") + "]"
}
