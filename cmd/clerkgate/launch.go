package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/clerkgate/clerkgate/cmd/clerkgate/internal/child"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// childGrace is how long an application may take to end after SIGTERM.
const childGrace = 10 * time.Second

func runCommand() command {
	return command{
		name: "run", args: "-- COMMAND [ARGUMENT]...", summary: "start an application, and serve in front of it",
		help: `
Start an application and serve in front of it, as "clerkgate serve" does. It makes a container with one command:

  clerkgate run -- npm start

The application gets a free port in PORT, and 127.0.0.1 in HOST unless that is set. clerkgate serves once the
application listens on that port. If PORT is set already, as on many container platforms, clerkgate itself listens on
that port unless CLERKGATE_LISTEN is set.

SIGTERM and Ctrl-C first end clerkgate, once requests in flight are answered, and then the application. SIGHUP reloads
clerkgate's configuration; other signals are passed on. When the application ends, clerkgate ends too, with the same
exit code; the application is not restarted. As process 1 of a container, clerkgate also reaps orphaned processes.`,
		serves: true, configured: true,
		setUp: func(flags *flag.FlagSet) action {
			given := variableFlags(flags)
			wait := flags.Duration("wait", time.Minute, "how long the application may take until it listens")
			return func(ctx context.Context, p process, args []string) error {
				l := &launch{process: given.over(p), environ: p.environ, command: args, wait: *wait}
				return misconfigured(given.explain(l.run(ctx)))
			}
		},
	}
}

// launch is an application that is started, and clerkgate in front of it.
type launch struct {
	process
	environ []string // of the application, as far as it is not set here
	command []string
	wait    time.Duration
	listen  string // where clerkgate listens because of PORT; "" leaves it to the variable
}

// exited is the error of an application that has ended. Its exit code becomes that of
// clerkgate.
type exited struct {
	code int
	text string // "" if clerkgate has stopped it, which is not reported
}

func (e *exited) Error() string { return e.text }

func (l *launch) run(ctx context.Context) error {
	whole, err := l.withEnvFile()
	if err != nil {
		return err
	}
	public, _ := whole.lookup("PORT")
	if listen, _ := whole.lookup(settings.EnvListen); strings.TrimSpace(listen) == "" && public != "" {
		l.listen = ":" + public
	}
	switch upstream, _ := whole.lookup(settings.EnvUpstream); {
	case len(l.command) == 0:
		return runCommand().misused(errors.New("run needs a command: clerkgate run -- npm start"))
	case strings.TrimSpace(upstream) != "":
		return runCommand().misused(errors.New(settings.EnvUpstream + " is set, but run chooses it; leave it out, or use clerkgate serve"))
	}
	port, err := child.FreePort(ctx)
	if err != nil {
		return fmt.Errorf("find a port for the application: %w", err)
	}
	// Report problems of the configuration before anything is started.
	if _, _, err := l.before(net.JoinHostPort("127.0.0.1", port)).load(); err != nil {
		return err
	}
	app, err := child.Start(l.command, l.environment(port), l.child[0], l.child[1])
	if err != nil {
		return err
	}
	again := make(chan os.Signal, 1) // further signals cut the shutdown short
	defer signal.Stop(again)
	defer context.AfterFunc(ctx, func() { signal.Notify(again, os.Interrupt, syscall.SIGTERM) })()
	defer passSignals(app)()

	err = l.serve(ctx, app, port)
	app.Stop(childGrace, again)
	if err == nil {
		err = &exited{code: app.Code()}
	}
	return err
}

// serve returns when ctx or the application ends.
func (l *launch) serve(ctx context.Context, app *child.Child, port string) error {
	waiting, cancel := context.WithTimeout(ctx, l.wait)
	defer cancel()
	address, err := app.Listening(waiting, port)
	switch {
	case errors.Is(err, child.ErrEnded):
		end := ended(app, "before it listened on port "+port+", which is in PORT")
		end.code = cmp.Or(end.code, exitFailure) // nothing was served
		return end
	case ctx.Err() != nil:
		return nil
	case err != nil:
		return fmt.Errorf("the application did not listen on port %s of 127.0.0.1 within %s; make it listen on the port in PORT, or give it more time with --wait", port, l.wait)
	}
	if exposed := child.Exposed(ctx, port); exposed != "" {
		say(l.stderr, "clerkgate: warning: the application also listens on %s, where requests bypass clerkgate; make it listen on 127.0.0.1 only\n", exposed)
	}
	serving, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-app.Ended():
			stop()
		case <-serving.Done():
		}
	}()
	if err := serveRequests(serving, l.before(address), app.Ended()); err != nil || ctx.Err() != nil {
		return err
	}
	return ended(app, "by itself")
}

func ended(app *child.Child, when string) *exited {
	return &exited{code: app.Code(), text: fmt.Sprintf("the application ended with exit code %d %s", app.Code(), when)}
}

// before returns the process with an environment in which the application listens at
// address.
func (l *launch) before(address string) process {
	lookup, p := l.lookup, l.process
	p.lookup = func(name string) (string, bool) {
		switch {
		case name == settings.EnvUpstream:
			return "http://" + address, true
		case name == settings.EnvListen && l.listen != "":
			return l.listen, true
		}
		return lookup(name)
	}
	return p
}

// environment returns the environment of the application.
func (l *launch) environment(port string) []string {
	environ := slices.DeleteFunc(slices.Clone(l.environ), func(entry string) bool { return strings.HasPrefix(entry, "PORT=") })
	environ = append(environ, "PORT="+port)
	if !slices.ContainsFunc(environ, func(entry string) bool { return strings.HasPrefix(entry, "HOST=") }) {
		environ = append(environ, "HOST=127.0.0.1")
	}
	return environ
}
