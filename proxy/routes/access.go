package routes

import (
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/middleware"
)

// pattern reads match, in canonical form.
func (v value) pattern() string {
	s, ok := v.text(`a path, "/prefix/*" or "/*"`)
	if !ok {
		return ""
	}
	p, err := parsePattern(s)
	if err != nil {
		v.problem(quote(s)+", which "+err.Error(), `an exact path such as "/health", "/prefix/*" for all below, or "/*"`, "")
		return ""
	}
	return p.String()
}

func (v value) hosts() []string {
	return v.texts("hosts", func(v value) (string, bool) {
		s, ok := v.text("a host, such as app.example.com")
		if !ok {
			return "", false
		}
		host, ok := canonicalHostPattern(s)
		if !ok {
			v.problem(quote(s), `a name without scheme and port, such as app.example.com, "*.example.com" for one label, or "[::1]"; names in other scripts begin with xn--`, "")
		}
		return host, ok
	})
}

func (v value) accepts() []middleware.TokenType {
	if v.node.Kind == yaml.ScalarNode {
		if v.node.Value == string(middleware.AnyToken) {
			return []middleware.TokenType{middleware.AnyToken}
		}
		v.problem(v.found(), "any, or a list of "+problem.OneOf(tokenTypes())+" in [ ]", suggestion(v.node.Value, []string{"any"}))
		return nil
	}
	var types []middleware.TokenType
	for _, s := range v.texts("token types", func(v value) (string, bool) {
		s := v.choice(tokenTypes())
		return s, s != ""
	}) {
		types = append(types, middleware.TokenType(s))
	}
	return types
}

func (v value) require(into *middleware.Requirement) {
	readMapping(v, requireKeys(), into)
	if v.node.Kind == yaml.MappingNode && len(v.node.Content) == 0 {
		v.problem("an empty require", "at least one of "+strings.Join(names(requireKeys()), ", "), "")
	}
}

func requireKeys() []key[middleware.Requirement] {
	type requirement = middleware.Requirement
	return []key[requirement]{
		{
			name: "role", read: func(v value, q *requirement) { q.Role = v.claim("org:admin") },
			help: "A role in the active organization, such as `org:admin`.",
		},
		{
			name: "permission", read: func(v value, q *requirement) { q.Permission = v.claim("org:invoices:create") },
			help: "A permission in the active organization, such as `org:invoices:create`.",
		},
		{
			name: "feature", read: func(v value, q *requirement) { q.Feature = v.claim("reports") },
			help: "A feature of the organization or the user; `org:x` and `user:x` ask one of them.",
		},
		{
			name: "plan", read: func(v value, q *requirement) { q.Plan = v.claim("org:gold") },
			help: "A plan of the organization or the user; `org:x` and `user:x` ask one of them.",
		},
		{
			name: "reverification",
			read: func(v value, q *requirement) {
				q.Reverification = v.choice([]string{"strict_mfa", "strict", "moderate", "lax"})
			},
			help: "How fresh the user's factors must be: within 10 minutes for `strict` and `strict_mfa`, an hour for `moderate`, a day for `lax`.",
		},
		{
			name: "scopes", read: func(v value, q *requirement) { q.Scopes = v.scopes() },
			help: "Scopes that an OAuth token, API key or M2M token must have, such as `[\"mcp:read\"]`; on a route whose `accepts` lists those alone. A token without them gets 403 with `insufficient_scope`, so that an OAuth client asks for them (RFC 6750).",
		},
	}
}

// scopes reads scopes as OAuth writes them (RFC 6749, section 3.3).
func (v value) scopes() []string {
	return v.texts("scopes", func(v value) (string, bool) {
		return v.matched("a scope such as mcp:read: visible ASCII without quotation marks and backslashes", func(s string) bool {
			return len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
		})
	})
}

// claim reads a role, permission, feature or plan.
func (v value) claim(example string) string {
	s, _ := v.matched("one such as "+example, func(s string) bool {
		return len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == ',' })
	})
	return s
}

// stripPrefix reads whole segments at the start of match.
func (v value) stripPrefix(match string) string {
	s, ok := v.text("the start of match, such as /admin")
	if !ok || match == "" {
		return ""
	}
	p, err := parsePattern(s)
	whole, _ := parsePattern(match)
	if err == nil && !p.below && s != "/" {
		if _, ok := whole.withoutPrefix(p.escaped); ok {
			return p.escaped
		}
	}
	v.problem(quote(s)+", which is not whole segments at the start of "+quote(match), "the segments to cut off, without a slash at the end, such as /admin for /admin/*", "")
	return ""
}
