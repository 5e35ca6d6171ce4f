package settings

import (
	"fmt"
	"strconv"

	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// claimHeaders finds headers that are made of claims and come from elsewhere too.
func (l *loader) claimHeaders() {
	if l.failed(EnvClaimHeaders) {
		return
	}
	if n := len(l.cfg.ClaimHeaders); n > routes.MaxClaimHeaders {
		l.problem(EnvClaimHeaders, strconv.Itoa(n)+" headers", strconv.Itoa(routes.MaxClaimHeaders)+" at most")
		return
	}
	made := make(map[string]bool)
	for _, h := range l.cfg.ClaimHeaders {
		normal := wire.NormalName(h.Name)
		if made[normal] {
			l.problem(EnvClaimHeaders, "the header "+problem.Quote(h.Name)+" twice", "each header once")
			return
		}
		made[normal] = true
	}
	for _, name := range l.cfg.KeepHeaders {
		if made[wire.NormalName(name)] {
			l.problem(EnvKeepHeaders, "the header "+problem.Quote(name)+", which "+EnvClaimHeaders+" makes", "another name: a client's own never passes")
			return
		}
	}
	l.enrich()
	if l.cfg.Routes == nil {
		return
	}
	for i := range l.cfg.Routes.Routes {
		r := &l.cfg.Routes.Routes[i]
		names := append([]string(nil), r.KeepHeaders...)
		for name := range r.RequestHeaders {
			names = append(names, name)
		}
		for _, name := range names {
			if made[wire.NormalName(name)] {
				l.problem(EnvClaimHeaders, fmt.Sprintf("the header %s, which the route in line %d has in request_headers or keep_headers", problem.Quote(name), r.Line), "another name")
				return
			}
		}
	}
}

// enrich finds look-ups of users that no header asks for.
func (l *loader) enrich() {
	used := false
	for _, r := range l.cfg.AllRoutes() {
		used = used || r.Enrich == routes.EnrichUser && r.AsksUser()
	}
	switch {
	case used || l.failed(EnvEnrich) || l.failed(EnvEnrichTTL) || l.failed(EnvConfig):
	case l.cfg.Enrich == routes.EnrichUser:
		l.problem(EnvEnrich, "user, while no claim header has a field of Clerk's user", "nothing, or such a header in "+EnvClaimHeaders+", such as X-Forwarded-Email=email")
	case l.given(EnvEnrichTTL):
		l.problem(EnvEnrichTTL, l.text(EnvEnrichTTL)+", while no user is looked up", "nothing, or "+EnvEnrich+"=user")
	}
}
