package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

const emulatorShutdownTimeout = 5 * time.Second

// emulatorOptions is how the emulator is set up; the flags of `clerkgate emulator` fill it.
type emulatorOptions struct {
	// Listen is the address of everything: Backend API, Frontend API, pages, and control.
	Listen string
	// Seed is a YAML file with users and the rest; empty means the sample users.
	Seed string
	// Production and TokenLifetime win over the seed when they are given.
	Production    bool
	TokenLifetime time.Duration
	// Verbose logs every call.
	Verbose bool
}

// runEmulator serves a local Clerk until ctx ends.
func runEmulator(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parseEmulatorFlags(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		return exitUsage // the flag package has said why
	}
	clerkOptions, err := opts.clerk(stderr)
	if err != nil {
		say(stderr, "clerkgate emulator: %v\n", err)
		return exitUsage
	}
	if err := serveEmulator(ctx, opts.Listen, clerktest.New(clerkOptions), stdout); err != nil {
		say(stderr, "clerkgate emulator: %v\n", err)
		return exitFailure
	}
	return exitOK
}

func parseEmulatorFlags(args []string, stderr io.Writer) (emulatorOptions, error) {
	var opts emulatorOptions
	flags := flag.NewFlagSet("clerkgate emulator", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&opts.Listen, "listen", "127.0.0.1:8090", "`address` of the local Clerk")
	flags.StringVar(&opts.Seed, "seed", "", "YAML `file` with users, templates, machines and webhooks")
	flags.BoolVar(&opts.Production, "production", false, "be a production instance (pk_live_)")
	flags.DurationVar(&opts.TokenLifetime, "token-lifetime", 0, "how long a session token lives, in whole seconds (default 60s)")
	flags.BoolVar(&opts.Verbose, "verbose", false, "log every call to standard error")
	if err := flags.Parse(args); err != nil {
		return opts, err
	}
	var problems []error
	for _, arg := range flags.Args() {
		problems = append(problems, fmt.Errorf("unexpected argument %q", arg))
	}
	if _, port, err := net.SplitHostPort(opts.Listen); err != nil || port == "" {
		problems = append(problems, fmt.Errorf("--listen: found %q, expected host:port such as 127.0.0.1:8090", opts.Listen))
	}
	if opts.TokenLifetime < 0 || opts.TokenLifetime%time.Second != 0 {
		problems = append(problems, fmt.Errorf("--token-lifetime: found %s, expected whole seconds, at least 1s", opts.TokenLifetime))
	}
	if err := errors.Join(problems...); err != nil {
		say(stderr, "%v\n", err)
		flags.Usage()
		return opts, err
	}
	return opts, nil
}

// clerk is the instance as seed and flags describe it.
func (o emulatorOptions) clerk(stderr io.Writer) (clerktest.Options, error) {
	opts := clerktest.Options{AppName: "clerkgate emulator"}
	if o.Seed != "" {
		var err error
		if opts, err = readSeed(o.Seed); err != nil {
			return opts, err
		}
	}
	opts.Production = opts.Production || o.Production
	if o.TokenLifetime > 0 {
		opts.TokenLifetime = o.TokenLifetime
	}
	level := slog.LevelInfo
	if o.Verbose {
		level = slog.LevelDebug
	}
	opts.Logger = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	return opts, nil
}

// serveEmulator serves until ctx ends, and then lets go of everything, held requests and deliveries too.
func serveEmulator(ctx context.Context, listen string, clerk *clerktest.Clerk, stdout io.Writer) error {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is in use: choose another address with --listen host:port", listen)
	}
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	defer clerk.Close()
	url := emulatorURL(listener.Addr().String())
	// A request that a fault holds ends with this context.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	server := &http.Server{
		Handler:           newControl(clerk, url),
		BaseContext:       func(net.Listener) context.Context { return running },
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	announceEmulator(stdout, clerk, url)
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	cancel()
	limit, stop := context.WithTimeout(context.WithoutCancel(ctx), emulatorShutdownTimeout)
	defer stop()
	if server.Shutdown(limit) != nil {
		_ = server.Close() // connections that did not end in time
	}
	<-served
	return nil
}

// emulatorURL is the address to call: a listener on every interface is called on this one.
func emulatorURL(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		address = net.JoinHostPort("127.0.0.1", port)
	}
	return "http://" + address
}

// emulatorEnvironment is what an application needs to run on the emulator.
func emulatorEnvironment(clerk *clerktest.Clerk, url string) [][2]string {
	return [][2]string{
		{"CLERK_PUBLISHABLE_KEY", clerk.PublishableKey()},
		{"CLERK_SECRET_KEY", clerk.SecretKey()},
		{"CLERK_API_URL", url},
		{"CLERK_FAPI_URL", url},
		{"CLERK_PROXY_URL", demoProxyPath},
	}
}

// announceEmulator prints lines for a shell: what is not for it is a comment.
func announceEmulator(w io.Writer, clerk *clerktest.Clerk, url string) {
	var text strings.Builder
	fmt.Fprintf(&text, "# clerkgate emulator on %s\n", url)
	for _, v := range emulatorEnvironment(clerk, url) {
		fmt.Fprintf(&text, "export %s=%s\n", v[0], v[1])
	}
	text.WriteString("# CLERK_PROXY_URL is where clerkgate serves this Clerk to browsers, on the application's origin.\n")
	for _, m := range clerk.Machines() {
		fmt.Fprintf(&text, "# machine %s: %s, secret key %s\n", m.Name, m.ID, m.SecretKey)
	}
	for _, hook := range clerk.Webhooks() {
		fmt.Fprintf(&text, "# webhook %s: CLERK_WEBHOOK_SIGNING_SECRET=%s\n", hook.URL, hook.Secret)
	}
	fmt.Fprintf(&text, "# Time, faults, sign-in and calls: %s%s/ (this machine only). Ctrl-C stops it.\n", url, controlPath)
	say(w, "%s", text.String())
}
