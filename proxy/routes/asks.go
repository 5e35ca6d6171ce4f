package routes

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/middleware"
)

// sentences collects the lines of an explanation.
type sentences []string

func (s *sentences) add(format string, args ...any) { *s = append(*s, fmt.Sprintf(format, args...)) }

// Asks describes what a route requires of a request and what is done with it, the most
// important first. Most defaults are left out.
func (r *Route) Asks() []string {
	var s sentences
	switch r.Auth {
	case AuthPublic:
		s.add("anybody may pass; clerkgate finds out who is signed in")
	case AuthNone:
		s.add("anybody may pass; requests are not authenticated")
	default:
		s.add("somebody must be signed in")
	}
	for _, need := range []struct{ what, value string }{
		{"role", r.Require.Role}, {"permission", r.Require.Permission}, {"feature", r.Require.Feature},
		{"plan", r.Require.Plan}, {"reverification", r.Require.Reverification},
	} {
		if need.value != "" {
			s.add("with the %s %s", need.what, need.value)
		}
	}
	if len(r.Require.Scopes) > 0 {
		s.add("with the scopes %s", strings.Join(r.Require.Scopes, ", "))
	}
	switch {
	case slices.Contains(r.Accepts, middleware.AnyToken):
		s.add("by a token of any kind")
	case len(r.Accepts) > 0:
		words := make([]string, len(r.Accepts))
		for i, a := range r.Accepts {
			words[i] = string(a)
		}
		s.add("by %s", problem.OneOf(words))
	}
	if r.IsOAuthResource(nil) {
		s.add("OAuth clients are told where to get a token (RFC 9728)")
	}
	if r.Auth == AuthRequired {
		r.sendsPeople(&s)
	}
	r.asksOfPages(&s)
	r.givesUpstream(&s)
	return s
}

// sendsPeople is what becomes of requests that are turned away.
func (r *Route) sendsPeople(s *sentences) {
	switch q := &r.Require; {
	case q.Unauthenticated == middleware.UnauthenticatedAuto && q.UnauthenticatedURL != "":
		s.add("signed-out browsers are sent to %s, programs get 401", q.UnauthenticatedURL)
	case q.Unauthenticated == middleware.UnauthenticatedAuto:
		s.add("signed-out browsers are sent to the sign-in page, programs get 401")
	case q.Unauthenticated == middleware.UnauthenticatedSignUp:
		s.add("signed-out browsers are sent to the sign-up page, programs get 401")
	case q.Unauthenticated == middleware.UnauthenticatedRedirect:
		s.add("signed-out requests are sent to the sign-in page")
	default:
		s.add("signed-out requests get %s", q.Unauthenticated)
	}
	if r.Require.ForbiddenURL != "" {
		s.add("browsers of people who lack what is required are sent to %s, programs get 403", r.Require.ForbiddenURL)
	}
}

// asksOfPages describes what pages of other sites may do.
func (r *Route) asksOfPages(s *sentences) {
	if r.CORS != nil {
		s.add("pages of %s may call", problem.OneOf(r.CORS.Origins))
	}
	switch {
	case r.CSRF.Off:
		s.add("unsafe requests of other sites pass (csrf: off)")
	case len(r.CSRF.TrustedOrigins) > 0:
		s.add("unsafe requests of other sites are refused, except of %s", problem.OneOf(r.CSRF.TrustedOrigins))
	}
	switch every := r.RefreshesEveryMethod(); {
	case r.Auth == AuthNone:
	case every && r.CSRF.Off:
		s.add("expired sessions are renewed for every method, without the guard (refresh: all)")
	case !every:
		s.add("expired sessions are renewed for GET only")
	}
	if r.AcceptPending {
		s.add("sessions with unfinished tasks count as signed in")
	}
	if r.Revocation == RevocationStrict {
		s.add("signed-in requests get 503 while revocations at other replicas cannot be heard of (revocation: strict)")
	}
	if r.AmbiguousPaths {
		s.add("paths without a canonical form pass as they came")
	}
}

// givesUpstream describes what the upstream gets.
func (r *Route) givesUpstream(s *sentences) {
	if r.StripPrefix != "" {
		s.add("the upstream gets the path without %s", r.StripPrefix)
	}
	switch {
	case r.Identity == nil:
	case len(r.Identity) == 0:
		s.add("the upstream gets no identity headers")
	default:
		s.add("of the identity headers the upstream gets %s", strings.Join(r.Identity, ", "))
	}
	if len(r.ClaimHeaders) > 0 && r.Auth != AuthNone {
		words := make([]string, len(r.ClaimHeaders))
		for i, h := range r.ClaimHeaders {
			words[i] = h.Name + " (" + h.Value + ")"
		}
		s.add("the upstream gets of the session's claims %s", strings.Join(words, ", "))
		if r.Enrich == EnrichUser {
			s.add("what the claims lack is taken from Clerk's user")
		}
	}
	switch r.Authorization {
	case AuthorizationRemove:
		s.add("the upstream gets no Authorization header")
	case AuthorizationSession:
		s.add("the upstream gets the session token as Authorization")
	case AuthorizationTemplate:
		s.add("the upstream gets a token of the template %s as Authorization", r.TokenTemplate)
	}
	if r.Audience != "" {
		s.add("the upstream gets an assertion for %s", r.Audience)
	}
	if len(r.KeepHeaders) > 0 {
		s.add("the upstream gets what clients say in %s", strings.Join(r.KeepHeaders, ", "))
	}
	if len(r.RequestHeaders) > 0 {
		s.add("the upstream gets %s as well", strings.Join(slices.Sorted(maps.Keys(r.RequestHeaders)), ", "))
	}
}
