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
	"strings"
	"syscall"

	"github.com/clerkgate/clerkgate/internal/build"
	"github.com/clerkgate/clerkgate/internal/loglimit"
	"github.com/clerkgate/clerkgate/proxy"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

func serveCommand() command {
	return command{
		name: "serve", summary: "answer requests, configured by environment and flags; the default",
		help: `
Serve as a reverse proxy in front of an application, or answer gateways. It is configured by the variables below or by
their flags. Secrets have no flags, because other users can read a command line. SIGHUP makes it read the files that
variables and --env-file name again. SIGTERM and Ctrl-C end it once requests in flight are answered; a second one ends it sooner.`,
		serves: true, configured: true,
		setUp: func(flags *flag.FlagSet) action {
			given := variableFlags(flags)
			return func(ctx context.Context, p process, _ []string) error {
				return misconfigured(given.explain(serveRequests(ctx, given.over(p), nil)))
			}
		},
	}
}

// serveRequests runs until ctx ends. Closing gone says that the application has ended,
// so that the shutdown need not wait; nil is never closed.
func serveRequests(ctx context.Context, p process, gone <-chan struct{}) error {
	cfg, warnings, err := p.load()
	p.warn(warnings)
	if err != nil {
		return err
	}
	level := new(slog.LevelVar)
	level.Set(cfg.LogLevel)
	limited := loglimit.New(newHandler(cfg.LogFormat, p.stderr, level), nil)
	defer limited.Close()
	p.log.SetNotice(func(lines int) []byte { return lossNotice(cfg, lines) })
	// SIGHUP asks for a reload, as is usual for daemons. Signals that arrive during a
	// reload cause one more.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	// The first SIGTERM has ended ctx; further ones cut the shutdown short.
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
			default: // a signal has done so already
			}
		case <-done:
		}
	}()
	sockets, err := p.inherited()
	if err != nil {
		return err
	}
	return proxy.Run(ctx, cfg, proxy.RunOptions{
		Sockets:   sockets,
		Logger:    slog.New(limited),
		AccessLog: p.stream(cfg.AccessLogTo), AuditLog: p.stream(cfg.AuditLog), Level: level,
		Started: func(at proxy.Addresses) { announce(p.stdout, cfg, at) },
		Hurry:   hurry,
		Reload:  hangups,
		Load:    p.load,
	})
}

// misconfigured turns an error that lists problems of the configuration into a mistake,
// and returns others unchanged.
func misconfigured(err error) error {
	var invalid *settings.Error
	if !errors.As(err, &invalid) {
		return err
	}
	return mistaken("\nRun \"clerkgate help\" for every variable.", err)
}

// stream returns an output by its name in the configuration.
func (p process) stream(name string) io.Writer {
	if name == settings.AuditStdout {
		return p.stdout
	}
	return p.stderr
}

// inJSON reports whether lines are to be objects, also before the configuration is read.
func (p process) inJSON() bool {
	format, _ := p.lookup(settings.EnvLogFormat)
	return strings.TrimSpace(format) == "json"
}

// warn writes what is doubtful about the configuration.
func (p process) warn(warnings []settings.Warning) {
	for _, w := range warnings {
		if p.inJSON() {
			slog.New(newHandler("json", p.stderr, slog.LevelInfo)).Warn("configuration warning", "variable", w.Variable, "warning", w.Message)
		} else {
			say(p.stderr, "clerkgate: warning: %s\n", w)
		}
	}
}

func newHandler(format string, w io.Writer, level slog.Leveler) slog.Handler {
	opts := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.NewJSONHandler(w, opts)
	}
	return slog.NewTextHandler(w, opts)
}

// lossNotice returns a line of the log which says that lines were lost.
func lossNotice(cfg settings.Config, lines int) []byte {
	var text bytes.Buffer
	slog.New(newHandler(cfg.LogFormat, &text, slog.LevelInfo)).Warn("log lines lost", "lines", lines)
	return text.Bytes()
}

// announce prints what listens where.
func announce(w io.Writer, cfg settings.Config, at proxy.Addresses) {
	if cfg.LogFormat == "json" {
		slog.New(newHandler("json", w, slog.LevelInfo)).Info("started", "version", build.This().Version,
			"public", texts(at.Public), "admin", texts(at.Admin), "ext_authz", texts(at.ExtAuthz), "routes", len(cfg.AllRoutes()))
		return
	}
	scheme := "http"
	if cfg.TLSCertificateFile != "" {
		scheme = "https"
	}
	say(w, "clerkgate %s\n", build.This().Version)
	for _, address := range at.Public {
		say(w, "  listening   %s\n", located(scheme, address))
	}
	switch {
	case cfg.Routes != nil:
		say(w, "  routes      %s, to %s\n", counted(len(cfg.Routes.Routes), "route"), counted(max(1, len(cfg.Routes.Upstreams)), "upstream"))
	case cfg.Upstream == nil:
		say(w, "  upstream    none: answers gateways only\n")
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

func texts(addresses []net.Addr) []string {
	all := make([]string, 0, len(addresses))
	for _, a := range addresses {
		all = append(all, a.String())
	}
	return all
}

// located returns an address in the form in which it is used.
func located(scheme string, address net.Addr) string {
	switch {
	case address.Network() == "unix":
		return "unix:" + address.String() + " "
	case scheme != "":
		return scheme + "://" + address.String()
	}
	return address.String()
}

// meaning describes a policy.
func meaning(cfg settings.Config) string {
	switch {
	case cfg.Policy == settings.PolicyOptional:
		return "signed-out requests pass, and are marked as such"
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
