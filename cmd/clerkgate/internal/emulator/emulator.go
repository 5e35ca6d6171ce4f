// Package emulator is what "clerkgate emulator" runs: a local Clerk for tests in any
// language, seeded from a YAML file and steered over HTTP.
//
// [New] reads the seed, [Emulator.Run] serves until its context ends. Clerk itself is
// package clerktest; here are its seed, its control API below /__control/, and the
// environment that an application needs to run on it.
package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

const shutdownTimeout = 5 * time.Second

// Options is how the emulator is set up.
type Options struct {
	// Listen is the host:port of everything: Backend API, Frontend API, pages, and
	// control. Port 0 is any free one.
	Listen string
	// Seed is a YAML file with users and the rest; empty means the sample users.
	Seed string
	// Production and TokenLifetime win over the seed when they are set.
	Production    bool
	TokenLifetime time.Duration
	// Verbose logs every call.
	Verbose bool
	// ControlToken opens the control API to whoever sends it as a bearer token, from any
	// machine, and to nobody else. Empty means that programs on this machine alone can
	// use it, without a token.
	ControlToken string
}

// Validate reports every problem, in the words of the command's flags.
func (o Options) Validate() error {
	var problems []error
	if _, port, err := net.SplitHostPort(o.Listen); err != nil || port == "" {
		problems = append(problems, fmt.Errorf("--listen: found %q, expected host:port such as 127.0.0.1:8090", o.Listen))
	}
	if o.TokenLifetime < 0 || o.TokenLifetime%time.Second != 0 {
		problems = append(problems, fmt.Errorf("--token-lifetime: found %s, expected whole seconds, at least 1s", o.TokenLifetime))
	}
	if t := o.ControlToken; t != "" && (len(t) < minControlToken || strings.ContainsFunc(t, func(r rune) bool { return r <= ' ' || r >= 0x7f })) {
		problems = append(problems, fmt.Errorf("--control-token: found %d characters, expected at least %d of printable ASCII without spaces", utf8.RuneCountInString(t), minControlToken))
	}
	return errors.Join(problems...)
}

// minControlToken keeps words that are guessed out of a token that other machines may
// send.
const minControlToken = 16

// Emulator is a local Clerk that can be served.
type Emulator struct {
	listen       string
	controlToken string
	clerk        *clerktest.Clerk
}

// New makes the instance that seed and options describe. opts must be valid. An error
// is a mistake in the seed; it names file and line.
func New(opts Options, log io.Writer) (*Emulator, error) {
	instance := clerktest.Options{AppName: "clerkgate emulator"}
	if opts.Seed != "" {
		var err error
		if instance, err = readSeed(opts.Seed); err != nil {
			return nil, err
		}
	}
	instance.Production = instance.Production || opts.Production
	if opts.TokenLifetime > 0 {
		instance.TokenLifetime = opts.TokenLifetime
	}
	instance.RealTimeTokens = true // nobody can move the clock of an application in another process
	level := slog.LevelInfo
	if opts.Verbose {
		level = slog.LevelDebug
	}
	instance.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level}))
	return &Emulator{listen: opts.Listen, controlToken: opts.ControlToken, clerk: clerktest.New(instance)}, nil
}

// Run serves until ctx ends, and then lets go of everything, held requests and
// deliveries too. Once it listens it prints the environment to stdout, as lines for a
// shell. An Emulator runs once.
func (e *Emulator) Run(ctx context.Context, stdout io.Writer) error {
	defer e.clerk.Close()
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", e.listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is in use: choose another address with --listen host:port", e.listen)
	}
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	url := urlOf(listener.Addr().String())
	// A request that a fault holds ends with this context.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	server := &http.Server{
		Handler:           newControl(e.clerk, url, e.controlToken),
		BaseContext:       func(net.Listener) context.Context { return running },
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	announce(stdout, e.clerk, url)
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	cancel()
	limit, stop := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer stop()
	if server.Shutdown(limit) != nil {
		_ = server.Close() // connections that did not end in time
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// urlOf is the address to call: a listener on every interface is called on this one.
func urlOf(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		address = net.JoinHostPort("127.0.0.1", port)
	}
	return "http://" + address
}
