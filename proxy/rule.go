package proxy

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/clerkgate/clerkgate/internal/assertion"
	"github.com/clerkgate/clerkgate/internal/crossorigin"
	"github.com/clerkgate/clerkgate/internal/exchange"
	"github.com/clerkgate/clerkgate/internal/identity"
	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/urlpath"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/forward"
	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// rule is one route at work: how its requests are judged, and what the upstream
// gets.
type rule struct {
	route       *routes.Route
	name        string
	auth        *middleware.Authenticator
	requirement middleware.Requirement
	cors        *crossorigin.CORS  // nil without
	guard       *crossorigin.Guard // nil when it is off

	origins   *origin.Resolver
	suffix    string            // of this instance's cookies
	upstream  *forward.Upstream // nil where there is none: only gateways ask
	host      string            // for the upstream; "" for the request's
	identity  identity.Set
	headers   http.Header  // added for the upstream
	filter    *wire.Filter // of a client's headers
	signer    *assertion.Signer
	exchanger *exchange.Exchanger
}

func (p *Proxy) newRule(route *routes.Route, s *site) (*rule, error) {
	r := &rule{
		route: route, name: nameOf(route), auth: s.clerk.auth, requirement: route.Require, origins: p.origins, suffix: s.clerk.auth.CookieSuffix(),
		upstream: s.upstreams[route.Upstream], identity: identity.NewSet(route.Identity),
		filter: p.filter, signer: s.signer, exchanger: s.clerk.exchanger,
	}
	up := s.settings[route.Upstream]
	r.host = up.HostHeader()
	var err error
	if every := route.RefreshesEveryMethod(); len(route.Accepts) > 0 || every || route.AcceptPending {
		variant := middleware.Variant{
			AcceptsToken: route.Accepts, RefreshEveryMethod: every, AcceptPendingSessions: route.AcceptPending,
		}
		if len(route.Accepts) == 0 {
			variant.AcceptsToken = p.accepts
		}
		if r.auth, err = s.clerk.auth.With(variant); err != nil {
			return nil, settings.OptionsError(err)
		}
	}
	if c := route.CORS; c != nil {
		if r.cors, err = crossorigin.NewCORS(crossorigin.CORSOptions{
			Origins: c.Origins, Methods: c.Methods, Headers: c.Headers, Expose: c.Expose, Credentials: c.Credentials, MaxAge: c.MaxAge,
		}); err != nil {
			return nil, err
		}
	}
	if !route.CSRF.Off {
		if r.guard, err = crossorigin.NewGuard(route.CSRF.TrustedOrigins); err != nil {
			return nil, err
		}
	}
	var own []string
	if len(route.RequestHeaders) > 0 {
		r.headers = make(http.Header, len(route.RequestHeaders))
		for name, value := range route.RequestHeaders {
			r.headers.Set(name, value)
			own = append(own, name)
		}
	}
	if len(own) > 0 || len(route.KeepHeaders) > 0 {
		r.filter = wire.NewFilter(own, route.KeepHeaders)
	}
	return r, nil
}

// nameOf is what the access log calls a route; "" for what the environment says.
func nameOf(route *routes.Route) string {
	if route.Name == "" && route.Line > 0 {
		return "line " + strconv.Itoa(route.Line)
	}
	return route.Name
}

// issue gets the tokens that the route promises its upstream.
// What cannot be had is answered here: an upstream must not have to wonder.
func (rl *rule) issue(w http.ResponseWriter, r *http.Request, ps *passage) bool {
	status, _ := identity.Verdict(ps.state)
	if status != middleware.SignedIn {
		return true
	}
	who := ps.state.Auth
	switch rl.route.Authorization {
	case routes.AuthorizationSession:
		if ps.state.TokenType == middleware.SessionToken {
			ps.tokens.authorization = "Bearer " + ps.state.Token
		}
	case routes.AuthorizationTemplate:
		if who.SessionID == "" {
			break // a machine has no session to make a token of
		}
		token, err := rl.exchanger.Token(r.Context(), exchange.Key{SessionID: who.SessionID, Template: rl.route.TokenTemplate, Version: who.OrgID})
		if err != nil {
			rl.exchangeFailed(w, r, ps, err)
			return false
		}
		ps.tokens.authorization = "Bearer " + token
	}
	if rl.signer == nil || rl.route.Audience == "" {
		return true
	}
	signed, err := rl.signer.Sign(subject(who), rl.route.Audience)
	if err != nil {
		ps.outcome.Err = err
		ps.site.pages.Refuse(w, r, http.StatusInternalServerError, "assertion_failed", "This request could not be vouched for.")
		return false
	}
	ps.tokens.assertion = signed
	return true
}

func (rl *rule) exchangeFailed(w http.ResponseWriter, r *http.Request, ps *passage, err error) {
	ps.outcome.Err = err
	if context.Cause(r.Context()) != nil {
		return // the client has gone
	}
	ps.site.pages.Refuse(w, r, http.StatusBadGateway, "token_exchange_failed", "The token that the application needs could not be had from Clerk. Try again in a moment.")
}

// subject is who an assertion is about.
func subject(who *middleware.Auth) assertion.Subject {
	var actor struct {
		Sub string `json:"sub"`
	}
	if who.Actor != nil {
		_ = json.Unmarshal(who.Actor, &actor) // an actor without a sub is nobody
	}
	return assertion.Subject{
		TokenType: string(who.TokenType), UserID: who.UserID, SessionID: who.SessionID,
		OrgID: who.OrgID, OrgSlug: who.OrgSlug, OrgRole: who.OrgRole,
		MachineID: who.MachineID, ClientID: who.ClientID, TokenID: who.TokenID,
		Scope: strings.Join(who.Scopes, " "), ActorID: actor.Sub,
	}
}

// forward carries a request to the upstream, with what the route has to tell.
func (rl *rule) forward(w http.ResponseWriter, r *http.Request, ps *passage) {
	out := rl.upstream.NewRequest(r, rl.filter, ps.public.Trusted())
	if rl.route.StripPrefix != "" {
		urlpath.Set(&out.URL, ps.upstreamPath)
	}
	if host := cmp.Or(rl.host, ps.host); host != "" {
		out.Host = host
	}
	out.NoStore = setsCookies(ps.state)
	rl.tell(&out.Header, r, ps)
	out.Header.Set(hopsHeader, strconv.Itoa(ps.hops+1)) // no gateway's answer has it: who passes on what it asks about is the gateway
	rl.upstream.Forward(w, out, &ps.outcome)
}
