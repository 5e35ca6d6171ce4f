package middleware

import (
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/clerkenv"
	"github.com/clerkgate/clerkgate/internal/problem"
)

// OptionsFromEnv returns the options that the environment variables of Clerk's SDKs
// contain. lookup is [os.LookupEnv] or a function like it. An empty variable counts as
// not set.
//
//	CLERK_PUBLISHABLE_KEY      Options.PublishableKey
//	CLERK_SECRET_KEY           Options.SecretKey
//	CLERK_MACHINE_SECRET_KEY   Options.MachineSecretKey
//	CLERK_JWT_KEY              Options.JWTKey, with \n for line ends or without
//	CLERK_API_URL              Options.APIURL
//	CLERK_API_VERSION          Options.APIVersion
//	CLERK_PROXY_URL            Options.ProxyURL
//	CLERK_DOMAIN               Options.Domain
//	CLERK_IS_SATELLITE         Options.IsSatellite, true or false
//	CLERK_SATELLITE_AUTO_SYNC  Options.SatelliteAutoSync, true or false
//	CLERK_SIGN_IN_URL          Options.SignInURL
//	CLERK_SIGN_UP_URL          Options.SignUpURL
//
// The other options stay zero: set [Options.AuthorizedParties] in production.
//
// The error is an [*OptionsError] that lists everything that [New] would refuse, in the
// order of this table; Where is the variable's name.
func OptionsFromEnv(lookup func(name string) (value string, ok bool)) (Options, error) {
	var o Options
	var problems []Problem
	for _, v := range o.variables() {
		text, _ := lookup(v.name)
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if err := v.set(text); err != nil {
			problems = append(problems, problem.At(v.name, err))
		}
	}
	if err := clerkenv.CheckSatellite(o.SatelliteAutoSync, o.IsSatellite); err != nil {
		problems = append(problems, problem.At("CLERK_SATELLITE_AUTO_SYNC", err))
	}
	problems = o.inVariables(problems)
	if len(problems) > 0 {
		return Options{}, &OptionsError{Problems: problems}
	}
	return o, nil
}

// variable is an environment variable, and the field of [Options] that it fills.
type variable struct {
	name, option string
	set          func(text string) error // text is not empty
}

func (o *Options) variables() []variable {
	return []variable{
		{"CLERK_PUBLISHABLE_KEY", "PublishableKey", checked(&o.PublishableKey, clerkenv.CheckPublishableKey)},
		{"CLERK_SECRET_KEY", "SecretKey", checked(&o.SecretKey, clerkenv.CheckSecretKey)},
		{"CLERK_MACHINE_SECRET_KEY", "MachineSecretKey", checked(&o.MachineSecretKey, nil)},
		{"CLERK_JWT_KEY", "JWTKey", parsed(&o.JWTKey, clerkenv.JWTKey)},
		{"CLERK_API_URL", "APIURL", checked(&o.APIURL, nil)},
		{"CLERK_API_VERSION", "APIVersion", checked(&o.APIVersion, nil)},
		{"CLERK_PROXY_URL", "ProxyURL", parsed(&o.ProxyURL, clerkenv.ProxyURL)},
		{"CLERK_DOMAIN", "Domain", checked(&o.Domain, nil)},
		{"CLERK_IS_SATELLITE", "IsSatellite", parsed(&o.IsSatellite, clerkenv.Bool)},
		{"CLERK_SATELLITE_AUTO_SYNC", "SatelliteAutoSync", parsed(&o.SatelliteAutoSync, clerkenv.Bool)},
		{"CLERK_SIGN_IN_URL", "SignInURL", checked(&o.SignInURL, nil)},
		{"CLERK_SIGN_UP_URL", "SignUpURL", checked(&o.SignUpURL, nil)},
	}
}

// checked stores a text even if check refuses it, so that a wrong key is not reported as
// missing too.
func checked(p *string, check func(string) error) func(string) error {
	return func(text string) error {
		*p = text
		if check == nil {
			return nil
		}
		return check(text)
	}
}

func parsed[T any](p *T, parse func(string) (T, error)) func(string) error {
	return func(text string) error {
		v, err := parse(text)
		if err == nil {
			*p = v
		}
		return err
	}
}

// inVariables adds what [New] would refuse to the problems with the variables' texts, and
// names and orders all problems by variable, at most one for each.
func (o *Options) inVariables(problems []Problem) []Problem {
	variables := o.variables()
	a := &Authenticator{opts: o.withDefaults()}
	for _, p := range a.check() {
		if i := slices.IndexFunc(variables, func(v variable) bool { return v.option == p.Where }); i >= 0 {
			p.Where = variables[i].name
		}
		if !slices.ContainsFunc(problems, func(known Problem) bool { return known.Where == p.Where }) {
			problems = append(problems, p)
		}
	}
	rank := func(p Problem) int {
		return slices.IndexFunc(variables, func(v variable) bool { return v.name == p.Where })
	}
	slices.SortStableFunc(problems, func(p, q Problem) int { return rank(p) - rank(q) })
	return problems
}
