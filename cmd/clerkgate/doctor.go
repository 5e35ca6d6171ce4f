package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"

	"github.com/clerkgate/clerkgate/cmd/clerkgate/internal/doctor"
	"github.com/clerkgate/clerkgate/internal/handshakes"
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

With --running, the clerkgate that runs with the same environment says what it has seen of the last handshakes, too.

The exit code is 0 if nothing failed, warnings or not, and 1 otherwise.`,
		configured: true,
		setUp: func(flags *flag.FlagSet) action {
			given := variableFlags(flags)
			public := flags.String("url", "", "where browsers reach the application, such as `https://app.example.com`; a page that clerkgate guards")
			running := flags.Bool("running", false, "ask the running clerkgate, at its admin listener, what it has seen as well")
			asJSON := flags.Bool("json", false, "print the results as JSON")
			verbose := flags.Bool("verbose", false, "print details of what passed as well")
			return func(ctx context.Context, p process, _ []string) error {
				at, err := publicURL(*public)
				if err != nil {
					return doctorCommand().misused(err)
				}
				results := examine(ctx, given.over(p), at)
				if *running {
					results = append(results, askRunning(ctx, given.over(p))...)
				}
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

// askRunning returns what the running clerkgate has seen.
func askRunning(ctx context.Context, p process) []doctor.Result {
	seen, err := fetchReport(ctx, p)
	if err != nil {
		return []doctor.Result{{
			Name: "running", Status: doctor.Fail, Message: "The running clerkgate does not say what it has seen.", Detail: err.Error(),
			Remedy: "Check that it runs with the same environment, where " + settings.EnvAdminListen + " is.",
		}}
	}
	if len(seen.Causes) == 0 {
		message := fmt.Sprintf("The running clerkgate sees nothing wrong in its last %d handshakes and refused sessions.", len(seen.Handshakes))
		return []doctor.Result{{Name: "running", Status: doctor.Pass, Message: message}}
	}
	return doctor.FromCauses(seen.Causes)
}

func fetchReport(ctx context.Context, p process) (seen handshakes.Report, err error) {
	if p, err = p.withEnvFile(); err != nil {
		return seen, err
	}
	client, err := newAdminClient(p)
	if err != nil {
		return seen, err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	status, said, err := client.call(ctx, http.MethodGet, "/-/doctor", nil)
	switch {
	case err != nil:
		return seen, err
	case status != http.StatusOK:
		return seen, fmt.Errorf("/-/doctor at %s answered %d", client.address, status)
	}
	if err := json.Unmarshal(said, &seen); err != nil {
		return seen, fmt.Errorf("/-/doctor at %s: %w", client.address, err)
	}
	return seen, nil
}
