package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/logsink"
	"github.com/clerkgate/clerkgate/internal/problem"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // something went wrong while running
	exitUsage   = 2 // the arguments or the configuration are wrong
)

// flushTimeout bounds how long the process waits at exit until the log is written.
const flushTimeout = 2 * time.Second

// process holds what clerkgate uses of the operating system's process.
type process struct {
	lookup         func(string) (string, bool)
	environ        []string
	from           map[string]string // where variables come from, if not from the environment
	envFile        string            // whose variables come behind the environment; "" for none
	stdout, stderr io.Writer
	// sockets returns the listeners that systemd has opened, by their names; nil for none.
	sockets func() (map[string][]net.Listener, error)
	// child holds standard output and error of a program that is started; nil discards.
	child [2]*os.File
	// log is the sink behind stderr in commands that serve; nil in others.
	log *logsink.Sink
}

// run is the whole program: it runs the command that args name and returns the exit
// code.
func run(ctx context.Context, args []string, p process) int {
	c, args, err := choose(commands(), args)
	if err == nil && c.serves {
		var flush func()
		p, flush = p.detached()
		defer flush()
	}
	if err == nil {
		err = c.run(ctx, p, args)
	}
	if c.serves && p.lookup != nil && p.inJSON() {
		return reportJSON(p.stderr, err)
	}
	return report(p.stderr, err)
}

// detached returns p with outputs that never block and never fail, so that a command
// that serves goes on when nobody reads its output. flush writes what is left, for up to
// flushTimeout.
func (p process) detached() (with process, flush func()) {
	out := logsink.New(p.stdout)
	p.log = logsink.New(p.stderr)
	p.stdout, p.stderr = out, p.log
	return p, func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
		defer cancel()
		// There is nowhere to report errors.
		_ = out.Close(ctx)
		_ = p.log.Close(ctx)
	}
}

func (p process) inherited() (map[string][]net.Listener, error) {
	if p.sockets == nil {
		return nil, nil
	}
	return p.sockets()
}

// choose returns the command that args begin with, or serve, and its arguments.
func choose(table []command, args []string) (command, []string, error) {
	name := "serve"
	if len(args) > 0 {
		switch first := args[0]; {
		case first == "-h" || first == "-help" || first == "--help":
			name, args = "help", args[1:]
		case first == "-v" || first == "-version" || first == "--version":
			name, args = "version", args[1:]
		case strings.HasPrefix(first, "-"): // a flag of serve
		default:
			name, args = first, args[1:]
		}
	}
	c, err := find(table, name)
	return c, args, err
}

// find returns the command of a name.
func find(table []command, name string) (command, error) {
	i := slices.IndexFunc(table, func(c command) bool { return c.name == name })
	if i >= 0 {
		return table[i], nil
	}
	var names []string
	for _, c := range visible(table) {
		names = append(names, c.name)
	}
	text := "unknown command " + problem.Quote(name)
	if near := problem.Nearest(name, names); near != "" {
		text += "; did you mean " + near + "?"
	}
	return command{}, mistaken(`Run "clerkgate help" for a list of commands.`, errors.New(text))
}

// mistake is an error in the arguments or in the configuration.
type mistake struct {
	problems []error
	hint     string // where to find out more; may be empty
}

// mistaken returns a *mistake.
func mistaken(hint string, problems ...error) error { return &mistake{problems, hint} }

func (m *mistake) Error() string { return errors.Join(m.problems...).Error() }

func (m *mistake) Unwrap() []error { return m.problems }

// report prints an error and returns the exit code.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	var e *exited
	if errors.As(err, &e) {
		if e.text != "" {
			say(stderr, "clerkgate: %s\n", e.text)
		}
		return e.code
	}
	var m *mistake
	if !errors.As(err, &m) {
		say(stderr, "clerkgate: %s\n", err)
		return exitFailure
	}
	for _, p := range m.problems {
		say(stderr, "clerkgate: %s\n", p)
	}
	if m.hint != "" {
		say(stderr, "%s\n", m.hint)
	}
	return exitUsage
}

// reportJSON does the same for programs that read the log.
func reportJSON(stderr io.Writer, err error) int {
	var text strings.Builder
	code := report(&text, err)
	if text.Len() > 0 {
		slog.New(newHandler("json", stderr, slog.LevelInfo)).Error("clerkgate ended", "error", strings.TrimSpace(text.String()), "exit_code", code)
	}
	return code
}

// say prints to a terminal or a log. Errors are ignored: there is nowhere to report them.
func say(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format, args...)
}
