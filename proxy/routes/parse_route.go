package routes

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/clerkgate/clerkgate/internal/exchange"
	"github.com/clerkgate/clerkgate/middleware"
)

// routes reads the list of routes and compares them with each other and with the
// rest of the file.
func (p *parser) routes(v value, file map[string]value) []Route {
	switch {
	case v.node.Kind != yaml.SequenceNode:
		v.problem(v.found()+", where a list of routes belongs", "begin each route with a dash")
		return nil
	case len(v.node.Content) == 0:
		v.problem("no routes", "write at least one; what no route matches gets 404")
		return nil
	case len(v.node.Content) > maxRoutes:
		v.problem(fmt.Sprintf("%d routes", len(v.node.Content)), fmt.Sprintf("%d are the most", maxRoutes))
		return nil
	}
	all := make([]Route, len(v.node.Content))
	fields := make([]map[string]value, len(all))
	names := make(map[string]int)
	for i, n := range v.node.Content {
		item := value{p, n, fmt.Sprintf("%s[%d]", v.key, i)}
		fields[i] = item.fields(routeKeys)
		r := p.route(item, fields[i])
		p.checkUpstreamName(item, fields[i], file["upstreams"])
		if r.Audience != "" && r.Auth != AuthNone && !file["assertion"].given() {
			fields[i]["audience"].problem("an audience, while the file has no assertion", "write assertion: with key_files, or take audience out")
		}
		if first, twice := names[r.Name]; twice && r.Name != "" {
			fields[i]["name"].problem(quote(r.Name)+" a second time", fmt.Sprintf("name it other than the route in line %d", first))
		}
		names[r.Name] = r.Line
		all[i] = r
	}
	p.unreachable(all, fields)
	return all
}

func (p *parser) checkUpstreamName(item value, f map[string]value, upstreams value) {
	v, present := f["upstream"]
	var known []string
	if upstreams.given() {
		for i := 0; i+1 < len(upstreams.node.Content) && upstreams.node.Kind == yaml.MappingNode; i += 2 {
			known = append(known, upstreams.node.Content[i].Value)
		}
	}
	switch {
	case !present && len(known) > 0 && item.node.Kind == yaml.MappingNode:
		item.problem("a route without upstream", "write upstream: and "+oneOf(firstFew(known)))
	case !v.given():
	default:
		name, ok := v.text("the name of an upstream")
		if !ok || slices.Contains(known, name) {
			return
		}
		if len(known) == 0 {
			v.problem("the upstream "+quote(name)+", while the file has no upstreams", "declare it below upstreams, or take it out to use the environment's")
			return
		}
		v.problem("unknown upstream "+quote(name), suggestion(name, known)+"declare it below upstreams, or write "+oneOf(firstFew(known)))
	}
}

// firstFew keeps a list short enough to be read.
func firstFew(words []string) []string {
	quoted := make([]string, 0, 8)
	for _, w := range words[:min(len(words), 8)] {
		quoted = append(quoted, shorten(w))
	}
	return quoted
}

func (p *parser) route(item value, f map[string]value) Route {
	r := Route{Line: item.node.Line}
	if item.node.Kind != yaml.MappingNode {
		return r // reported
	}
	if _, present := f["match"]; !present {
		item.problem("a route without match", `write match: and a path, "/prefix/*" or "/*"`)
	}
	r.Name, _ = f["name"].matched("a name of 64 printable characters at most", func(s string) bool {
		return len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
	})
	r.Match = f["match"].pattern()
	r.Hosts = f["hosts"].hosts()
	r.Methods = f["methods"].methodNames()
	r.Auth = Auth(zero(f["auth"].choice([]string{"required", "public", "none"}), "required"))
	r.Accepts = f["accepts"].accepts()
	r.Require = f["require"].require()
	r.Unauthenticated = Unauthenticated(zero(f["unauthenticated"].choice([]string{"auto", "401", "redirect", "404"}), "auto"))
	r.Upstream = ""
	if v := f["upstream"]; v.given() && v.node.Kind == yaml.ScalarNode {
		r.Upstream = v.node.Value // judged by checkUpstreamName
	}
	r.StripPrefix = f["strip_prefix"].stripPrefix(r.Match)
	r.AmbiguousPaths = f["ambiguous_paths"].boolean()
	r.CORS = f["cors"].cors()
	r.CSRF = f["csrf"].csrf()
	r.Refresh = Refresh(zero(f["refresh"].choice([]string{"documents", "all"}), "documents"))
	r.RequestHeaders = f["request_headers"].requestHeaders()
	r.Identity = f["identity"].identity()
	r.Authorization = Authorization(zero(f["authorization"].choice([]string{"keep", "remove", "session", "template"}), "keep"))
	r.TokenTemplate, _ = f["token_template"].matched("a template's name: letters, digits, -, _ and ., the first a letter or a digit", exchange.ValidTemplate)
	r.Audience, _ = f["audience"].matched("a URL or a name without spaces, of 256 bytes at most", func(s string) bool {
		return len(s) <= 256 && !strings.ContainsFunc(s, unicode.IsSpace)
	})
	checkRoute(&r, f)
	return r
}

// zero makes the default word the zero value.
func zero(word, standard string) string {
	if word == standard {
		return ""
	}
	return word
}

// pattern reads match, in canonical form.
func (v value) pattern() string {
	s, ok := v.text(`a path, "/prefix/*" or "/*"`)
	if !ok {
		return ""
	}
	p, err := parsePattern(s)
	if err != nil {
		v.problem(quote(s)+" "+err.Error(), `write an exact path such as "/health", "/prefix/*" for all below, or "/*"`)
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
			v.problem(quote(s)+" is no host", `write a name without scheme and port, such as app.example.com, "*.example.com" for one label, or "[::1]"; names in other scripts begin with xn--`)
		}
		return host, ok
	})
}

func (v value) accepts() []middleware.TokenType {
	if v.given() && v.node.Kind == yaml.ScalarNode {
		if v.node.Value == string(middleware.AnyToken) {
			return []middleware.TokenType{middleware.AnyToken}
		}
		v.problem(v.found()+" is no list of token types", suggestion(v.node.Value, []string{"any"})+"write any, or a list of "+oneOf(tokenTypes())+" in [ ]")
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

func (v value) require() middleware.Requirement {
	if !v.given() {
		return middleware.Requirement{}
	}
	f := v.fields(requireKeys)
	if v.node.Kind == yaml.MappingNode && len(v.node.Content) == 0 {
		v.problem("an empty require", "write "+oneOf(requireKeys)+", or take it out")
	}
	word := func(key, example string) string {
		s, _ := f[key].matched("one such as "+example, func(s string) bool {
			return len(s) <= 128 && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == ',' })
		})
		return s
	}
	return middleware.Requirement{
		Role: word("role", "org:admin"), Permission: word("permission", "org:invoices:create"),
		Feature: word("feature", "reports"), Plan: word("plan", "org:gold"),
		Reverification: f["reverification"].choice([]string{"strict_mfa", "strict", "moderate", "lax"}),
	}
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
	v.problem(quote(s)+" is not whole segments at the start of "+quote(match), "write the segments to cut off, with no slash at the end, such as /admin for /admin/*")
	return ""
}
