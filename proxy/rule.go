package proxy

import (
	"sync/atomic"

	"github.com/clerkgate/clerkgate/internal/crossorigin"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/forward"
	"github.com/clerkgate/clerkgate/proxy/internal/monitor"
	"github.com/clerkgate/clerkgate/proxy/internal/outbound"
	"github.com/clerkgate/clerkgate/proxy/internal/users"
	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// rule is a route in force: how its requests are judged, and what its application gets.
type rule struct {
	route       *routes.Route
	requests    *atomic.Uint64 // that it was chosen for; kept through reloads
	name        string
	auth        *middleware.Authenticator
	requirement middleware.Requirement
	cors        *crossorigin.CORS  // nil without CORS
	guard       *crossorigin.Guard // nil if the CSRF guard is off
	outbound    *outbound.Builder
	counters    *monitor.Route
	upstream    *forward.Upstream // nil if there is no application: only gateways ask
}

func (p *Proxy) newRule(route *routes.Route, s *site) (*rule, error) {
	claims, err := outbound.ClaimSet(route)
	if err != nil {
		return nil, settings.NewError(settings.EnvClaimHeaders, err)
	}
	var known *users.Users
	if route.Enrich == routes.EnrichUser {
		known = s.instance.Users
	}
	r := &rule{
		route: route, requests: &atomic.Uint64{}, name: route.Label(), auth: s.instance.Auth, requirement: route.Require, upstream: s.upstreams.Get(route.Upstream),
		outbound: outbound.New(outbound.Options{
			Route: route, Host: s.upstreams.HostHeader(route.Upstream), CookieSuffix: s.instance.Auth.CookieSuffix(),
			Filter: s.filter, Claims: claims, Users: known, ClaimNames: s.claimNames, Origins: p.origins, Exchanger: s.instance.Exchanger, Signer: s.signer,
		}),
	}
	every, strict := route.RefreshesEveryMethod(), route.Revocation == routes.RevocationStrict
	if len(route.Accepts) > 0 || every || route.AcceptPending || strict {
		variant := middleware.Variant{
			AcceptsToken: route.Accepts, RefreshEveryMethod: every, AcceptPendingSessions: route.AcceptPending, StrictRevocation: strict,
		}
		if len(route.Accepts) == 0 {
			variant.AcceptsToken = p.accepts
		}
		if r.auth, err = s.instance.Auth.With(variant); err != nil {
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
	return r, nil
}
