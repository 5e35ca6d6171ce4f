package routes

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Step is one route in the search for a request's.
type Step struct {
	// Route is the table's own copy; do not change it.
	Route *Route
	// Applies says that this is the route that [Table.Match] returns.
	Applies bool
	// Why is the reason, in words that continue "this route applies because" or
	// "this route is passed over because".
	Why string
}

// Explain says of each route, in order, why it is or is not the one for a request.
// It ends with the route that decides; an ambiguous path ends it too. It is empty
// when the request is refused before any route is tried; [Table.Match] says why.
func (t *Table) Explain(method, host string, u *url.URL) []Step {
	q, err := t.question(host, u)
	if err != nil {
		return nil
	}
	if q.readings == nil {
		q.readings = []reading{{q.path, true}}
	}
	var steps []Step
	for i := range t.entries {
		e := &t.entries[i]
		step := Step{Route: e.route}
		n := 0
		switch {
		case !e.hasHost(q.name):
			step.Why = fmt.Sprintf("the host %s is not %s", q.name, oneOf(e.hosts))
		case !e.hasMethod(method):
			step.Why = fmt.Sprintf("the method %s is not %s", method, oneOf(e.route.Methods))
		default:
			n = e.pattern.count(q.readings)
			step.Applies = n == len(q.readings) && e.accepts(q)
			step.Why = e.whyPath(q, n, step.Applies)
		}
		steps = append(steps, step)
		if n > 0 {
			break // it decides, for good or bad
		}
	}
	return steps
}

// whyPath says what became of a path of which n readings match.
func (e *entry) whyPath(q question, n int, applies bool) string {
	below := strings.TrimSuffix(e.pattern.escaped, "/")
	switch {
	case n == 0 && e.pattern.below && q.path == below:
		return fmt.Sprintf("%s itself is not below %s", q.path, e.pattern.escaped)
	case n == 0 && e.pattern.below:
		return fmt.Sprintf("%s is not below %s", q.path, e.pattern.escaped)
	case n == 0:
		return fmt.Sprintf("%s is not %s", q.path, e.pattern)
	case n < len(q.readings):
		return e.whyDoubt(q)
	case !applies && e.route.AmbiguousPaths:
		return fmt.Sprintf("without %s, some server could read the path as one outside of %s", e.route.StripPrefix, e.pattern)
	case !applies:
		return "the path has no canonical form, and this route has no ambiguous_paths: true"
	case e.pattern.below && e.pattern.escaped == "/":
		return "it is for every path"
	case e.pattern.below:
		return fmt.Sprintf("%s is below %s", q.path, e.pattern.escaped)
	default:
		return "the path is this one"
	}
}

// whyDoubt names a reading for which the route is, and one for which it is not.
func (e *entry) whyDoubt(q question) string {
	in := slices.IndexFunc(q.readings, e.pattern.matches)
	out := slices.IndexFunc(q.readings, func(r reading) bool { return !e.pattern.matches(r) })
	return fmt.Sprintf("some server could read the path as %s, which is for this route, and another as %s, which is not",
		shorten(q.readings[in].text), shorten(q.readings[out].text))
}

// Asks says in words what a route asks of a request and what it does to it, a line
// for each, the most important first.
func (r *Route) Asks() []string {
	var lines []string
	add := func(when bool, format string, args ...any) {
		if when {
			lines = append(lines, fmt.Sprintf(format, args...))
		}
	}
	switch r.Auth {
	case AuthPublic:
		add(true, "anybody may pass; who is signed in is found out")
	case AuthNone:
		add(true, "anybody may pass; nobody is looked for")
	default:
		add(true, "somebody must be signed in")
	}
	for _, need := range []struct{ what, value string }{
		{"role", r.Require.Role}, {"permission", r.Require.Permission}, {"feature", r.Require.Feature},
		{"plan", r.Require.Plan}, {"reverification", r.Require.Reverification},
	} {
		add(need.value != "", "with the %s %s", need.what, need.value)
	}
	if len(r.Accepts) > 0 {
		words := make([]string, len(r.Accepts))
		for i, a := range r.Accepts {
			words[i] = string(a)
		}
		add(true, "by %s", oneOf(words))
	}
	switch r.Unauthenticated {
	case Unauthenticated401, Unauthenticated404:
		add(true, "signed-out requests get %s", r.Unauthenticated)
	case UnauthenticatedRedirect:
		add(true, "signed-out requests are sent to the sign-in page")
	default:
		add(r.Auth == AuthRequired, "signed-out browsers are sent to the sign-in page, programs get 401")
	}
	if r.CORS != nil {
		add(true, "pages of %s may call", oneOf(r.CORS.Origins))
	}
	switch {
	case r.CSRF.Off:
		add(true, "no guard against requests of other sites (csrf: off)")
	case len(r.CSRF.TrustedOrigins) > 0:
		add(true, "unsafe requests of other sites are refused, except from %s", strings.Join(r.CSRF.TrustedOrigins, ", "))
	}
	add(r.Refresh == RefreshAll, "expired sessions are refreshed for every request")
	add(r.AmbiguousPaths, "paths without a canonical form pass as they came")
	add(r.StripPrefix != "", "the upstream gets the path without %s", r.StripPrefix)
	switch {
	case r.Identity == nil:
	case len(r.Identity) == 0:
		add(true, "the upstream gets no identity headers")
	default:
		add(true, "of the identity headers the upstream gets %s", strings.Join(r.Identity, ", "))
	}
	switch r.Authorization {
	case AuthorizationRemove:
		add(true, "the upstream gets no Authorization header")
	case AuthorizationSession:
		add(true, "the upstream gets the session token as Authorization")
	case AuthorizationTemplate:
		add(true, "the upstream gets a token of the template %s as Authorization", r.TokenTemplate)
	}
	add(r.Audience != "", "the upstream gets an assertion for %s", r.Audience)
	add(len(r.RequestHeaders) > 0, "the upstream gets %s as well", strings.Join(slices.Sorted(maps.Keys(r.RequestHeaders)), ", "))
	return lines
}
