package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"

	"github.com/clerkgate/clerkgate/cmd/clerkgate/internal/doctor"
	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/proxy"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

func doctorCommand() command {
	return command{
		name: "doctor", summary: "find out why people cannot sign in",
		help: `
Examine a setup: the configuration, the keys, the clock, Clerk's two APIs, the application, the shared store, and what is in
front of clerkgate. It reads the environment, and takes the flags of "clerkgate serve". Nothing is changed anywhere, and no
key or token is printed.

  clerkgate doctor --env-file .env --url https://app.example.com

The exit code is 0 if nothing failed, warnings or not, and 1 otherwise.`,
		configured: true,
		setUp: func(flags *flag.FlagSet) action {
			given := variableFlags(flags)
			public := flags.String("url", "", "where browsers reach the application, such as `https://app.example.com`; a page that clerkgate guards")
			asJSON := flags.Bool("json", false, "print the results as JSON")
			verbose := flags.Bool("verbose", false, "print details of what passed as well")
			return func(ctx context.Context, p process, _ []string) error {
				at, err := publicURL(*public)
				if err != nil {
					return doctorCommand().misused(err)
				}
				results := examine(ctx, given.over(p), at)
				if *asJSON {
					err = doctor.PrintJSON(p.stdout, results)
				} else {
					err = doctor.Print(p.stdout, results, *verbose)
				}
				if err == nil && doctor.Failed(results) {
					return &exited{code: exitFailure} // the results say it all
				}
				return err
			}
		},
	}
}

func publicURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // it need not be given
	}
	at, err := url.Parse(text)
	if err != nil || at.Scheme != "http" && at.Scheme != "https" || at.Host == "" || at.User != nil {
		return nil, fmt.Errorf("--url: found %s, expected http(s)://host with or without a path", problem.QuoteURL(text))
	}
	at.Fragment = ""
	if at.Path == "" {
		at.Path = "/"
	}
	return at, nil
}

// examine makes all checks. A configuration that cannot be used is all that is told of.
func examine(ctx context.Context, p process, public *url.URL) []doctor.Result {
	cfg, warnings, err := p.load()
	if err == nil {
		var started *proxy.Proxy
		if started, err = proxy.New(cfg, proxy.Deps{}); err == nil {
			started.Close()
		}
	}
	if err != nil {
		return misread(err)
	}
	results := []doctor.Result{{Name: "configuration", Status: doctor.Pass, Message: "The configuration is valid."}}
	for _, w := range warnings {
		results = append(results, doctor.Result{Name: "configuration", Status: doctor.Warn, Message: w.String()})
	}
	return append(results, doctor.Examine(ctx, doctor.Options{Config: cfg, PublicURL: public})...)
}

func misread(err error) (results []doctor.Result) {
	failed := doctor.Result{Name: "configuration", Status: doctor.Fail}
	var invalid *settings.Error
	if !errors.As(err, &invalid) {
		failed.Message = err.Error()
		return append(results, failed)
	}
	for _, found := range invalid.Problems {
		failed.Message = found.Where + ": found " + found.Found
		failed.Remedy = found.Remedy
		if found.Want != "" {
			failed.Detail = "expected " + found.Want
		}
		results = append(results, failed)
	}
	return results
}
