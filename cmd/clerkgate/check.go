package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/clerkgate/clerkgate/proxy"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

const (
	configVariable = "CLERKGATE_CONFIG"
	// maxRoutesFile is more than Parse takes, so that it can say so.
	maxRoutesFile = 2 << 20
)

// runCheck finds what is wrong with a configuration without starting anything: the
// routes file, and the environment as far as it is set up.
func runCheck(args []string, lookup func(string) (string, bool), environ []string, stdout, stderr io.Writer) int {
	name, code := routesFileName("check", args, lookup, stderr)
	if code != exitOK {
		return code
	}
	environment := isSetUp(environ)
	if name == "" && !environment {
		return misused(stderr, "check needs a routes file: clerkgate check clerkgate.yaml, or "+configVariable)
	}
	cfg, err := &routes.Config{}, error(nil)
	if name != "" {
		cfg, err = readRoutes(name)
	}
	if err != nil {
		say(stderr, "clerkgate: %s\n", err)
	}
	told := func(p proxy.Problem) bool {
		return err != nil && (p.Variable == configVariable || strings.HasPrefix(p.Variable, name+":"))
	}
	if environment && !checkEnvironment(name, lookup, environ, told, stderr) || err != nil {
		return exitUsage
	}
	if name == "" {
		say(stdout, "ok: the environment; it names no routes file\n")
		return exitOK
	}
	say(stdout, "ok: %s, %s\n", count(len(cfg.Routes), "route"), count(len(cfg.Upstreams), "upstream"))
	if !environment {
		say(stdout, "Only the file was checked: the environment has no variables of clerkgate.\n")
	}
	say(stdout, "\n")
	listRoutes(stdout, cfg)
	return exitOK
}

// routesFileName is the file that the arguments or the environment name.
func routesFileName(command string, args []string, lookup func(string) (string, bool), stderr io.Writer) (name string, code int) {
	switch {
	case len(args) > 1:
		return "", misused(stderr, fmt.Sprintf("%s takes one file, but got %q as well", command, args[1]))
	case len(args) == 1 && strings.HasPrefix(args[0], "-"):
		return "", misused(stderr, fmt.Sprintf("%s has no option %q", command, args[0]))
	case len(args) == 1:
		return args[0], exitOK
	}
	name, _ = lookup(configVariable)
	return strings.TrimSpace(name), exitOK
}

// isSetUp says whether the environment has more of clerkgate than the file's name.
func isSetUp(environ []string) bool {
	return slices.ContainsFunc(environ, func(entry string) bool {
		name, value, _ := strings.Cut(entry, "=")
		ours := strings.HasPrefix(name, "CLERK_") || strings.HasPrefix(name, "CLERKGATE_")
		return ours && name != configVariable && strings.TrimSpace(value) != ""
	})
}

func readRoutes(name string) (*routes.Config, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, maxRoutesFile))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	return routes.Parse(name, data)
}

// checkEnvironment does what a start does, up to the point where it would listen,
// and reports what is wrong and was not told already.
func checkEnvironment(name string, lookup func(string) (string, bool), environ []string, told func(proxy.Problem) bool, stderr io.Writer) bool {
	cfg, warnings, err := proxy.LoadConfig(func(variable string) (string, bool) {
		if variable == configVariable {
			return name, name != ""
		}
		return lookup(variable)
	}, environ)
	for _, w := range warnings {
		say(stderr, "clerkgate: warning: %s\n", w)
	}
	if err == nil {
		var p *proxy.Proxy
		if p, err = proxy.New(cfg, proxy.Deps{}); err == nil {
			p.Close()
			return true
		}
	}
	var invalid *proxy.ConfigError
	if errors.As(err, &invalid) {
		invalid.Problems = slices.DeleteFunc(slices.Clone(invalid.Problems), told)
		if len(invalid.Problems) == 0 {
			return true
		}
	}
	say(stderr, "clerkgate: %s\n", err)
	return false
}

// listRoutes prints a file's routes in short.
func listRoutes(w io.Writer, cfg *routes.Config) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	say(table, "  LINE\tMATCH\tHOSTS\tMETHODS\tNEEDS\tUPSTREAM\n")
	for i := range cfg.Routes {
		r := &cfg.Routes[i]
		say(table, "  %d\t%s\t%s\t%s\t%s\t%s\n", r.Line, r.Match, listOr(r.Hosts, "any"), listOr(r.Methods, "any"), authOf(r), upstreamOf(r))
	}
	_ = table.Flush() // the terminal is gone, or it is not
}

func listOr(items []string, otherwise string) string {
	if len(items) == 0 {
		return otherwise
	}
	return strings.Join(items, " ")
}

// authOf is what a route asks for, in a few words.
func authOf(r *routes.Route) string {
	words := []string{r.Auth.String()}
	for _, need := range []string{r.Require.Role, r.Require.Permission, r.Require.Feature, r.Require.Plan, r.Require.Reverification} {
		if need != "" {
			words = append(words, need)
		}
	}
	return strings.Join(words, " + ")
}

func upstreamOf(r *routes.Route) string {
	if r.Upstream == "" {
		return "CLERKGATE_UPSTREAM"
	}
	return r.Upstream
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
