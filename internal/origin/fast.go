package origin

import (
	"net/netip"
	"strings"

	"github.com/clerkgate/clerkgate/internal/wire"
)

// Larger requests are left to [input.slow]. The limits are far below those of weburl.
const (
	maxTarget  = 8 << 10
	maxSlashes = 256
	maxHosts   = 512
)

// fast returns the URL of an ordinary request, which WHATWG parsing would not change,
// and nil for every other request. It exists because every request needs it; a fuzz
// test compares it with [input.slow].
func (in input) fast() *Public {
	if len(in.target) > maxTarget || strings.Count(in.target, "/") > maxSlashes || len(in.host)+len(in.fwdHost) > maxHosts {
		return nil
	}
	host, proto := in.host, in.scheme
	if !plainHost(host) {
		return nil // slow also decides whether the request is valid
	}
	if in.hasFwdHost {
		if host = in.fwdHost; !plainHost(host) {
			return nil
		}
	}
	if in.hasFwdProto {
		if proto = in.fwdProto; proto != "http" && proto != "https" {
			return nil
		}
	}
	path, query, found := strings.Cut(in.target, "?")
	if !plainPath(path) || found && !plainQuery(query) {
		return nil
	}
	prefix, port := "http://", ":80"
	if proto == "https" {
		prefix, port = "https://", ":443"
	}
	return &Public{
		scheme:   prefix,
		host:     strings.TrimSuffix(host, port),
		pathname: path,
		query:    query,
		valid:    true,
	}
}

// plainHost reports whether s is a lower-case ASCII host name or an IPv4 address, with
// or without a port. A name that ends like a number ("127.1") is an address to WHATWG,
// and Punycode has to be checked: both are left to [input.slow].
func plainHost(s string) bool {
	name, port, found := strings.Cut(s, ":")
	if found && !wire.IsPort(port) {
		return false
	}
	last := strings.LastIndexByte(name, '.') + 1
	if last == len(name) {
		return false
	}
	if c := name[last]; c < 'a' || c > 'z' {
		// ParseAddr accepts the canonical dotted form alone, no octal or short form.
		a, err := netip.ParseAddr(name)
		return err == nil && a.Is4()
	}
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return !strings.Contains(name, "xn--")
}

// plainPath reports whether no character of the path would be escaped and no segment
// can be a dot segment, which may also be written "%2e".
func plainPath(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '/':
		case strings.IndexByte("-_~!$&'()*+,;=:@", c) >= 0:
		case c == '.' || c == '%':
			if s[i-1] == '/' {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// plainQuery reports whether no character of the query would be escaped or end it. An
// empty query is not plain, because it keeps its question mark in some cases.
func plainQuery(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c <= ' ', c >= 0x7f, c == '"', c == '#', c == '<', c == '>', c == '\'':
			return false
		}
	}
	return s != ""
}
