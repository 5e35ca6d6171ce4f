package javascript

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// Value is a JSON value that is converted and compared as in JavaScript. The zero Value
// is undefined, the value of an absent member.
type Value struct {
	// Raw is the value's valid JSON text; nil if it is undefined.
	Raw []byte
}

// Defined reports whether the value is anything but undefined; null is defined.
func (v Value) Defined() bool { return v.Raw != nil }

// Truthy is JavaScript's Boolean(v).
func (v Value) Truthy() bool {
	if v.Raw == nil {
		return false
	}
	switch v.Raw[0] {
	case 'n', 'f':
		return false
	case '"':
		return len(v.Raw) > 2
	case '{', '[', 't':
		return true
	}
	n, _ := v.Number()
	return n != 0
}

// IsText reports whether the value is a string.
func (v Value) IsText() bool { return len(v.Raw) > 0 && v.Raw[0] == '"' }

// Text returns the value if it is a string.
func (v Value) Text() (s string, ok bool) {
	if !v.IsText() {
		return "", false
	}
	inner := v.Raw[1 : len(v.Raw)-1]
	if bytes.IndexByte(inner, '\\') >= 0 {
		return unescaped(v.Raw)
	}
	return string(inner), true
}

// unescaped is separate from Text, whose plain results would otherwise escape to the heap.
func unescaped(raw []byte) (s string, ok bool) {
	ok = json.Unmarshal(raw, &s) == nil
	return s, ok
}

// Is reports whether the value is the string s.
func (v Value) Is(s string) bool {
	if len(v.Raw) == len(s)+2 && v.Raw[0] == '"' && !strings.Contains(s, `\`) && string(v.Raw[1:len(v.Raw)-1]) == s {
		return true // without escapes, as always in practice: no copy
	}
	got, ok := v.Text()
	return ok && got == s
}

// Number returns the value if it is a number. One that is too large for a float64 is
// infinite, as in JavaScript.
func (v Value) Number() (n float64, ok bool) {
	if len(v.Raw) == 0 || (v.Raw[0] != '-' && (v.Raw[0] < '0' || v.Raw[0] > '9')) {
		return math.NaN(), false
	}
	n, _ = strconv.ParseFloat(string(v.Raw), 64) // a range error comes with ±Inf
	return n, true
}

// List returns the elements if the value is an array.
func (v Value) List() (elems []Value, ok bool) {
	if len(v.Raw) == 0 || v.Raw[0] != '[' {
		return nil, false
	}
	elems = []Value{}
	walkArray(v.Raw, func(raw []byte) { elems = append(elems, Value{Raw: raw}) })
	return elems, true
}

// Strings returns the elements if the value is an array of strings.
func (v Value) Strings() (list []string, ok bool) {
	elems, ok := v.List()
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

// IsNull reports whether the value is null, ignoring white space around it.
func (v Value) IsNull() bool { return bytes.Equal(bytes.Trim(v.Raw, " \t\r\n"), []byte("null")) }

// ToNumber is JavaScript's Number(v).
func (v Value) ToNumber() float64 {
	if n, ok := v.Number(); ok {
		return n
	}
	if s, ok := v.Text(); ok {
		return Number(s)
	}
	if elems, ok := v.List(); ok {
		// JavaScript joins the elements into a string first, so that a list with one
		// element converts like that element, unless it is a boolean.
		switch {
		case len(elems) == 0:
			return 0
		case len(elems) > 1:
			return math.NaN()
		}
		switch string(elems[0].Raw) {
		case "true", "false":
			return math.NaN()
		}
		return elems[0].ToNumber()
	}
	switch string(v.Raw) {
	case "null", "false":
		return 0
	case "true":
		return 1
	}
	return math.NaN()
}
