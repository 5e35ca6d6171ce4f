package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/clerkgate/clerkgate/proxy/routes"
)

func explainCommand() command {
	return command{
		name: "explain", args: "[METHOD] URL [FILE]", summary: "say which route a request takes, and why",
		help: `
Say which route of a routes file a request would take, and why. METHOD is GET when it is left out. URL is absolute, or
a path if the file's routes are for any host. Without FILE the file is the one that CLERKGATE_CONFIG names.

  clerkgate explain GET https://app.example.com/admin/users clerkgate.yaml`,
		setUp: func(*flag.FlagSet) action { return runExplain },
	}
}

func runExplain(_ context.Context, p process, args []string) error {
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
	name, err := routesFileName(explainCommand(), args[1:], p.lookup)
	if err != nil {
		return err
	}
	if name == "" {
		return explainCommand().misused(errors.New("explain needs a routes file: name it after the URL, or in " + configVariable))
	}
	cfg, err := readRoutes(name)
	if err != nil {
		return mistaken("", err)
	}
	table, err := routes.NewTable(cfg.Routes)
	if err != nil {
		return mistaken("", fmt.Errorf("%s: %w", name, err))
	}
	say(p.stdout, "%s %s\n\n", method, args[0])
	explain(p.stdout, table, method, target)
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

func explain(w io.Writer, table *routes.Table, method string, target *url.URL) {
	if m, ok := table.Resource(target.Host, target, nil); ok {
		say(w, "clerkgate itself tells OAuth clients about %s (RFC 9728), the resource of\n  %s\n", m.Path, labelOf(m.Route))
		return
	}
	m, err := table.Match(method, target.Host, target)
	steps := table.Explain(method, target.Host, target)
	switch {
	case err == nil:
		say(w, "Applies: %s\n", labelOf(m.Route))
		say(w, "  because %s\n", steps[len(steps)-1].Why)
		for _, line := range m.Route.Asks() {
			say(w, "  - %s\n", line)
		}
		say(w, "  - it goes to %s as %s\n", upstreamOf(m.Route), m.UpstreamPath())
	case errors.Is(err, routes.ErrNoRoute):
		say(w, "404: no route applies\n")
	case errors.Is(err, routes.ErrInvalidHost) && target.Host == "":
		say(w, "400: some routes are for single hosts; give the URL with its host\n")
	case errors.Is(err, routes.ErrInvalidHost):
		say(w, "400: the host is not a valid name or address\n")
	default:
		say(w, "400: the path can be read in more than one way\n")
		whyRefused(w, steps)
	}
	passedOver(w, steps)
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
		say(table, "  line %d\t%s\t%s\n", s.Route.Line, s.Route.Match, s.Why)
	}
	_ = table.Flush() // as in say, there is nowhere to report errors
}

// labelOf names a route by its name, line and pattern.
func labelOf(r *routes.Route) string {
	name := ""
	if r.Name != "" {
		name = fmt.Sprintf("%q, ", r.Name)
	}
	return fmt.Sprintf("%sline %d, %s", name, r.Line, r.Match)
}
