package main

import (
	"context"
	"flag"
	"time"

	"github.com/clerkgate/clerkgate/cmd/clerkgate/internal/demo"
)

func demoCommand() command {
	return command{
		name: "demo", summary: "try it: a local Clerk, an application, and clerkgate in front of it",
		help: `
Serve a local Clerk, an application, and clerkgate in front of it. It needs no account at Clerk, no keys and no
network. Open the address that it prints, and sign in with one click.`,
		serves: true,
		setUp: func(flags *flag.FlagSet) action {
			var opts demo.Options
			flags.StringVar(&opts.Listen, "listen", "127.0.0.1:8080", "`address` to open in a browser")
			flags.StringVar(&opts.ClerkListen, "clerk-listen", "127.0.0.1:8090", "`address` of the local Clerk")
			flags.DurationVar(&opts.TokenLifetime, "token-lifetime", time.Minute, "how long a session token lives, in whole seconds")
			flags.BoolVar(&opts.Production, "production", false, "use keys of a production instance (pk_live_)")
			return func(ctx context.Context, p process, _ []string) error { return runDemo(ctx, opts, p) }
		},
	}
}

func runDemo(ctx context.Context, opts demo.Options, p process) error {
	if err := opts.Validate(); err != nil {
		return demoCommand().misused(err)
	}
	d, err := demo.New(ctx, opts, p.stdout)
	if err != nil {
		return err
	}
	if err := d.Run(ctx, func() { d.Welcome(p.stdout) }); err != nil {
		return err
	}
	say(p.stdout, "\n  stopped\n")
	return nil
}
