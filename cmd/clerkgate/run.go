package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// flushTimeout is how long the end waits for the log to be read.
const flushTimeout = 2 * time.Second

// process is what clerkgate has of its process.
type process struct {
	lookup         func(string) (string, bool)
	environ        []string
	stdout, stderr io.Writer
	// sockets takes the listeners that systemd has opened; nil where it has not.
	sockets func() (map[string][]net.Listener, error)
	// child are standard output and error for a program that is started; nil discards.
	child [2]*os.File
	// log is stderr in a command that serves; nil in others.
	log *logsink.Sink
}

// run is the whole program as a function of what a process has.
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
	return report(p.stderr, err)
}

// detached is p with outputs that never block and never fail: a command that serves
// goes on when nobody reads what it prints. flush waits for what is not yet written,
// but not for long.
func (p process) detached() (with process, flush func()) {
	out := logsink.New(p.stdout)
	p.log = logsink.New(p.stderr)
	p.stdout, p.stderr = out, p.log
	return p, func() {
		ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
		defer cancel()
		// What could not be written by then has nowhere to be told.
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

// choose finds the command that args begin with. Without one it is serve.
func choose(table []command, args []string) (command, []string, error) {
	name := "serve"
	if len(args) > 0 {
		switch first := args[0]; {
		case first == "-h" || first == "-help" || first == "--help":
			name, args = "help", args[1:]
		case first == "-v" || first == "-version" || first == "--version":
			name, args = "version", args[1:]
		case strings.HasPrefix(first, "-"): // for serve to refuse
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
	return command{}, mistaken(`Run "clerkgate help" for what there is.`, errors.New(text))
}

// mistake is an error of whoever started clerkgate, in the arguments or in the
// configuration.
type mistake struct {
	problems []error
	hint     string // says where to read on; may be empty
}

// mistaken returns a *mistake.
func mistaken(hint string, problems ...error) error { return &mistake{problems, hint} }

func (m *mistake) Error() string { return errors.Join(m.problems...).Error() }

func (m *mistake) Unwrap() []error { return m.problems }

// report tells an error and picks the exit code.
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

// say prints to a terminal or a log. When that is gone there is nobody to tell.
func say(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format, args...)
}
