package routes

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/internal/urlpath"
)

// Step is one route that was tried in the search for the route of a request.
type Step struct {
	// Route is the table's own copy; do not change it.
	Route *Route
	// Applies reports whether this is the route that [Table.Match] returns.
	Applies bool
	// Refuses reports whether the path is ambiguous because of this route.
	Refuses bool
	// Why is the reason, in words that continue "this route applies because" or
	// "this route is passed over because".
	Why string
}

// Explain returns the routes that are tried for a request, in order, each with the reason
// why it applies or does not. The last one decides, or makes the path ambiguous. The result
// is empty if the request is refused before any route is tried; [Table.Match] says why.
func (t *Table) Explain(method, host string, u *url.URL) []Step {
	q, err := t.question(host, u)
	if err != nil {
		return nil
	}
	if q.readings == nil {
		q.readings = []urlpath.Reading{{Text: q.path, Decoded: true}}
	}
	var steps []Step
	for i := range t.entries {
		e := &t.entries[i]
		step := Step{Route: e.route}
		n := 0
		switch {
		case !e.hasHost(q.name):
			step.Why = fmt.Sprintf("the host %s is not %s", q.name, problem.OneOf(e.hosts))
		case !e.hasMethod(method):
			step.Why = fmt.Sprintf("the method %s is not %s", method, problem.OneOf(e.route.Methods))
		default:
			n = e.pattern.count(q.readings)
			stricter := t.stricter(e, method, q)
			step.Applies = n == len(q.readings) && e.accepts(q) && stricter == nil
			step.Refuses = n > 0 && !step.Applies
			step.Why = e.whyPath(q, n, step.Applies, stricter)
		}
		steps = append(steps, step)
		if n > 0 {
			break // this route decides
		}
	}
	return steps
}

// whyPath explains the result for a path of which n readings match.
func (e *entry) whyPath(q question, n int, applies bool, stricter *Route) string {
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
	case stricter != nil:
		return fmt.Sprintf("the path has no canonical form, and %s asks for what this one does not; ambiguous_paths: true would let it pass", stricter.inWords())
	case !applies:
		return fmt.Sprintf("without %s, some server could read the path as one outside of %s", e.route.StripPrefix, e.pattern)
	case !q.canonical && len(q.readings) > 1:
		return fmt.Sprintf("the path can be read in %d ways, and all of them lead here", len(q.readings))
	case e.pattern.below && e.pattern.escaped == "/":
		return "it is for every path"
	case e.pattern.below:
		return fmt.Sprintf("%s is below %s", q.path, e.pattern.escaped)
	default:
		return "the path is this one"
	}
}

// whyDoubt names a reading that matches the route, and one that does not.
func (e *entry) whyDoubt(q question) string {
	in := slices.IndexFunc(q.readings, e.pattern.matches)
	out := slices.IndexFunc(q.readings, func(r urlpath.Reading) bool { return !e.pattern.matches(r) })
	return fmt.Sprintf("some server could read the path as %s, which is for this route, and another as %s, which is not",
		shorten(q.readings[in].Text), shorten(q.readings[out].Text))
}
