package routes

import (
	"strings"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// canonicalHostPattern returns a route's host in the form in which it is compared.
func canonicalHostPattern(s string) (string, bool) {
	base, wildcard := strings.CutPrefix(s, "*.")
	name, host, ok := wire.CanonicalHost(base)
	if !ok || host != name || wildcard && name[0] == '[' {
		return "", false
	}
	if wildcard {
		return "*." + name, true
	}
	return name, true
}

// hostMatches reports whether a canonical pattern matches a canonical name. The * stands for
// exactly one label (RFC 6125, section 6.4.3).
func hostMatches(pattern, name string) bool {
	if pattern[0] != '*' {
		return pattern == name
	}
	i := strings.IndexByte(name, '.')
	return i > 0 && name[i:] == pattern[1:]
}

// hostCovers reports whether pattern a matches everything that b matches.
func hostCovers(a, b string) bool {
	return a == b || b[0] != '*' && hostMatches(a, b)
}
