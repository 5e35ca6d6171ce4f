package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"time"
)

// demoOptions is how the demo is set up; the flags of `clerkgate demo` fill it.
type demoOptions struct {
	// Listen is the address people open; ClerkListen is the local Clerk's.
	Listen, ClerkListen string
	// TokenLifetime is how long the local Clerk's session tokens live.
	TokenLifetime time.Duration
	// Production uses pk_live_ keys: another handshake, no dev browser.
	Production bool
	// Now is the clock of everything; nil means time.Now.
	Now func() time.Time
}

// runDemo sets up a local Clerk, an app and clerkgate in front of it, and serves
// until ctx ends.
func runDemo(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parseDemoFlags(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		return exitUsage // the flag package has said why
	}
	d, err := newDemo(ctx, opts, stdout)
	if err == nil {
		err = d.run(ctx, func() { d.welcome(stdout) })
	}
	if err != nil {
		say(stderr, "clerkgate demo: %v\n", err)
		return exitFailure
	}
	say(stdout, "\n  stopped\n")
	return exitOK
}

func parseDemoFlags(args []string, stderr io.Writer) (demoOptions, error) {
	var opts demoOptions
	flags := flag.NewFlagSet("clerkgate demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&opts.Listen, "listen", "127.0.0.1:8080", "`address` to open in a browser")
	flags.StringVar(&opts.ClerkListen, "clerk-listen", "127.0.0.1:8090", "`address` of the local Clerk")
	flags.DurationVar(&opts.TokenLifetime, "token-lifetime", 60*time.Second, "how long a session token lives, in whole seconds")
	flags.BoolVar(&opts.Production, "production", false, "use keys of a production instance (pk_live_)")
	if err := flags.Parse(args); err != nil {
		return opts, err
	}
	if err := opts.check(flags.Args()); err != nil {
		say(stderr, "%v\n", err)
		flags.Usage()
		return opts, err
	}
	return opts, nil
}

// check reports every problem at once.
func (o demoOptions) check(rest []string) error {
	var problems []error
	for _, arg := range rest {
		problems = append(problems, fmt.Errorf("unexpected argument %q", arg))
	}
	for _, f := range []struct{ name, value string }{{"--listen", o.Listen}, {"--clerk-listen", o.ClerkListen}} {
		if _, port, err := net.SplitHostPort(f.value); err != nil || port == "" {
			problems = append(problems, fmt.Errorf("%s: found %q, expected host:port such as 127.0.0.1:8080", f.name, f.value))
		}
	}
	if o.TokenLifetime < time.Second || o.TokenLifetime%time.Second != 0 {
		problems = append(problems, fmt.Errorf("--token-lifetime: found %s, expected whole seconds, at least 1s", o.TokenLifetime))
	}
	return errors.Join(problems...)
}
