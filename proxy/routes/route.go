package routes

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/clerkgate/clerkgate/internal/exchange"
	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/middleware"
)

// routes reads the list of routes. compare checks them against each other and the rest of
// the file.
func (p *parser) routes(v value) []Route {
	switch {
	case v.node.Kind != yaml.SequenceNode:
		v.problem(v.found(), "a list of routes, each beginning with a dash", "")
		return nil
	case len(v.node.Content) == 0:
		v.problem("no routes", "at least one; what no route matches gets 404", "")
		return nil
	case len(v.node.Content) > maxRoutes:
		v.problem(fmt.Sprintf("%d routes", len(v.node.Content)), fmt.Sprintf("%d at most", maxRoutes), "")
		return nil
	}
	all := make([]Route, len(v.node.Content))
	p.items = make([]item, len(all))
	for i, n := range v.node.Content {
		at := value{p, n, fmt.Sprintf("%s[%d]", v.key, i)}
		all[i].Line = n.Line
		fields := readMapping(at, routeKeys(), &all[i])
		p.items[i] = item{at, fields}
		if n.Kind == yaml.MappingNode {
			if _, present := fields["match"]; !present {
				at.problem("a route without match", `match: and a path, "/prefix/*" or "/*"`, "")
			}
			checkRoute(&all[i], fields)
		}
	}
	return all
}

// item is a route in the file, with its keys.
type item struct {
	value
	fields map[string]value
}

// compare checks the routes against each other and the rest of the file.
func (p *parser) compare(cfg *Config, file map[string]value) {
	names := make(map[string]int)
	for i := range p.items {
		r, at := &cfg.Routes[i], p.items[i]
		p.checkUpstreamName(at.value, at.fields, file["upstreams"])
		if r.Audience != "" && r.Auth != AuthNone && !file["assertion"].given() {
			at.fields["audience"].problem("an audience, while the file has no assertion", "assertion: with key_files, or no audience", "")
		}
		if first, twice := names[r.Name]; twice && r.Name != "" {
			at.fields["name"].problem(quote(r.Name)+" a second time", fmt.Sprintf("another name than that of the route in line %d", first), "")
		}
		names[r.Name] = r.Line
	}
	p.ownHeaders(cfg.Routes)
	p.unreachable(cfg.Routes)
	p.shutPages(cfg.Routes)
}

func (p *parser) checkUpstreamName(at value, f map[string]value, upstreams value) {
	v, present := f["upstream"]
	var known []string
	if upstreams.given() {
		for i := 0; i+1 < len(upstreams.node.Content) && upstreams.node.Kind == yaml.MappingNode; i += 2 {
			known = append(known, upstreams.node.Content[i].Value)
		}
	}
	switch {
	case !present && len(known) > 0 && at.node.Kind == yaml.MappingNode:
		at.problem("a route without upstream", "upstream: and "+problem.OneOf(firstFew(known)), "")
	case !v.given():
	default:
		name, ok := v.text("the name of an upstream")
		if !ok || slices.Contains(known, name) {
			return
		}
		if len(known) == 0 {
			v.problem("the upstream "+quote(name)+", while the file has no upstreams", "", "Declare it below upstreams, or take it out to use the environment's.")
			return
		}
		v.problem(quote(name), problem.OneOf(firstFew(known))+", or one more below upstreams", suggestion(name, known))
	}
}

// firstFew returns the first few words, quoted for a message.
func firstFew(words []string) []string {
	quoted := make([]string, 0, 8)
	for _, w := range words[:min(len(words), 8)] {
		quoted = append(quoted, shorten(w))
	}
	return quoted
}

