package settings

import (
	"errors"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// Load reads the configuration through lookup (os.LookupEnv). It searches environ
// (os.Environ) only for unknown names, which become warnings. The error is an [*Error] with
// every problem, in the order of [Variables]. An empty variable counts as not set. Load makes
// no network call.
func Load(lookup func(string) (string, bool), environ []string) (Config, []Warning, error) {
	l := &loader{lookup: lookup}
	l.read()
	l.cfg = l.cfg.WithDefaults()
	l.together()
	l.askMiddleware()

	warnings := unknownVariables(environ)
	if isProduction(l.cfg.Auth.PublishableKey) && len(l.cfg.Auth.AuthorizedParties) == 0 {
		warnings = append(warnings, Warning{EnvAuthorizedParties, "not set, so that tokens made for any origin of the instance are accepted; list your own"})
	}
	if l.cfg.Store == "" && slices.ContainsFunc(l.cfg.AllRoutes(), func(r routes.Route) bool { return r.Revocation == routes.RevocationStrict }) {
		warnings = append(warnings, Warning{EnvStore, "not set, so that routes with revocation: strict hear only of revocations that this process is told of"})
	}
	if len(l.problems) > 0 {
		l.sort()
		return Config{}, warnings, &Error{Problems: l.problems}
	}
	return l.cfg, warnings, nil
}

// isProduction reports whether a publishable key is that of a production instance.
func isProduction(publishableKey string) bool {
	key, err := clerkapi.ParsePublishableKey(publishableKey)
	return err == nil && key.Production
}

// loader fills a Config and collects what is wrong with it.
type loader struct {
	lookup   func(string) (string, bool)
	cfg      Config
	problems []Problem
}

// read fills every field whose variable is set, or those of the named variables.
func (l *loader) read(names ...string) {
	l.cfg.Sources = make(map[string]Source)
	for _, r := range l.cfg.table() {
		text := l.text(r.name)
		switch {
		case text == "" || len(names) > 0 && !slices.Contains(names, r.name):
		case isQuoted(text):
			l.problems = append(l.problems, Problem{
				Where: r.name, Found: "a value in quotation marks, which count as part of it", Want: "the value without them",
				Remedy: "Docker's env files keep quotation marks, which a shell takes off.",
			})
		case strings.HasSuffix(r.name, fileSuffix) && isVariable(strings.TrimSuffix(r.name, fileSuffix)) && l.given(strings.TrimSuffix(r.name, fileSuffix)):
			l.problem(r.name, "the name of a file, beside "+strings.TrimSuffix(r.name, fileSuffix), "one of the two")
		default:
			r.value.set(text, func(err error) { l.report(r.name, err) })
			l.cfg.Sources[r.name] = Source{From: "environment", Text: shown(r, text)}
		}
	}
}

// report records what is wrong with a variable, or with the file that it names.
func (l *loader) report(name string, err error) {
	var file *routes.Error
	if !errors.As(err, &file) {
		l.problems = append(l.problems, problem.At(name, err))
		return
	}
	for _, p := range file.Problems {
		l.problems = append(l.problems, Problem{Where: p.Place(), Found: p.Found, Want: p.Want, Remedy: p.Remedy})
	}
}

func (l *loader) problem(where, found, want string) {
	l.problems = append(l.problems, Problem{Where: where, Found: found, Want: want})
}

// failed reports whether a variable, or the one that names its file, has a problem already.
func (l *loader) failed(name string) bool {
	return slices.ContainsFunc(l.problems, func(p Problem) bool { return p.Where == name || p.Where == name+fileSuffix })
}

func (l *loader) text(name string) string {
	value, _ := l.lookup(name)
	return strings.TrimSpace(value)
}

func (l *loader) given(name string) bool { return l.text(name) != "" }

// sort puts the problems into the order of the table. Those of the routes file come where
// the variable with its name is, in the order of its lines.
func (l *loader) sort() {
	order := make(map[string]int)
	for i, r := range l.cfg.table() {
		order[r.name] = i
	}
	rank := func(p Problem) int {
		if i, ok := order[p.Where]; ok {
			return i
		}
		return order[EnvConfig]
	}
	slices.SortStableFunc(l.problems, func(a, b Problem) int { return rank(a) - rank(b) })
}

// askMiddleware has the middleware check its options.
func (l *loader) askMiddleware() {
	a, err := middleware.New(l.cfg.Auth)
	if err == nil {
		a.Close()
		return
	}
	var invalid *Error
	if !errors.As(OptionsError(err), &invalid) {
		l.report(EnvPublishableKey, err)
		return
	}
	for _, p := range invalid.Problems {
		if !l.failed(p.Where) {
			l.problems = append(l.problems, p)
		}
	}
}
