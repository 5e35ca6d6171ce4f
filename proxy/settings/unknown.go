package settings

import (
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/problem"
)

// unknownVariables warns of names in our name space that nobody knows. Values are
// not looked at: a misspelled secret is a secret.
func unknownVariables(environ []string) []Warning {
	var known []string
	for _, r := range new(Config).table() {
		known = append(known, r.name)
	}
	var warnings []Warning
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !ownVariable(name) || slices.Contains(known, name) {
			continue
		}
		message := "not a variable of clerkgate and ignored"
		if meant := problem.Nearest(name, known); meant != "" {
			message += "; did you mean " + meant + "?"
		}
		warnings = append(warnings, Warning{Variable: name, Message: message})
	}
	return warnings
}

// ownVariable says whether a name is in the name space that clerkgate watches for
// misspelled variables.
func ownVariable(name string) bool {
	return strings.HasPrefix(name, "CLERK_") || strings.HasPrefix(name, "CLERKGATE_")
}
