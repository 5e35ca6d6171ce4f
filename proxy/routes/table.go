package routes

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/clerkgate/clerkgate/internal/urlpath"
	"github.com/clerkgate/clerkgate/internal/wire"
)

// The errors of [Table.Match].
var (
	// ErrNoRoute means that no route matches the request.
	ErrNoRoute = errors.New("no route matches")
	// ErrAmbiguousPath means that servers could read the path in ways that lead to
	// different routes, or that it has a form that no route allows.
	ErrAmbiguousPath = errors.New("the path can be read in more than one way")
	// ErrInvalidHost means that some routes are for single hosts, and that the request's
	// host is not valid.
	ErrInvalidHost = errors.New("the host is not a valid name or address")
)

// Table finds the route of a request. It is immutable, and safe for concurrent use.
type Table struct {
	entries []entry
	// byHost reports whether some route is for single hosts.
	byHost bool
}

// entry is a route in the form in which it is compared.
type entry struct {
	route   *Route
	pattern pattern
	// stripped is the pattern of the paths that the upstream gets.
	stripped pattern
	hosts    []string
}

// Match is where a request goes.
type Match struct {
	// Index is the route's place among those that the table was made of.
	Index int
	// Route is the table's own copy; do not change it.
	Route *Route
	// Path is the escaped path that was judged: in its canonical form if it has one,
	// else as it came.
	Path string
	// Host is the request's host for the upstream, port included: canonical when
	// the table has routes for single hosts, else as it came.
	Host string
}

// NewTable returns a table of a copy of routes, of which the first match wins. The error
// names the first route whose Match, Hosts or StripPrefix is not valid; there is none for
// routes from [Parse].
func NewTable(routes []Route) (*Table, error) {
	routes = slices.Clone(routes)
	t := &Table{entries: make([]entry, len(routes))}
	for i := range routes {
		e, err := newEntry(&routes[i])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", routes[i].inWords(), err)
		}
		t.entries[i] = e
		t.byHost = t.byHost || len(e.hosts) > 0
	}
	return t, nil
}

func newEntry(r *Route) (entry, error) {
	p, err := parsePattern(r.Match)
	if err != nil {
		return entry{}, fmt.Errorf("match %q %w", r.Match, err)
	}
	e := entry{route: r, pattern: p}
	var ok bool
	if e.stripped, ok = p.withoutPrefix(r.StripPrefix); !ok {
		return entry{}, fmt.Errorf("strip_prefix %q is not whole segments at the start of match", r.StripPrefix)
	}
	for _, h := range r.Hosts {
		host, ok := canonicalHostPattern(h)
		if !ok {
			return entry{}, fmt.Errorf("host %q is not valid", h)
		}
		e.hosts = append(e.hosts, host)
	}
	return e, nil
}

// Label returns the name of a route in the access log: Name or, without one, its line in the
// routes file. It is "" for the route that the environment describes.
func (r *Route) Label() string {
	if r.Name == "" && r.Line > 0 {
		return "line " + strconv.Itoa(r.Line)
	}
	return r.Name
}

// inWords returns the name of a route in messages.
func (r *Route) inWords() string {
	switch {
	case r.Name != "":
		return fmt.Sprintf("route %q", r.Name)
	case r.Line > 0:
		return fmt.Sprintf("the route in line %d", r.Line)
	default:
		return fmt.Sprintf("the route for %q", r.Match)
	}
}

