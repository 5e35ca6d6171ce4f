package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/clerkgate/clerkgate/proxy"
)

// runServe is clerkgate without a command: the sidecar, from the environment.
func runServe(ctx context.Context, lookup func(string) (string, bool), environ []string, stdout, stderr io.Writer) int {
	cfg, warnings, err := proxy.LoadConfig(lookup, environ)
	for _, w := range warnings {
		say(stderr, "clerkgate: warning: %s\n", w)
	}
	if err != nil {
		return failed(stderr, err)
	}
	// SIGHUP has always told daemons to read their configuration again. Signals that
	// come while one reload is under way are one more reload.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	opts := proxy.RunOptions{
		Logger:  newLogger(cfg, stderr),
		Started: func(at proxy.Addresses) { announce(stdout, cfg, at) },
		Reload:  hangups,
		Load:    func() (proxy.Config, []proxy.Warning, error) { return proxy.LoadConfig(lookup, environ) },
	}
	if err := proxy.Run(ctx, cfg, opts); err != nil {
		return failed(stderr, err)
	}
	return exitOK
}

// failed prints an error and picks the exit code.
func failed(stderr io.Writer, err error) int {
	say(stderr, "clerkgate: %s\n", err)
	var invalid *proxy.ConfigError
	if !errors.As(err, &invalid) {
		return exitFailure
	}
	say(stderr, "\nRun \"clerkgate help\" for every variable.\n")
	return exitUsage
}

func newLogger(cfg proxy.Config, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// announce says what runs where.
func announce(w io.Writer, cfg proxy.Config, at proxy.Addresses) {
	scheme := "http"
	if cfg.TLSCertificateFile != "" {
		scheme = "https"
	}
	say(w, "clerkgate %s\n", version())
	say(w, "  listening   %s://%s\n", scheme, at.Public)
	switch {
	case cfg.Routes != nil:
		say(w, "  routes      %s, to %s\n", counted(len(cfg.Routes.Routes), "route"), counted(max(1, len(cfg.Routes.Upstreams)), "upstream"))
	case cfg.Upstream == nil:
		say(w, "  upstream    none: only gateways ask\n")
	default:
		say(w, "  upstream    %s\n", cfg.Upstream)
	}
	if cfg.Routes == nil {
		say(w, "  policy      %s: %s\n", cfg.Policy, meaning(cfg))
	}
	if path := cfg.ForwardAuthEndpoint(); path != "" {
		say(w, "  gateways    ask at %s\n", path)
	}
	if at.ExtAuthz != nil {
		say(w, "  envoy       asks at %s (gRPC)\n", at.ExtAuthz)
	}
	if cfg.Auth.ProxyURL != "" {
		say(w, "  front end   %s\n", cfg.Auth.ProxyURL)
	}
	say(w, "  probes      http://%s/healthz, /readyz\n", at.Admin)
}

// meaning says a policy in words.
func meaning(cfg proxy.Config) string {
	switch {
	case cfg.Policy == proxy.PolicyOptional:
		return "signed-out requests pass, marked"
	case len(cfg.PublicPaths) > 0:
		return "every path needs a session, except the public ones"
	default:
		return "every path needs a session"
	}
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
