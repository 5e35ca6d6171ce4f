package settings

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/listen"
	"github.com/clerkgate/clerkgate/internal/urlpath"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// page is where people sign in or sign up, if that may be a page of the application. If such
// a page required a session, people would be redirected to it forever.
type page struct {
	variable string
	name     string // the host without a port; "" for every host
	path     string // canonical
	origin   string
}

// pages returns the pages of the configuration. The fragment of a page, which routers in
// browsers use, is not sent to any server.
func (c *Config) pages() (all []page) {
	for _, p := range []struct{ variable, address string }{{EnvSignInURL, c.Auth.SignInURL}, {EnvSignUpURL, c.Auth.SignUpURL}} {
		u, err := url.Parse(p.address)
		if err != nil || p.address == "" {
			continue // the middleware reports what is wrong with it
		}
		if u.Path == "" {
			u.Path = "/"
		}
		path, ok := urlpath.Canonical(u)
		name, host, okHost := "", "", true
		if u.Host != "" {
			name, host, okHost = wire.CanonicalHost(u.Host)
			name, _, _ = wire.CutPort(name)
		}
		if ok && okHost && !c.isNeighbour(u) {
			all = append(all, page{p.variable, name, path, u.Scheme + "://" + host})
		}
	}
	return all
}

// isNeighbour reports whether a page is on this machine, but not on a port of this server:
// a page of a local Clerk.
func (c *Config) isNeighbour(u *url.URL) bool {
	addr := loopback(u.Hostname())
	if parsed, err := netip.ParseAddr(u.Hostname()); err == nil {
		addr = parsed
	}
	known := false // a socket of systemd may have any port
	for _, text := range c.WithDefaults().Listen {
		if at, err := listen.Parse(text); err == nil && at.TCP != "" {
			_, port, _ := net.SplitHostPort(at.TCP)
			if portOf(u) == port {
				return false
			}
			known = true
		}
	}
	return known && addr.IsLoopback()
}

// pageRoutes returns routes that make the pages public, and the paths below them, where
// Clerk's components have their steps, such as /sign-in/factor-one.
func (c *Config) pageRoutes(base routes.Route) (all []routes.Route) {
	base.Auth = routes.AuthPublic
	for _, p := range c.pages() {
		if p.name != "" {
			base.Hosts = []string{p.name}
		}
		matches := []string{p.path}
		if trimmed := strings.TrimRight(p.path, "/"); trimmed != "" {
			matches = []string{trimmed, trimmed + "/*"}
		}
		for _, base.Match = range matches {
			if routes.CheckPattern(base.Match) == nil {
				all = append(all, base)
			}
		}
		base.Hosts = nil
	}
	return all
}

// shutPages finds pages that the routes file hides from signed-out people.
func (l *loader) shutPages() {
	table, err := routes.NewTable(l.cfg.Routes.Routes)
	if err != nil {
		return // a file without problems makes a table
	}
	for _, p := range l.cfg.pages() {
		for _, host := range l.hostsOf(p) {
			m, err := table.Match("GET", host, &url.URL{Path: p.path})
			if err != nil || m.Route.Auth != routes.AuthRequired || !redirects(m.Route) {
				continue
			}
			remedy := "Put a route before it: { match: " + p.path
			if p.name != "" {
				remedy += ", hosts: [" + p.name + "]"
			}
			l.problems = append(l.problems, Problem{
				Where: p.variable, Found: fmt.Sprintf("%s, where the route in line %d of %s asks for a session", p.path, m.Route.Line, l.text(EnvConfig)),
				Want: "a page that signed-out people can see, or they are sent there for ever", Remedy: remedy + ", auth: public }, and others for its scripts and images.",
			})
			break
		}
	}
}

// redirects reports whether a route sends people to the page where they sign in.
func redirects(r *routes.Route) bool {
	return r.Require.Unauthenticated != middleware.Unauthenticated401 && r.Require.Unauthenticated != middleware.Unauthenticated404
}

// hostsOf returns the hosts of this server that a page may be on: those of the routes if the
// page has no host, else its own host if this server is known to serve it.
func (l *loader) hostsOf(p page) (hosts []string) {
	const unnamed = "host.invalid" // matched only by routes without hosts
	for i := range l.cfg.Routes.Routes {
		r := &l.cfg.Routes.Routes[i]
		if len(r.Hosts) == 0 {
			hosts = append(hosts, unnamed)
		}
		for _, host := range r.Hosts {
			hosts = append(hosts, strings.Replace(host, "*", "host", 1))
		}
	}
	switch {
	case p.name == "":
		return hosts
	case slices.Contains(hosts, p.name), slices.Contains(l.cfg.Auth.AuthorizedParties, p.origin):
		return []string{p.name}
	default:
		return nil
	}
}
