package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/clerkgate/clerkgate/proxy"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

func serveCommand() command {
	return command{
		name: "serve", summary: "answer requests, configured by environment and flags; the default",
		help: `
Serve as a reverse proxy in front of an application, or answer gateways. The environment configures it, and so do
flags: each variable below has one, except the secrets, because other users can read a command line. SIGHUP makes it
read the files that the environment names again, SIGTERM and Ctrl-C end it once requests in flight are answered. Either
of them a second time ends it sooner.`,
		serves: true, configured: true,
		setUp: func(flags *flag.FlagSet) action {
			given := variableFlags(flags)
			return func(ctx context.Context, p process, _ []string) error {
				return misconfigured(given.explain(serveRequests(ctx, given.over(p), nil)))
			}
		},
	}
}

// serveRequests runs until ctx ends. gone says that there is no application any more to
// wait for at the end; nil is never.
func serveRequests(ctx context.Context, p process, gone <-chan struct{}) error {
	cfg, warnings, err := settings.Load(p.lookup, p.environ)
	for _, w := range warnings {
		say(p.stderr, "clerkgate: warning: %s\n", w)
	}
	if err != nil {
		return err
	}
	p.log.SetNotice(func(lines int) []byte { return lossNotice(cfg, lines) })
	// SIGHUP has always told daemons to read their configuration again. Signals that
	// come while one reload is under way are one more reload.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	// The first SIGTERM has ended ctx; it is further ones that hurry.
	hurry := make(chan os.Signal, 1)
	stop := context.AfterFunc(ctx, func() { signal.Notify(hurry, os.Interrupt, syscall.SIGTERM) })
	defer signal.Stop(hurry)
	defer stop()
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-gone:
			select {
			case hurry <- os.Interrupt:
			default: // somebody is in a hurry already
			}
		case <-done:
		}
	}()
	sockets, err := p.inherited()
	if err != nil {
		return err
	}
	return proxy.Run(ctx, cfg, proxy.RunOptions{
		Sockets: sockets,
		Logger:  newLogger(cfg, p.stderr),
		Started: func(at proxy.Addresses) { announce(p.stdout, cfg, at) },
		Hurry:   hurry,
		Reload:  hangups,
		Load:    func() (settings.Config, []settings.Warning, error) { return settings.Load(p.lookup, p.environ) },
	})
}

// misconfigured makes a mistake of an error that lists problems of the configuration;
// others it leaves as they are.
func misconfigured(err error) error {
	var invalid *settings.Error
	if !errors.As(err, &invalid) {
		return err
	}
	return mistaken("\nRun \"clerkgate help\" for every variable.", err)
}

func newLogger(cfg settings.Config, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// lossNotice is how the log tells, in its own format, that lines of it are missing.
func lossNotice(cfg settings.Config, lines int) []byte {
	var text bytes.Buffer
	newLogger(cfg, &text).Warn("log lines lost", "lines", lines)
	return text.Bytes()
}

// announce says what runs where.
func announce(w io.Writer, cfg settings.Config, at proxy.Addresses) {
	scheme := "http"
	if cfg.TLSCertificateFile != "" {
		scheme = "https"
	}
	say(w, "clerkgate %s\n", thisBuild().Version)
	for _, address := range at.Public {
		say(w, "  listening   %s\n", located(scheme, address))
	}
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
	for _, address := range at.ExtAuthz {
		say(w, "  envoy       asks at %s (gRPC)\n", located("", address))
	}
	if cfg.Auth.ProxyURL != "" {
		say(w, "  front end   %s\n", cfg.Auth.ProxyURL)
	}
	for _, address := range at.Admin {
		say(w, "  probes      %s/healthz, /readyz\n", located("http", address))
	}
}

// located is an address as it is to be used.
func located(scheme string, address net.Addr) string {
	switch {
	case address.Network() == "unix":
		return "unix:" + address.String() + " "
	case scheme != "":
		return scheme + "://" + address.String()
	}
	return address.String()
}

// meaning says a policy in words.
func meaning(cfg settings.Config) string {
	switch {
	case cfg.Policy == settings.PolicyOptional:
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