// Match finds the first route that matches a request's method, Host header and URL, of which
// only the path counts. The error is [ErrNoRoute], [ErrAmbiguousPath] or [ErrInvalidHost],
// never wrapped; the Match is then the zero value.
//
// A path with escapes or semicolons, or without a canonical form, is judged by all
// its readings: the first route that any reading leads to must be the first for
// every one, or the path is ambiguous. A path without a canonical form passes as it
// came, on a route that has AmbiguousPaths, or that is as strict as every other route for
// this host and method: a reading that is not among the known ones then leads to nothing
// that the request could not have had.
func (t *Table) Match(method, host string, u *url.URL) (Match, error) {
	q, err := t.question(host, u)
	if err != nil {
		return Match{}, err
	}
	for i := range t.entries {
		e := &t.entries[i]
		all := true // most paths have one reading, and most routes are for others
		if q.readings == nil {
			if !e.pattern.matches(urlpath.Reading{Text: q.path, Decoded: true}) {
				continue
			}
		} else if n := e.pattern.count(q.readings); n == 0 {
			continue
		} else {
			all = n == len(q.readings) && e.accepts(q) && t.stricter(e, method, q) == nil
		}
		switch {
		case !e.hasHost(q.name) || !e.hasMethod(method):
		case !all:
			return Match{}, ErrAmbiguousPath
		default:
			return Match{i, e.route, q.path, q.host}, nil
		}
	}
	if !q.canonical {
		return Match{}, ErrAmbiguousPath
	}
	return Match{}, ErrNoRoute
}

// MatchRequest is [Table.Match] for r, but a CORS preflight belongs to the route of the
// method that it asks about, if that route has a CORS policy. If not, no other route's
// policy applies. host is the one that the browser used.
func (t *Table) MatchRequest(r *http.Request, host string) (Match, error) {
	asked := r.Header["Access-Control-Request-Method"]
	if r.Method != http.MethodOptions || len(asked) != 1 || len(r.Header["Origin"]) != 1 {
		return t.Match(r.Method, host, r.URL)
	}
	meant, err := t.Match(asked[0], host, r.URL)
	if err == nil && meant.Route.CORS != nil {
		return meant, nil
	}
	m, err := t.Match(r.Method, host, r.URL)
	if err == nil && m.Route.CORS != nil {
		return Match{}, ErrNoRoute
	}
	return m, err
}

// question is a request in the form in which it is compared.
type question struct {
	name, host string // canonical, without and with the port
	path       string
	canonical  bool
	// readings is nil if the path has only one reading.
	readings []urlpath.Reading
}

func (t *Table) question(host string, u *url.URL) (q question, err error) {
	q.host = host
	if t.byHost {
		var ok bool
		if q.name, q.host, ok = wire.CanonicalHost(host); !ok {
			return question{}, ErrInvalidHost
		}
	}
	if q.path, q.canonical = urlpath.Canonical(u); !q.canonical {
		q.path = u.EscapedPath()
	} else if !strings.ContainsAny(q.path, "%;") {
		return q, nil
	}
	var ok bool
	if q.readings, ok = urlpath.Readings(q.path); !ok {
		return question{}, ErrAmbiguousPath
	}
	return q, nil
}

func (e *entry) hasHost(name string) bool {
	return len(e.hosts) == 0 || slices.ContainsFunc(e.hosts, func(h string) bool { return hostMatches(h, name) })
}

func (e *entry) hasMethod(method string) bool {
	return len(e.route.Methods) == 0 || slices.Contains(e.route.Methods, method)
}

// stricter returns a route that keeps a path without a canonical form from passing on e:
// one for this host and method that asks for what e does not. It returns nil if there is
// none, or if it does not matter.
func (t *Table) stricter(e *entry, method string, q question) *Route {
	if q.canonical || e.route.AmbiguousPaths {
		return nil
	}
	for i := range t.entries {
		if o := &t.entries[i]; o.hasHost(q.name) && o.hasMethod(method) && !e.route.asStrictAs(o.route) {
			return o.route
		}
	}
	return nil
}

// accepts reports whether a path that matches by every reading still does without the prefix
// that the route strips: no reading of the rest may leave the paths of the route.
func (e *entry) accepts(q question) bool {
	if e.route.StripPrefix == "" {
		return true
	}
	rest, ok := cutSegments(q.path, e.route.StripPrefix)
	if !ok {
		return false
	}
	all, ok := urlpath.Readings(rest)
	return ok && e.stripped.matchesAll(all)
}

// UpstreamPath returns Path without the route's StripPrefix, escaped.
func (m Match) UpstreamPath() string {
	if m.Route.StripPrefix == "" {
		return m.Path
	}
	if rest, ok := cutSegments(m.Path, m.Route.StripPrefix); ok {
		return rest
	}
	return m.Path // impossible: what was matched begins with the prefix
}
