package routes

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/clerkgate/clerkgate/middleware"
)

// checkRoute finds keys that contradict each other. A key that would have no effect is a
// problem too, because whoever wrote it relies on it (CVE-2021-21411).
func checkRoute(r *Route, f map[string]value) {
	switch r.Auth {
	case AuthPublic:
		useless(f, "on a route that signed-out requests pass", "Take it out, or write auth: required.", "require", "unauthenticated", "unauthenticated_url", "forbidden_url")
	case AuthNone:
		useless(f, "on a route where nobody is looked for", "Take it out, or write auth: required or auth: public.",
			"require", "unauthenticated", "unauthenticated_url", "forbidden_url", "accepts", "identity", "claim_headers", "enrich", "refresh", "streams", "accept_pending", "revocation", "token_template", "audience")
		if r.Authorization == AuthorizationSession || r.Authorization == AuthorizationTemplate {
			f["authorization"].problem("authorization: "+string(r.Authorization)+" on a route where nobody is looked for", "keep or remove; or auth: required or auth: public", "")
		}
	}
	if r.Auth != AuthNone && len(r.Accepts) > 0 && !slices.Contains(r.Accepts, middleware.SessionToken) && r.Accepts[0] != middleware.AnyToken {
		const remedy = "Add session_token to accepts, or take this out."
		const why = "on a route that accepts no session_token, and no other token can have it"
		useless(f, why, remedy, "streams", "accept_pending", "claim_headers", "enrich", "token_template")
		if hasKeyBeside(f["require"], "scopes") {
			useless(f, why, remedy, "require")
		}
		if r.Refresh != "" && r.Refresh != RefreshDocuments {
			f["refresh"].problem("refresh: "+string(r.Refresh)+" on a route that accepts no session_token", "", remedy)
		}
		if r.Authorization == AuthorizationSession || r.Authorization == AuthorizationTemplate {
			f["authorization"].problem("authorization: "+string(r.Authorization)+" on a route that accepts no session_token", "", remedy)
		}
	}
	if acceptsSessions := len(r.Accepts) == 0 || slices.Contains(r.Accepts, middleware.SessionToken) || r.Accepts[0] == middleware.AnyToken; acceptsSessions && len(r.Require.Scopes) > 0 {
		f["require"].problem("scopes on a route that may accept a session, which has none", "accepts: with oauth_token, api_key or m2m_token, and no other", "")
	}
	checkPages(r, f)
	if r.Enrich == EnrichUser && r.ClaimHeaders != nil && r.Auth != AuthNone && !r.AsksUser() {
		f["enrich"].problem("enrich: user, while claim_headers have no field of Clerk's user", "enrich: none, or such a header, such as X-Forwarded-Email: email", "")
	}
	if template := r.Authorization == AuthorizationTemplate; template && !f["token_template"].given() {
		f["authorization"].problem("authorization: template without token_template", "token_template: and the name of a JWT template", "")
	} else if !template && f["token_template"].given() {
		f["token_template"].problem("token_template without authorization: template", "authorization: template, or no token_template", "")
	}
}

// hasKeyBeside reports whether a mapping has another key than this one.
func hasKeyBeside(v value, name string) bool {
	if !v.given() || v.node.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i < len(v.node.Content); i += 2 {
		if v.node.Content[i].Value != name {
			return true
		}
	}
	return false
}

// useless reports keys that are given but have no effect.
func useless(f map[string]value, why, remedy string, keys ...string) {
	for _, key := range keys {
		if f[key].given() {
			f[key].problem(key+" "+why, "", remedy)
		}
	}
}

// unreachable finds routes for which an earlier one leaves no requests.
func (p *parser) unreachable(all []Route) {
	entries := make([]*entry, len(all))
	for i := range all {
		e, err := newEntry(&all[i])
		usable := err == nil && len(e.hosts) == written(p.items[i].fields["hosts"]) && len(all[i].Methods) == written(p.items[i].fields["methods"])
		if usable {
			entries[i] = &e
		}
	}
	for i, later := range entries {
		if later == nil {
			continue
		}
		for _, earlier := range entries[:i] {
			if earlier != nil && earlier.covers(later) {
				p.items[i].fields["match"].problem(
					fmt.Sprintf("%q, which is never reached: the route in line %d, %s, matches all of it first", later.pattern, earlier.route.Line, earlier.describe()),
					"", fmt.Sprintf("Move it before line %d, or take it out.", earlier.route.Line))
				break
			}
		}
	}
}

// written returns how many items a list has in the file, valid or not. A route with an
// invalid item is not compared, because it would seem to match anything.
func written(v value) int {
	if !v.given() {
		return 0
	}
	return max(len(v.node.Content), 1)
}

// covers reports whether e matches everything that later matches.
func (e *entry) covers(later *entry) bool {
	hosts := len(e.hosts) == 0 || len(later.hosts) > 0 && !slices.ContainsFunc(later.hosts, func(h string) bool {
		return !slices.ContainsFunc(e.hosts, func(own string) bool { return hostCovers(own, h) })
	})
	methods := len(e.route.Methods) == 0 || len(later.route.Methods) > 0 && !slices.ContainsFunc(later.route.Methods, func(m string) bool {
		return !slices.Contains(e.route.Methods, m)
	})
	return hosts && methods && e.pattern.covers(later.pattern)
}

// describe says which requests a route matches, in the words of the file.
func (e *entry) describe() string {
	parts := []string{fmt.Sprintf("%q", e.pattern)}
	if len(e.hosts) > 0 {
		parts = append(parts, "on "+strings.Join(e.hosts, ", "))
	}
	if len(e.route.Methods) > 0 {
		parts = append(parts, "for "+strings.Join(e.route.Methods, ", "))
	}
	return strings.Join(parts, " ")
}
