package settings

import (
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/problem"
)

// circles finds upstreams that are this server itself, to which every request would come
// back. Circles through other names or machines are found when a request comes back.
func (c *Config) circles() (problems []Problem) {
	listen, upstreams := c.WithDefaults().Listen, c.AllUpstreams()
	for _, name := range slices.Sorted(maps.Keys(upstreams)) {
		target, err := url.Parse(upstreams[name].URL)
		if err != nil {
			continue
		}
		i := slices.IndexFunc(listen, func(at string) bool { return reaches(target, at) })
		if i < 0 {
			continue
		}
		p := Problem{
			Where: EnvUpstream, Found: problem.QuoteURL(target.String()) + ", where clerkgate itself listens (" + EnvListen + " is " + listen[i] + ")",
			Want: wantUpstream,
		}
		if name != "" {
			p.Where = "upstreams." + name
		}
		problems = append(problems, p)
	}
	return problems
}

// reaches reports whether a request to target arrives at the address listen of this
// machine, as far as that is known without resolving names.
func reaches(target *url.URL, listen string) bool {
	if path, ok := strings.CutPrefix(listen, "unix:"); ok {
		path, _, _ = strings.Cut(path, "?")
		return target.Scheme == "unix" && target.Path == path
	}
	at, port, err := net.SplitHostPort(listen)
	if err != nil || port == "0" || port != portOf(target) {
		return false
	}
	own, anywhere := loopback(at), at == ""
	if addr, err := netip.ParseAddr(at); err == nil {
		own, anywhere = addr.Unmap(), addr.IsUnspecified()
	}
	to := loopback(target.Hostname())
	if addr, err := netip.ParseAddr(target.Hostname()); err == nil {
		to = addr.Unmap()
	}
	switch {
	case !to.IsValid():
		return false // a name that only a resolver knows
	case anywhere:
		return to.IsLoopback() || to.IsUnspecified()
	case to.IsUnspecified():
		return own.IsLoopback() // connecting to an unspecified address reaches this machine
	default:
		return to == own
	}
}

// loopback returns the address of a name for this machine, or the zero Addr for another
// name.
func loopback(host string) netip.Addr {
	if strings.EqualFold(host, "localhost") {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.Addr{}
}

// portOf returns the port of an http or https URL, or "" for another URL.
func portOf(u *url.URL) string {
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return ""
	case u.Port() != "":
		return strings.TrimLeft(u.Port(), "0")
	case u.Scheme == "https":
		return "443"
	default:
		return "80"
	}
}
