package main

import (
	"context"
	"flag"

	"github.com/clerkgate/clerkgate/cmd/clerkgate/internal/emulator"
)

func emulatorCommand() command {
	return command{
		name: "emulator", summary: "a local Clerk, for tests in any language",
		help: `
Serve a local Clerk for tests in any language: Backend API, Frontend API, and pages to sign in. It prints the
environment that an application needs to run on it.

Below /__control/, programs on this machine can move its clock, sign people in, and make it fail; with --control-token,
so can any program that sends the token. For what a seed may hold, see examples/emulator-node/seed.yaml.`,
		serves: true,
		setUp: func(flags *flag.FlagSet) action {
			var opts emulator.Options
			flags.StringVar(&opts.Listen, "listen", "127.0.0.1:8090", "`address` of the local Clerk")
			flags.StringVar(&opts.Seed, "seed", "", "YAML `file` with users, templates, machines and webhooks")
			flags.BoolVar(&opts.Production, "production", false, "be a production instance (pk_live_)")
			flags.DurationVar(&opts.TokenLifetime, "token-lifetime", 0, "how long a session token lives, in whole seconds; without it the seed says so, or it is 60s")
			flags.StringVar(&opts.ControlToken, "control-token", "", "bearer `token` for /__control/, from any machine, of 16 characters or more; without it programs on this machine alone can steer")
			flags.BoolVar(&opts.Verbose, "verbose", false, "log every call to standard error")
			return func(ctx context.Context, p process, _ []string) error { return runEmulator(ctx, opts, p) }
		},
	}
}

func runEmulator(ctx context.Context, opts emulator.Options, p process) error {
	if err := opts.Validate(); err != nil {
		return emulatorCommand().misused(err)
	}
	e, err := emulator.New(opts, p.stderr)
	if err != nil {
		return mistaken("", err)
	}
	return e.Run(ctx, p.stdout)
}
