// Package emulator implements "clerkgate emulator": a local Clerk for tests in any
// language, seeded from a YAML file and controlled over HTTP.
//
// [New] reads the seed, [Emulator.Run] serves until its context ends. The Clerk itself is
// package clerktest; this package has the seed, the control API below /__control/, and the
// environment variables for applications.
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

// Options configure an [Emulator].
type Options struct {
	// Listen is the host:port of the Backend API, the Frontend API, the pages and the
	// control API. Port 0 means any free port.
	Listen string
	// Seed is the name of a YAML file with users and other data; empty means the sample
	// users.
	Seed string
	// Production and TokenLifetime take precedence over the seed if they are set.
	Production    bool
	TokenLifetime time.Duration
	// Verbose logs every call.
	Verbose bool
	// ControlToken is the bearer token of the control API, with which it can be used from
	// any machine. Empty means that only programs on this machine can use it, without a
	// token.
	ControlToken string
}

// Validate returns an error that lists all problems by the names of the command's flags.
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

// minControlToken is the least length of a control token, so that it cannot be guessed
// from another machine.
const minControlToken = 16

// Emulator is a local Clerk that can be served.
type Emulator struct {
	listen       string
	controlToken string
	clerk        *clerktest.Clerk
}

// New returns an Emulator with the instance that seed and options describe. opts must be
// valid. An error is a mistake in the seed; it names file and line.
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
	instance.RealTimeTokens = true // the clock of an application in another process cannot be moved
	level := slog.LevelInfo
	if opts.Verbose {
		level = slog.LevelDebug
	}
	instance.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level}))
	return &Emulator{listen: opts.Listen, controlToken: opts.ControlToken, clerk: clerktest.New(instance)}, nil
}

// Run serves until ctx ends; then it also ends requests that a fault holds, and webhook
// deliveries. Once it listens, it prints the environment variables to stdout, as lines for
// a shell. It must be called only once.
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
		_ = server.Close() // connections that have not ended in time
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// urlOf returns the URL of a listener's address; for all interfaces it uses the loopback
// address.
func urlOf(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		address = net.JoinHostPort("127.0.0.1", port)
	}
	return "http://" + address
}
