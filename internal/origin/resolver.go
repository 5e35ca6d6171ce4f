package origin

import (
	"net/http"
	"net/netip"
	"strings"
)

// Resolver knows the trusted proxies. It never changes, so any number of
// goroutines may use it. The zero value and nil trust nobody.
type Resolver struct {
	trusted []netip.Prefix
}

// New returns a Resolver that believes forwarded headers from peers inside the
// given networks. None means that nobody is believed. An IPv4 network may be
// written as IPv4-mapped IPv6; invalid prefixes match nothing.
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
// ([http.Request.RemoteAddr]) is a trusted proxy. A Unix socket and anything
// else that is no IP address is not trusted.
func (res *Resolver) TrustedPeer(r *http.Request) bool {
	if res == nil || len(res.trusted) == 0 {
		return false
	}
	peer, ok := parseAddr(r.RemoteAddr)
	return ok && res.Trusts(peer)
}

// ClientIP returns the address of the client: the peer, or, when the peer is a
// trusted proxy, the last address of X-Forwarded-For that is not one. What lies
// left of it was written by strangers and is never looked at. An element that is
// no address ends the walk at the hop that reported it. ok is false when the
// peer's own address cannot be read.
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

// Trusts reports whether an address, without a zone and never IPv4 in IPv6, is that
// of a trusted proxy.
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

// parseAddr reads an address with or without a port. IPv4-mapped IPv6 comes out
// as IPv4 and a zone is dropped, because a [netip.Prefix] contains neither.
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
