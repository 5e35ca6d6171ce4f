package wire

import (
	"net/netip"
	"strconv"
	"strings"
)

// maxName bounds a host's name, and maxLabel each of its labels, in bytes (RFC 1035,
// section 2.3.4).
const (
	maxName  = 253
	maxLabel = 63
)

// CanonicalHost returns the canonical form of the host in a request or URL: name is
// lower-case, without port and final dot, an IPv6 address in brackets in its short
// form; host is the same with the port. ok is false for a host that two servers could
// read differently. A host that is already canonical costs no allocation.
func CanonicalHost(s string) (name, host string, ok bool) {
	raw, port, ok := CutPort(s)
	if !ok {
		return "", "", false
	}
	name = raw
	if !strings.HasPrefix(raw, "[") {
		name = strings.TrimSuffix(raw, ".")
	}
	name, ok = CanonicalName(name)
	switch {
	case !ok:
		return "", "", false
	case name == raw:
		return name, s, true
	case port == "":
		return name, name, true
	}
	return name, name + ":" + port, true
}

// CutPort cuts the port off a host; port is "" when there is none. An IPv6 address
// keeps its brackets. ok is false for a port that is not one.
func CutPort(s string) (name, port string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || i < strings.IndexByte(s, ']') {
		return s, "", true
	}
	name, port = s[:i], s[i+1:]
	if !IsPort(port) {
		return "", "", false
	}
	return name, port, true
}

// IsPort reports whether s is a number from 1 to 65535, written without zeros before
// it, as browsers write it.
func IsPort(s string) bool {
	if s == "" || s[0] < '1' || s[0] > '9' {
		return false
	}
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// CanonicalName returns a DNS name in lower case, or an IPv6 address in brackets in
// its short form. Names are held to letters, digits and hyphens, and to the underscore,
// which names inside clusters have; those beyond ASCII are written as xn--.
func CanonicalName(s string) (string, bool) {
	if strings.HasPrefix(s, "[") {
		return canonicalIPv6(s)
	}
	if s == "" || len(s) > maxName {
		return "", false
	}
	start, lower := 0, true
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			if i == start || i-start > maxLabel {
				return "", false
			}
			start = i + 1
		case 'A' <= c && c <= 'Z':
			lower = false
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return "", false
		}
	}
	if n := len(s) - start; n == 0 || n > maxLabel {
		return "", false
	}
	if lower {
		return s, true
	}
	return strings.ToLower(s), true
}

func canonicalIPv6(s string) (string, bool) {
	inner, closed := strings.CutSuffix(s[1:], "]")
	addr, err := netip.ParseAddr(inner)
	if !closed || err != nil || !addr.Is6() || addr.Zone() != "" {
		return "", false
	}
	if short := addr.String(); short != inner {
		return "[" + short + "]", true
	}
	return s, true
}

// HasHostBytes reports whether s has only bytes that RFC 3986 allows in a host with its
// port. It is the least check before a Host header is written, for hosts that were judged
// before.
func HasHostBytes(s string) bool {
	for i := range len(s) {
		if c := s[i]; (uint64(1)<<c)&hostLow == 0 && (uint64(1)<<(c-64))&hostHigh == 0 {
			return false
		}
	}
	return true
}

// IsTarget reports whether s is a path with an optional query, in the form of a
// request's first line. A number sign would end the path for one reader and not for
// another (CVE-2026-41059, GHSA-pxq7-h93f-9jrg), white space the whole line.
func IsTarget(s string) bool {
	if !strings.HasPrefix(s, "/") {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '#' {
			return false
		}
	}
	return true
}
