package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/clerkgate/clerkgate/internal/urlpath"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

func explainCommand() command {
	return command{
		name: "explain", args: "[METHOD] URL [FILE]", summary: "say which route a request takes, and why",
		help: `
Say what clerkgate would do with a request: which route it takes, and why. METHOD is GET when it is left out. URL is
absolute, or a path if the routes are for any host. Without FILE the routes file is the one that CLERKGATE_CONFIG names;
without that, the routes are those of CLERKGATE_POLICY and CLERKGATE_PUBLIC_PATHS. The environment counts as far as it is
set up. It takes the flags of "clerkgate serve".

  clerkgate explain GET https://app.example.com/admin/users clerkgate.yaml`,
		configured: true,
		setUp: func(flags *flag.FlagSet) action {
			given := variableFlags(flags)
			return func(_ context.Context, p process, args []string) error {
				return misconfigured(given.explain(runExplain(given.over(p), args)))
			}
		},
	}
}

func runExplain(p process, args []string) error {
	method := http.MethodGet
	if len(args) > 0 && !strings.ContainsAny(args[0], "/.") {
		method, args = args[0], args[1:]
	}
	if len(args) == 0 {
		return explainCommand().misused(errors.New("explain needs a method and a URL: clerkgate explain GET https://app.example.com/path"))
	}
	target, err := parseTarget(args[0])
	var escape url.EscapeError
	switch {
	case errors.As(err, &escape):
		say(p.stdout, "%s %s\n\n400: the path has the bad escape %s\n", method, args[0], strconv.Quote(string(escape)))
		return nil
	case err != nil:
		return explainCommand().misused(err)
	}
	if p, err = p.withEnvFile(); err != nil {
		return err
	}
	name, err := routesFileName(explainCommand(), args[1:], p.lookup)
	if err != nil {
		return err
	}
	e, err := newExplainer(p, name)
	if err != nil {
		return err
	}
	say(p.stdout, "%s %s\n\n", method, args[0])
	if own := e.answered(method, target); own != "" {
		say(p.stdout, "%s\n", own)
		return nil
	}
	e.explain(p.stdout, method, target)
	return nil
}

