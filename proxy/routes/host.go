package routes

import (
	"net/netip"
	"strconv"
	"strings"
)

// canonicalHost returns the one form of a request's host: name is lower-case,
// without port and final dot, an IPv6 address in brackets in its short form; host
// is the same with the port, for the upstream. ok is false for what two servers
// could read differently. A host that is canonical already costs no allocation.
func canonicalHost(s string) (name, host string, ok bool) {
	name, port := s, ""
	if end := strings.IndexByte(s, ']'); end >= 0 {
		name, port = s[:end+1], s[end+1:]
		name, ok = canonicalIPv6(name)
	} else {
		if i := strings.IndexByte(s, ':'); i >= 0 {
			name, port = s[:i], s[i:]
		}
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		ok = validName(name)
	}
	if !ok || port != "" && !validPort(port) {
		return "", "", false
	}
	if strings.HasPrefix(s, name) && len(s) == len(name)+len(port) {
		return name, s, true
	}
	return name, name + port, true
}

func canonicalIPv6(s string) (string, bool) {
	inner, ok := strings.CutPrefix(strings.TrimSuffix(s, "]"), "[")
	addr, err := netip.ParseAddr(inner)
	if !ok || err != nil || !addr.Is6() || addr.Zone() != "" {
		return "", false
	}
	return "[" + addr.String() + "]", true
}

// validName holds a lower-case name to the letters of DNS and the underscore, which
// names inside clusters have.
func validName(name string) bool {
	if name == "" || len(name) > 253 {
		return false
	}
	start := 0
	for i := 0; i <= len(name); i++ {
		if i == len(name) || name[i] == '.' {
			if i == start || i-start > 63 {
				return false
			}
			start = i + 1
			continue
		}
		c := name[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

// validPort takes ":80", with the colon.
func validPort(s string) bool {
	n, err := strconv.ParseUint(s[1:], 10, 16)
	return s[0] == ':' && err == nil && n > 0
}

// canonicalHostPattern is a route's host as it is compared.
func canonicalHostPattern(s string) (string, bool) {
	base, wildcard := strings.CutPrefix(s, "*.")
	name, host, ok := canonicalHost(base)
	if !ok || host != name || wildcard && name[0] == '[' {
		return "", false
	}
	if wildcard {
		return "*." + name, true
	}
	return name, true
}

// hostMatches compares a canonical name with a canonical pattern. The * stands for
// exactly one label (RFC 6125, section 6.4.3).
func hostMatches(pattern, name string) bool {
	if pattern[0] != '*' {
		return pattern == name
	}
	i := strings.IndexByte(name, '.')
	return i > 0 && name[i:] == pattern[1:]
}

// hostCovers says whether pattern a matches whatever b matches.
func hostCovers(a, b string) bool {
	return a == b || b[0] != '*' && hostMatches(a, b)
}