// routeKeys are the keys of a route.
func routeKeys() []key[Route] {
	return []key[Route]{
		{
			name: "match", required: true, read: func(v value, r *Route) { r.Match = v.pattern() },
			help: "An exact path, or `/prefix/*` for everything below it. `/*` is every path.",
		},
		{
			name: "hosts", unset: "any", read: func(v value, r *Route) { r.Hosts = v.hosts() },
			help: "Names without port; `*.example.com` stands for one label.",
		},
		{
			name: "methods", unset: "any", read: func(v value, r *Route) { r.Methods = v.methodNames() },
			help: "Methods in capitals; `GET` does not include `HEAD`.",
		},
		{
			name: "name", unset: "its line", help: "For logs and explanations.",
			read: func(v value, r *Route) {
				r.Name, _ = v.matched("a name of 64 printable characters at most", func(s string) bool {
					return len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
				})
			},
		},
		{
			name: "auth", standard: "required", read: func(v value, r *Route) { oneWord(&r.Auth, v, "required", AuthPublic, AuthNone) },
			help: "`required`: somebody must be signed in. `public`: judged, and signed-out requests pass. `none`: not looked at, no identity.",
		},
		{
			name: "accepts", unset: "`CLERKGATE_ACCEPTS_TOKEN`", read: func(v value, r *Route) { r.Accepts = v.accepts() },
			help: "What may authenticate: a list of `session_token`, `api_key`, `m2m_token`, `oauth_token`; or `any`. With `oauth_token`, OAuth clients such as those of MCP find Clerk on their own (RFC 9728).",
		},
		{
			name: "require", unset: "nothing further", read: func(v value, r *Route) { v.require(&r.Require) },
			help: "What the user must have, else 403: `role`, `permission`, `feature`, `plan`, `reverification`; or a token its `scopes`. All that are set.",
		},
		{
			name: "unauthenticated", standard: "auto",
			help: "The answer to signed-out requests. `auto`: browsers are sent to the sign-in page, programs get 401. `sign-up`: the same with the sign-up page. `\"401\"`, `\"404\"` or `redirect`: the same for both.",
			read: func(v value, r *Route) {
				oneWord(&r.Require.Unauthenticated, v, "auto", middleware.UnauthenticatedSignUp, middleware.Unauthenticated401, middleware.UnauthenticatedRedirect, middleware.Unauthenticated404)
			},
		},
		{
			name: "unauthenticated_url", unset: "the sign-in page", read: func(v value, r *Route) { r.Require.UnauthenticatedURL = v.page() },
			help: "Where signed-out browsers are sent: a path or an `https` URL, which gets this page as `redirect_url`. Programs get 401.",
		},
		{
			name: "forbidden_url", unset: "403", read: func(v value, r *Route) { r.Require.ForbiddenURL = v.page() },
			help: "Where browsers of people are sent who lack what `require` names; as `unauthenticated_url`. Programs get 403.",
		},
		{
			name: "upstream", unset: "`CLERKGATE_UPSTREAM`", help: "A name of `upstreams`.",
			read: func(v value, r *Route) {
				if v.node.Kind == yaml.ScalarNode {
					r.Upstream = v.node.Value // judged by checkUpstreamName
				}
			},
		},
		{
			name: "strip_prefix", read: func(v value, r *Route) { r.StripPrefix = v.stripPrefix(r.Match) },
			help: "Cut off the path that the application gets: whole segments at the start of `match`. `X-Forwarded-Prefix` tells it.",
		},
		{
			name: "ambiguous_paths", standard: "false", read: func(v value, r *Route) { r.AmbiguousPaths = v.boolean() },
			help: "What can be read in two ways (encoded slashes, dot segments, `//`) passes as it came if every reading leads to this route and no other for the host and method is stricter; else it is 400. `true`: it passes even if another is stricter.",
		},
		{
			name: "cors", unset: "no other origin", read: func(v value, r *Route) { r.CORS = v.cors() },
			help: "Which pages of other origins may call: `origins`, `methods`, `headers`, `expose`, `credentials`, `max_age`. Preflights are answered here, refusals are readable.",
		},
		{
			name: "csrf", standard: "on", read: func(v value, r *Route) { r.CSRF = v.csrf() },
			help: "`on`: another site's page cannot act with the user's cookies; `off`: it can; `{ trusted_origins: […] }`: those can. An origin in `cors` with credentials that shall act belongs here too.",
		},
		{
			name: "refresh", unset: "`CLERKGATE_REFRESH`",
			read: func(v value, r *Route) {
				r.Refresh = Refresh(v.choice([]string{string(RefreshAuto), string(RefreshDocuments), string(RefreshAll)}))
			},
			help: "For which requests an expired session is renewed. `auto`: for every method, but only for `GET` with `csrf: off`. `documents`: only for `GET`, as by Clerk's SDK. `all`: for every method, even with `csrf: off`.",
		},
		{
			name: "streams", standard: "session", read: func(v value, r *Route) { oneWord(&r.Streams, v, "session", StreamsFree) },
			help: "What becomes of WebSockets, event streams and other long connections. `session`: they end with their session. `free`: they go on.",
		},
		{
			name: "accept_pending", standard: "false", read: func(v value, r *Route) { r.AcceptPending = v.boolean() },
			help: "`true`: a session with unfinished tasks, such as the choice of an organization, counts as signed in.",
		},
		{
			name: "revocation", standard: "known", read: func(v value, r *Route) { oneWord(&r.Revocation, v, "known", RevocationStrict) },
			help: "While the shared store is down and revocations at other replicas cannot be heard of: `known` lets requests pass by what is known here; `strict` answers 503 to those with a session.",
		},
		{
			name: "keep_headers", unset: "none", read: func(v value, r *Route) { r.KeepHeaders = v.keptHeaders() },
			help: "Headers that pass as the client sent them though frameworks believe or obey them, such as `X-HTTP-Method-Override`.",
		},
		{
			name: "request_headers", read: func(v value, r *Route) { r.RequestHeaders = v.requestHeaders() },
			help: "Headers that the application gets; not those that clerkgate, the client or the connection sets.",
		},
		{
			name: "identity", standard: "all", read: func(v value, r *Route) { r.Identity = v.identity() },
			help: "Which identity headers the application gets: `all`, `none`, or a list such as `[user_id, org_id]`.",
		},
		{
			name: "claim_headers", unset: "`CLERKGATE_CLAIM_HEADERS`", read: func(v value, r *Route) { r.ClaimHeaders = v.claimHeaders() },
			help: "Headers made of the session's claims: a name and the path of a claim (`X-Forwarded-Email: email`), or a text with such paths in braces (`\"{first_name} {last_name}\"`). They stand in place of `CLERKGATE_CLAIM_HEADERS`; `none` is none.",
		},
		{
			name: "enrich", unset: "`CLERKGATE_ENRICH`", read: func(v value, r *Route) { r.Enrich = Enrich(v.choice([]string{string(EnrichNone), string(EnrichUser)})) },
			help: "Where `claim_headers` get what the claims lack. `user`: from Clerk's user (`id`, `email`, `phone`, `username`, `first_name`, `last_name`, `image_url`, `external_id`, `public_metadata`). `none`: from nowhere.",
		},
		{
			name: "authorization", standard: "keep",
			help: "What the application gets as `Authorization`: `keep`, `remove`, `session` (the fresh session token), `template` (a token of `token_template`, fetched once and kept until shortly before it ends).",
			read: func(v value, r *Route) {
				oneWord(&r.Authorization, v, "keep", AuthorizationRemove, AuthorizationSession, AuthorizationTemplate)
			},
		},
		{
			name: "token_template", help: "The JWT template for `authorization: template`.",
			read: func(v value, r *Route) {
				r.TokenTemplate, _ = v.matched("a template's name: letters, digits, -, _ and ., the first a letter or a digit", exchange.ValidTemplate)
			},
		},
		{
			name: "audience", unset: "no assertion", help: "The application gets `X-Clerk-Assertion`, a short-lived JWT by clerkgate, for this audience.",
			read: func(v value, r *Route) {
				r.Audience, _ = v.matched("a URL or a name without spaces, of 256 bytes at most", func(s string) bool {
					return len(s) <= 256 && !strings.ContainsFunc(s, unicode.IsSpace)
				})
			},
		},
	}
}
