package outbound

import (
	"slices"

	"github.com/clerkgate/clerkgate/internal/claimheader"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// ClaimNames returns the names of the headers that any of the routes makes of claims. No
// client may write them, whichever route it takes: the application is the same.
func ClaimNames(list []routes.Route) []string {
	var all [][]claimheader.Header
	for i := range list {
		all = append(all, claimHeaders(&list[i]))
	}
	return claimheader.Names(all...)
}

// ClaimSet compiles the headers that a route makes of claims; nil for none. The error is a
// [*problem.Problem].
func ClaimSet(route *routes.Route) (*claimheader.Set, error) {
	if len(route.ClaimHeaders) == 0 || route.Auth == routes.AuthNone {
		return nil, nil
	}
	return claimheader.New(claimHeaders(route))
}

func claimHeaders(route *routes.Route) []claimheader.Header {
	headers := make([]claimheader.Header, len(route.ClaimHeaders))
	for i, h := range route.ClaimHeaders {
		headers[i] = claimheader.Header(h)
	}
	return headers
}

// isMadeOfClaims reports whether an application could read name as a header that some
// route makes of claims.
func (b *Builder) isMadeOfClaims(name string) bool {
	return slices.ContainsFunc(b.opts.ClaimNames, func(own string) bool { return wire.IsNormal(name, wire.NormalName(own)) })
}
