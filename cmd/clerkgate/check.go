package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/clerkgate/clerkgate/proxy"
	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

const configVariable = "CLERKGATE_CONFIG"

func checkCommand() command {
	return command{
		name: "check", args: "[FILE]", summary: "find what is wrong with a routes file and the environment",
		help: `
Find what is wrong with a configuration without serving: the routes file, and the environment as far as it is set up.
Without FILE the file is the one that CLERKGATE_CONFIG names. It takes the flags of "clerkgate serve".

Exit code 0 says that clerkgate would start, 2 that something is wrong.`,
		configured: true,
		setUp: func(flags *flag.FlagSet) action {
			given := variableFlags(flags)
			return func(_ context.Context, p process, args []string) error {
				return given.explain(runCheck(given.over(p), args))
			}
		},
	}
}

func runCheck(p process, args []string) error {
	p, err := p.withEnvFile()
	if err != nil {
		return mistaken("", err)
	}
	name, err := routesFileName(checkCommand(), args, p.lookup)
	if err != nil {
		return err
	}
	environment := isSetUp(p.environ)
	if name == "" && !environment {
		return checkCommand().misused(errors.New("check needs a routes file: clerkgate check clerkgate.yaml, or " + configVariable))
	}
	cfg := &routes.Config{}
	var problems []error
	if name != "" {
		if cfg, err = routes.ReadFile(name); err != nil {
			problems = append(problems, err)
		}
	}
	if environment {
		told := func(found settings.Problem) bool {
			return err != nil && (found.Where == configVariable || strings.HasPrefix(found.Where, name+":"))
		}
		if err := checkEnvironment(name, p, told); err != nil {
			problems = append(problems, err)
		}
	}
	if len(problems) > 0 {
		return mistaken("", problems...)
	}
	printChecked(p.stdout, name, cfg, environment)
	return nil
}

// printChecked prints what was found valid.
func printChecked(w io.Writer, name string, cfg *routes.Config, environment bool) {
	if name == "" {
		say(w, "ok: the environment; it names no routes file\n")
		return
	}
	say(w, "ok: %s, %s\n", counted(len(cfg.Routes), "route"), counted(len(cfg.Upstreams), "upstream"))
	if !environment {
		say(w, "Only the file was checked: the environment has no variables of clerkgate.\n")
	}
	say(w, "\n")
	listRoutes(w, cfg)
}

// routesFileName returns the file named by the arguments or the environment, or "".
func routesFileName(c command, args []string, lookup func(string) (string, bool)) (string, error) {
	switch len(args) {
	case 0:
		name, _ := lookup(configVariable)
		return strings.TrimSpace(name), nil
	case 1:
		return args[0], nil
	}
	return "", c.misused(fmt.Errorf("%s takes one file, but got %q as well", c.name, args[1]))
}

// isSetUp reports whether the environment has variables of clerkgate other than the
// name of the routes file.
func isSetUp(environ []string) bool {
	return slices.ContainsFunc(environ, func(entry string) bool {
		name, value, _ := strings.Cut(entry, "=")
		ours := strings.HasPrefix(name, "CLERK_") || strings.HasPrefix(name, "CLERKGATE_")
		return ours && name != configVariable && strings.TrimSpace(value) != ""
	})
}

// checkEnvironment does everything that startup does short of listening, and returns the
// problems that were not reported already.
func checkEnvironment(name string, p process, told func(settings.Problem) bool) error {
	cfg, warnings, err := settings.Load(lookupWith(p, name), p.environ)
	for _, w := range warnings {
		say(p.stderr, "clerkgate: warning: %s\n", w)
	}
	if err == nil {
		var started *proxy.Proxy
		if started, err = proxy.New(cfg, proxy.Deps{}); err == nil {
			started.Close()
			return nil
		}
	}
	var invalid *settings.Error
	if errors.As(err, &invalid) {
		invalid.Problems = slices.DeleteFunc(slices.Clone(invalid.Problems), told)
		if len(invalid.Problems) == 0 {
			return nil
		}
	}
	return err
}

// lookupWith returns the lookup of p, but with a routes file of another name.
func lookupWith(p process, name string) func(string) (string, bool) {
	return func(variable string) (string, bool) {
		if variable == configVariable {
			return name, name != ""
		}
		return p.lookup(variable)
	}
}

// listRoutes prints a table of a file's routes.
func listRoutes(w io.Writer, cfg *routes.Config) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	say(table, "  LINE\tMATCH\tHOSTS\tMETHODS\tNEEDS\tUPSTREAM\n")
	for i := range cfg.Routes {
		r := &cfg.Routes[i]
		say(table, "  %d\t%s\t%s\t%s\t%s\t%s\n", r.Line, r.Match, listOr(r.Hosts, "any"), listOr(r.Methods, "any"), authOf(r), upstreamOf(r))
	}
	_ = table.Flush() // as in say, there is nowhere to report errors
}

func listOr(items []string, otherwise string) string {
	if len(items) == 0 {
		return otherwise
	}
	return strings.Join(items, " ")
}

// authOf describes what a route requires, in a few words.
func authOf(r *routes.Route) string {
	words := []string{r.Auth.String()}
	for _, need := range []string{r.Require.Role, r.Require.Permission, r.Require.Feature, r.Require.Plan, r.Require.Reverification} {
		if need != "" {
			words = append(words, need)
		}
	}
	words = append(words, r.Require.Scopes...)
	return strings.Join(words, " + ")
}

func upstreamOf(r *routes.Route) string {
	if r.Upstream == "" {
		return "CLERKGATE_UPSTREAM"
	}
	return r.Upstream
}
