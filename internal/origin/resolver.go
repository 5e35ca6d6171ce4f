package origin

import (
	"net/http"
	"net/netip"
	"strings"
)

// Resolver knows the trusted proxies. It is immutable, and safe for concurrent use. The
// zero value and nil trust nobody.
type Resolver struct {
	trusted []netip.Prefix
}

// New returns a Resolver that trusts the forwarded headers of peers in the given
// networks. Without networks it trusts nobody. An IPv4 network may be written as
// IPv4-mapped IPv6; invalid prefixes match nothing.
func New(trusted []netip.Prefix) *Resolver {
	res := &Resolver{}
	for _, p := range trusted {
		if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
		}
		if p.IsValid() {
			res.trusted = append(res.trusted, p.Masked())
		}
	}
	return res
}

// TrustedPeer reports whether the other end of the connection
// ([http.Request.RemoteAddr]) is a trusted proxy. A Unix socket, like every peer
// without an IP address, is not trusted.
func (res *Resolver) TrustedPeer(r *http.Request) bool {
	if res == nil || len(res.trusted) == 0 {
		return false
	}
	peer, ok := parseAddr(r.RemoteAddr)
	return ok && res.Trusts(peer)
}

// ClientIP returns the client's address: the peer's or, if the peer is a trusted proxy,
// the last address in X-Forwarded-For that is not a trusted proxy's. Addresses before
// that one may be forged and are ignored. If an element is not an address, the result
// is the hop that reported it. ok is false if the peer's own address cannot be parsed.
func (res *Resolver) ClientIP(r *http.Request) (addr netip.Addr, ok bool) {
	addr, ok = parseAddr(r.RemoteAddr)
	if !ok {
		return netip.Addr{}, false
	}
	if !res.Trusts(addr) {
		return addr, true
	}
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		rest := lines[i]
		for more := true; more; {
			hop := rest
			if c := strings.LastIndexByte(rest, ','); c >= 0 {
				rest, hop = rest[:c], rest[c+1:]
			} else {
				more = false
			}
			a, ok := parseAddr(strings.Trim(hop, " \t"))
			if !ok {
				return addr, true
			}
			addr = a
			if !res.Trusts(addr) {
				return addr, true
			}
		}
	}
	return addr, true
}

// Trusts reports whether a is the address of a trusted proxy. It must have no zone, and
// must not be IPv4-mapped IPv6.
func (res *Resolver) Trusts(a netip.Addr) bool {
	if res == nil {
		return false
	}
	for _, p := range res.trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// parseAddr reads an address with or without a port. It unmaps IPv4-mapped IPv6 and
// drops a zone, because a [netip.Prefix] contains neither.
func parseAddr(s string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		s = s[1 : len(s)-1]
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, false
	}
	return a.Unmap().WithZone(""), true
}
