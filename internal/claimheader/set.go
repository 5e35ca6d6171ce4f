package claimheader

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// Header is a header and the template of its value.
type Header struct {
	Name  string // see [Name]
	Value string // see [Check]
}

// Set is a compiled list of headers. It never changes.
type Set struct {
	names     []string
	templates []template
	paths     []string // of all templates, each once
	ofUser    []bool   // by path: whether Clerk's user may have it
}

// New compiles headers. The error is a [*problem.Problem].
func New(headers []Header) (*Set, error) {
	s := &Set{}
	for _, h := range headers {
		name, err := Name(h.Name)
		if err != nil {
			return nil, err
		}
		texts, paths, err := split(h.Value)
		if err != nil {
			return nil, err
		}
		s.names, s.templates = append(s.names, name), append(s.templates, s.compile(texts, paths))
	}
	return s, nil
}

func (s *Set) compile(texts, paths []string) template {
	t := template{isName: len(paths) > 1}
	for i, text := range texts {
		between := i > 0 && i < len(paths)
		t.isName = t.isName && (strings.Trim(text, " ") == "" && (text != "") == between)
		if i >= len(paths) {
			if text != "" {
				t.parts = append(t.parts, part{text, -1})
			}
			break
		}
		t.parts = append(t.parts, part{text, s.field(paths[i])})
	}
	return t
}

// field returns the index of a path, which is new or known.
func (s *Set) field(path string) int {
	if i := slices.Index(s.paths, path); i >= 0 {
		return i
	}
	s.paths, s.ofUser = append(s.paths, path), append(s.ofUser, isUserField(path))
	return len(s.paths) - 1
}

// AsksUser reports whether a header of s may need Clerk's user.
func (s *Set) AsksUser() bool { return slices.Contains(s.ofUser, true) }

// Values are the values of a set's headers for one token. They never change.
type Values struct {
	set    *Set
	user   *User
	values []string // by header; "" for none
	// Lacking says that Clerk's user might have a field that was absent.
	Lacking bool
}

// Values returns the values for a session with these claims, which must be valid JSON or
// empty. A user may fill what they lack; nil is nobody.
func (s *Set) Values(claims json.RawMessage, user *User) *Values {
	v := &Values{set: s, user: user, values: make([]string, len(s.names))}
	fields := make([]string, len(s.paths))
	for i, path := range s.paths {
		fields[i] = textAt(claims, path)
		if fields[i] == "" && s.ofUser[i] {
			v.Lacking = true
			if user != nil {
				fields[i] = textAt(user.fields, path)
			}
		}
	}
	for i := range s.templates {
		v.values[i] = s.templates[i].fill(fields)
	}
	return v
}

// Are reports whether v are the values of a set, made with a user.
func (v *Values) Are(s *Set, user *User) bool { return v.set == s && v.user == user }

// Write calls set for each header that has a value.
func (v *Values) Write(set func(header, value string)) {
	for i, value := range v.values {
		if value != "" {
			set(v.set.names[i], value)
		}
	}
}

// Size returns about how much memory v takes, in bytes.
func (v *Values) Size() int {
	size := 96 + 16*len(v.values)
	for _, value := range v.values {
		size += len(value)
	}
	return size
}

// fill returns the value of a header, or "" for none.
func (t *template) fill(fields []string) string {
	var b strings.Builder
	for _, p := range t.parts {
		if p.field >= 0 && fields[p.field] == "" {
			if t.isName {
				continue
			}
			return ""
		}
		if b.Len() > 0 || !t.isName {
			b.WriteString(p.text)
		}
		if p.field >= 0 {
			b.WriteString(fields[p.field])
		}
	}
	if value := withoutOuterSpaces(b.String()); len(value) <= maxValue {
		return value
	}
	return ""
}

// Names returns the names in several lists of headers, each once, in order.
func Names(lists ...[]Header) []string {
	var names []string
	for _, list := range lists {
		for _, h := range list {
			if name, err := Name(h.Name); err == nil {
				names = append(names, name)
			}
		}
	}
	slices.SortFunc(names, cmp.Compare[string])
	return slices.Compact(names)
}