// parseTarget parses an absolute URL, or a path for tables whose routes have no hosts.
// The table reports what is wrong with the path itself.
func parseTarget(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q is not a URL: %w", s, errors.Unwrap(err))
	case u.Scheme == "" && strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//"):
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("%q is neither http(s)://host/path nor a path", s)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

// explainer explains a configuration.
type explainer struct {
	cfg   settings.Config
	table *routes.Table
}

// newExplainer reads the environment and the routes file of that name, or only one of
// them if the other is not set up.
func newExplainer(p process, name string) (*explainer, error) {
	e := &explainer{}
	var err error
	switch {
	case isSetUp(p.environ):
		if e.cfg, _, err = settings.Load(lookupWith(p, name), p.environ); err != nil {
			return nil, err
		}
	case name == "":
		return nil, explainCommand().misused(errors.New("explain needs a routes file, after the URL or in " + configVariable +
			", or the environment of clerkgate serve"))
	default:
		// Routes that name no upstream lead to that of the environment, wherever it is.
		e.cfg.Upstream = &url.URL{Scheme: "http", Host: "localhost"}
		if e.cfg.Routes, err = routes.ReadFile(name); err != nil {
			return nil, mistaken("", err)
		}
	}
	if e.table, err = routes.NewTable(e.cfg.AllRoutes()); err != nil {
		return nil, mistaken("", fmt.Errorf("%s: %w", name, err))
	}
	return e, nil
}

// explain prints which route a request takes.
func (e *explainer) explain(w io.Writer, method string, target *url.URL) {
	if e.cfg.OneRule() {
		all := e.cfg.AllRoutes()
		e.applies(w, &all[0], "it is for every path", target.EscapedPath())
		return
	}
	m, err := e.table.Match(method, target.Host, target)
	steps := e.table.Explain(method, target.Host, target)
	switch {
	case err == nil:
		e.applies(w, m.Route, steps[len(steps)-1].Why, m.UpstreamPath())
	case errors.Is(err, routes.ErrNoRoute):
		say(w, "404: no route applies\n")
	case errors.Is(err, routes.ErrInvalidHost) && target.Host == "":
		say(w, "400: some routes are for single hosts; give the URL with its host\n")
	case errors.Is(err, routes.ErrInvalidHost):
		say(w, "400: the host is not a valid name or address\n")
	default:
		say(w, "%s\n", ambiguous)
		whyRefused(w, steps)
	}
	passedOver(w, steps)
}

const ambiguous = "400: the path can be read in more than one way"

// applies prints what the route asks of a request, and where the request goes.
func (e *explainer) applies(w io.Writer, route *routes.Route, why, path string) {
	say(w, "Applies: %s\n", labelOf(route))
	say(w, "  because %s\n", why)
	asked := *route
	if standard := e.cfg.Auth.AcceptsToken; len(asked.Accepts) == 0 && asked.Auth != routes.AuthNone && !slices.Equal(standard, []middleware.TokenType{middleware.SessionToken}) {
		asked.Accepts = standard
	}
	for _, line := range asked.Asks() {
		say(w, "  - %s\n", line)
	}
	if _, ok := e.cfg.AllUpstreams()[route.Upstream]; !ok {
		say(w, "  - it gets 404: there is no application, only gateways are answered\n")
		return
	}
	say(w, "  - it goes to %s as %s\n", upstreamOf(route), path)
}

// answered says what clerkgate does with a request that is for no route, or "". The
// order is that of the stations in proxy/chain.go.
func (e *explainer) answered(method string, target *url.URL) string {
	path := target.EscapedPath()
	switch {
	case method == http.MethodConnect || method == http.MethodTrace:
		return "405: clerkgate itself refuses the method " + method
	case e.cfg.Routes != nil && e.cfg.Routes.Assertion != nil && path == routes.AssertionKeysPath:
		return "clerkgate itself publishes the keys of its assertions"
	case path == e.cfg.Webhook():
		return "clerkgate itself receives Clerk's webhooks, by POST"
	case isBelow(path, e.cfg.ForwardAuthEndpoint()):
		return "clerkgate itself answers gateways, which ask at " + e.cfg.ForwardAuthEndpoint()
	}
	if said := e.frontendAPI(target); said != "" {
		return said
	}
	if path == e.cfg.SignOut() {
		return e.signOut(method)
	}
	if m, ok := e.table.Resource(target.Host, target, e.cfg.Auth.AcceptsToken); ok {
		return fmt.Sprintf("clerkgate itself tells OAuth clients about %s (RFC 9728), the resource of\n  %s", m.Path, labelOf(m.Route))
	}
	return ""
}

func (e *explainer) frontendAPI(target *url.URL) string {
	if at, err := url.Parse(e.cfg.Auth.ProxyURL); err == nil && at.Host != "" && target.Host != "" && !strings.EqualFold(at.Host, target.Host) {
		return ""
	}
	path, canonical := urlpath.Canonical(target)
	switch {
	case canonical && isBelow(path, e.cfg.FrontendPath()):
		return "clerkgate itself passes it on to Clerk's Frontend API, which is at " + e.cfg.FrontendPath()
	case !canonical && isBelow(target.EscapedPath(), e.cfg.FrontendPath()):
		return ambiguous + "\n  it begins with the path of Clerk's Frontend API, " + e.cfg.FrontendPath()
	}
	return ""
}

func (e *explainer) signOut(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead:
		return "clerkgate itself shows a page with a button to sign out"
	case http.MethodPost:
		return "clerkgate itself signs the user out, and sends the browser to " + cmp.Or(e.cfg.Auth.AfterSignOutURL, "/")
	}
	return "405: signing out takes GET, HEAD and POST"
}

// isBelow reports whether path is place or below it; never for a place that is empty.
func isBelow(path, place string) bool {
	rest, ok := strings.CutPrefix(path, place)
	return ok && place != "" && (rest == "" || rest[0] == '/')
}

// whyRefused prints which route makes the table refuse an ambiguous path.
func whyRefused(w io.Writer, steps []routes.Step) {
	if len(steps) == 0 {
		say(w, "  it has a control character, a bad escape, or escapes within escapes; no route allows that\n")
		return
	}
	if last := steps[len(steps)-1]; last.Refuses {
		say(w, "  %s: %s\n", labelOf(last.Route), last.Why)
	}
}

// passedOver prints the routes before the one that applies.
func passedOver(w io.Writer, steps []routes.Step) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, s := range steps {
		if s.Applies || s.Refuses {
			continue
		}
		if i == 0 {
			say(table, "\nPassed over\n")
		}
		if s.Route.Line > 0 {
			say(table, "  line %d\t%s\t%s\n", s.Route.Line, s.Route.Match, s.Why)
			continue
		}
		say(table, "  %s\t%s\n", s.Route.Match, s.Why)
	}
	_ = table.Flush() // as in say, there is nowhere to report errors
}

// labelOf names a route by its name, line and pattern, or one of the environment by its
// pattern alone.
func labelOf(r *routes.Route) string {
	if r.Line == 0 {
		return r.Match
	}
	name := ""
	if r.Name != "" {
		name = fmt.Sprintf("%q, ", r.Name)
	}
	return fmt.Sprintf("%sline %d, %s", name, r.Line, r.Match)
}
