package routes

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/internal/urlpath"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/middleware"
)

// page reads the address of a page that people are sent to.
func (v value) page() string {
	const want = "a path such as /welcome, or an https URL"
	s, ok := v.text(want)
	if ok && !isPage(s) {
		v.problem(problem.QuoteURL(s), want, "")
		return ""
	}
	return s
}

// isPage reports whether s is a path of this origin or an absolute https URL, as every
// browser reads it: a backslash could begin a host.
func isPage(s string) bool {
	u, err := url.Parse(s)
	if err != nil || strings.ContainsAny(s, "\\ ") {
		return false
	}
	if strings.HasPrefix(s, "/") {
		return !strings.HasPrefix(s, "//")
	}
	return strings.HasPrefix(s, "https://") && u.Hostname() != "" && u.User == nil
}

// checkPages finds pages that nobody is sent to.
func checkPages(r *Route, f map[string]value) {
	if how := r.Require.Unauthenticated; how != middleware.UnauthenticatedAuto && f["unauthenticated_url"].given() {
		f["unauthenticated_url"].problem(fmt.Sprintf("unauthenticated_url beside unauthenticated: %s, so that nobody is sent there", how), "", "Take one of the two out.")
	}
	if f["forbidden_url"].given() && r.Auth == AuthRequired && !r.asksBeyondSession() {
		f["forbidden_url"].problem("forbidden_url on a route that asks for nothing that somebody signed in could lack", "require: with a role, permission, feature or plan", "")
	}
}

// asksBeyondSession reports whether somebody who is signed in may be turned away, other
// than to verify again.
func (r *Route) asksBeyondSession() bool {
	q := &r.Require
	return q.Role != "" || q.Permission != "" || q.Feature != "" || q.Plan != ""
}

// shutPages finds pages that those who are sent there cannot see: they would be sent on
// from there, perhaps for ever.
func (p *parser) shutPages(all []Route) {
	if len(p.problems) > 0 {
		return // another table than that of the file
	}
	table, err := NewTable(all)
	if err != nil {
		return
	}
	for i := range all {
		r, f := &all[i], p.items[i].fields
		if shut := table.shut(r, r.Require.UnauthenticatedURL, func(*Route) bool { return true }); shut != nil {
			f["unauthenticated_url"].problem(fmt.Sprintf("%s, where the route in line %d asks for a session", quote(r.Require.UnauthenticatedURL), shut.Line),
				"a page that signed-out people can see", "Put a route for it before that one, with auth: public.")
		}
		if shut := table.shut(r, r.Require.ForbiddenURL, (*Route).asksBeyondSession); shut != nil {
			f["forbidden_url"].problem(fmt.Sprintf("%s, where the route in line %d asks for more than a session", quote(r.Require.ForbiddenURL), shut.Line),
				"a page that everybody can see who is signed in", "Put a route for it before that one, without require.")
		}
	}
}

// shut returns the route of a page that people are sent to from r, if it asks for a session
// and for what keeps them out; nil if there is none, or if the page may be another
// server's.
func (t *Table) shut(r *Route, page string, keepsOut func(*Route) bool) *Route {
	u, err := url.Parse(page)
	if err != nil || page == "" {
		return nil
	}
	path, ok := urlpath.Canonical(&url.URL{Path: u.Path, RawPath: u.RawPath})
	if !ok {
		return nil
	}
	asked := &url.URL{}
	urlpath.Set(asked, path)
	for _, host := range t.hostsOf(r, u) {
		if m, err := t.Match("GET", host, asked); err == nil && m.Route.Auth == AuthRequired && keepsOut(m.Route) {
			return m.Route
		}
	}
	return nil
}

// hostsOf returns hosts of this server that a page of r may be on.
func (t *Table) hostsOf(r *Route, page *url.URL) []string {
	if page.Host != "" {
		if name, _, ok := wire.CanonicalHost(page.Host); ok && t.names(name) {
			return []string{name}
		}
		return nil
	}
	if len(r.Hosts) == 0 {
		return []string{"host.invalid"} // for which there are only routes without hosts
	}
	hosts := make([]string, len(r.Hosts))
	for i, host := range r.Hosts {
		hosts[i] = strings.Replace(host, "*", "host", 1)
	}
	return hosts
}

// names reports whether a route is for this host in particular.
func (t *Table) names(host string) bool {
	for i := range t.entries {
		if e := &t.entries[i]; len(e.hosts) > 0 && e.hasHost(host) {
			return true
		}
	}
	return false
}
