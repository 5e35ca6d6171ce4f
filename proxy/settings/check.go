package settings

import (
	"github.com/clerkgate/clerkgate/internal/clerkenv"
	"github.com/clerkgate/clerkgate/internal/problem"
)

// Problems returns the problems of a Config that was made by hand.
func (c *Config) Problems() (problems []Problem) {
	if c.FrontendAPI != nil && !clerkenv.IsOrigin(c.FrontendAPI) {
		problems = append(problems, Problem{
			Where: EnvFAPIURL, Found: problem.QuoteURL(c.FrontendAPI.String()), Want: "an http or https origin, such as https://clerk.example.com",
		})
	}
	if c.Policy != "" && c.Policy != PolicyRequired && c.Policy != PolicyOptional {
		problems = append(problems, Problem{Where: EnvPolicy, Found: problem.Quote(string(c.Policy)), Want: "required or optional"})
	}
	if c.FrontendPath() != "" && c.Auth.SecretKey == "" {
		problems = append(problems, Problem{Where: EnvSecretKey, Found: "nothing", Want: "the secret key, because " + EnvProxyURL + " needs it"})
	}
	problems = append(problems, c.adminProblems()...)
	return append(problems, c.circles()...)
}

// NeedRestart returns a problem for each change from old to next that needs a restart.
func NeedRestart(old, next Config) []Problem {
	old, next = old.WithDefaults(), next.WithDefaults()
	var problems []Problem
	now := old.table()
	for i, r := range next.table() {
		if !r.reloads && r.value.text() != now[i].value.text() {
			problems = append(problems, Problem{Where: r.name, Found: "another value than at the start", Want: "the same value, or a restart"})
		}
	}
	return problems
}
