package settings

import (
	"slices"
	"strings"
)

// row is everything about one environment variable.
type row struct {
	name string
	help string // one or two sentences; `…` marks what can be copied
	// unset says what applies without the variable, if no value expresses that.
	unset string
	value value

	required bool // there is no start without it
	secret   bool // nothing of it may be shown
	reloads  bool // a running server takes another value
	// option is the field of [middleware.Options] that it fills.
	option string
}

// flag returns the name of the variable's flag, which is the variable's without the prefix.
// A secret has no flag, because other users of a machine can read command lines.
func (r row) flag() string {
	if r.secret {
		return ""
	}
	_, name, _ := strings.Cut(r.name, "_")
	return strings.ToLower(strings.ReplaceAll(name, "_", "-"))
}

// Variable documents one environment variable.
type Variable struct {
	// Name is the variable's name.
	Name string
	// Flag is the name of the flag that says the same, without dashes; "" for a secret,
	// which does not belong on a command line.
	Flag string
	// Kind says what its value is, such as "duration".
	Kind string
	// Default is its default; "" if no value expresses that.
	Default string
	// Unset says what applies if it is not set and has no Default.
	Unset string
	// Help says what it does. Parts in backquotes can be copied as they are.
	Help string
	// Required reports that clerkgate does not start without it.
	Required bool
	// Secret reports that its value must not be shown.
	Secret bool
	// Reloads reports that a reload can change it.
	Reloads bool
}

// Variables documents every environment variable that [Load] knows, in the order of the
// documentation.
func Variables() []Variable {
	rows := new(Config).table()
	all := make([]Variable, len(rows))
	for i, r := range rows {
		all[i] = Variable{
			Name: r.name, Flag: r.flag(), Kind: r.value.kind, Default: r.value.standard, Unset: r.unset, Help: r.help,
			Required: r.required, Secret: r.secret, Reloads: r.reloads,
		}
	}
	return all
}

// isVariable reports whether there is a variable of this name.
func isVariable(name string) bool {
	return slices.ContainsFunc(new(Config).table(), func(r row) bool { return r.name == name })
}

// variableOf returns the name of the variable that fills an option of the
// middleware, or the option's own name.
func variableOf(option string) string {
	for _, r := range new(Config).table() {
		if r.option == option && option != "" {
			return r.name
		}
	}
	return option
}
