package routes

import (
	"reflect"
	"slices"

	"github.com/clerkgate/clerkgate/middleware"
)

// asStrictAs reports whether every request that may pass on r may also pass on o: o requires
// nothing that r does not require, and lets other sites do whatever r lets them do. If that
// is not certain, the result is false.
func (r *Route) asStrictAs(o *Route) bool {
	return r.Auth.strength() >= o.Auth.strength() && acceptsNoMore(r, o) && requiresAsMuch(&r.Require, &o.Require) &&
		(!r.AcceptPending || o.AcceptPending || o.Auth != AuthRequired) && (r.Revocation == RevocationStrict || o.Revocation != RevocationStrict) && guardsAsMuch(&r.CSRF, &o.CSRF) && (r.CORS == nil || reflect.DeepEqual(r.CORS, o.CORS))
}

// strength orders the values by how much they require.
func (a Auth) strength() int {
	switch a {
	case AuthNone:
		return 0
	case AuthPublic:
		return 1
	default:
		return 2
	}
}

// acceptsNoMore reports whether o accepts each token that r accepts. It does not know what
// the environment accepts.
func acceptsNoMore(r, o *Route) bool {
	if o.Auth != AuthRequired || slices.Contains(o.Accepts, middleware.AnyToken) {
		return true
	}
	if len(r.Accepts) == 0 || len(o.Accepts) == 0 {
		return len(r.Accepts) == len(o.Accepts)
	}
	return !slices.ContainsFunc(r.Accepts, func(kind middleware.TokenType) bool { return !slices.Contains(o.Accepts, kind) })
}

func requiresAsMuch(r, o *middleware.Requirement) bool {
	for _, pair := range [...][2]string{
		{r.Role, o.Role}, {r.Permission, o.Permission}, {r.Feature, o.Feature}, {r.Plan, o.Plan}, {r.Reverification, o.Reverification},
	} {
		if pair[1] != "" && pair[0] != pair[1] {
			return false
		}
	}
	if slices.ContainsFunc(o.Scopes, func(scope string) bool { return !slices.Contains(r.Scopes, scope) }) {
		return false
	}
	return o.Level == "" && o.AfterMinutes == 0 || r.Level == o.Level && r.AfterMinutes == o.AfterMinutes
}

func guardsAsMuch(r, o *CSRF) bool {
	return o.Off || !r.Off && !slices.ContainsFunc(r.TrustedOrigins, func(s string) bool { return !slices.Contains(o.TrustedOrigins, s) })
}
