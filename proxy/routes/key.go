package routes

import "slices"

//go:generate go test github.com/clerkgate/clerkgate/internal/test/house -run Tables -update

// key is everything about one key of a mapping. The parser, the suggestions for misspelled
// keys, and the pages of the documentation read the lists of keys; a test compares them with
// schema.json.
type key[T any] struct {
	name string
	help string // one or two sentences; `…` marks what can be copied
	// standard is the default as it would be written. If no value expresses it, unset says
	// what applies without the key.
	standard, unset string
	required        bool
	read            func(v value, into *T)
}

// Mapping documents the keys of one mapping of a routes file.
type Mapping struct {
	// Name is the key that holds the mapping; "" for the file itself.
	Name string
	// Keys are in the order of the documentation.
	Keys []Key
}

// Key documents one key.
type Key struct {
	// Name is the key as it is written.
	Name string
	// Default is its default; "" if no value expresses that.
	Default string
	// Unset says what applies without the key if it has no Default.
	Unset string
	// Help says what it does. Parts in backquotes can be copied as they are.
	Help string
	// Required reports that the mapping must have it.
	Required bool
}

// Mappings documents every key of a routes file.
func Mappings() []Mapping {
	return []Mapping{
		{"", documented(fileKeys())},
		{"routes", documented(routeKeys())},
		{"require", documented(requireKeys())},
		{"cors", documented(corsKeys())},
		{"csrf", documented(csrfKeys())},
		{"upstreams", documented(upstreamKeys())},
		{"assertion", documented(assertionKeys())},
	}
}

func documented[T any](keys []key[T]) []Key {
	all := make([]Key, len(keys))
	for i, k := range keys {
		all[i] = Key{Name: k.name, Default: k.standard, Unset: k.unset, Help: k.help, Required: k.required}
	}
	return all
}

func names[T any](keys []key[T]) []string {
	all := make([]string, len(keys))
	for i, k := range keys {
		all[i] = k.name
	}
	return all
}

// readMapping reads a mapping that may have only these keys. It returns the values in the
// file, so that they can be compared.
func readMapping[T any](v value, keys []key[T], into *T) map[string]value {
	fields := v.fields(names(keys))
	for _, k := range keys {
		if field := fields[k.name]; field.given() && k.read != nil {
			k.read(field, into)
		}
	}
	return fields
}

// oneWord reads a choice whose first word is the default, which is the zero value.
func oneWord[T ~string](p *T, v value, words ...T) {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = string(w)
	}
	if word := T(v.choice(texts)); word != words[0] {
		*p = word
	}
}

// isRequirement reports whether a key belongs below require.
func isRequirement(name string) bool { return slices.Contains(names(requireKeys()), name) }
