package main

import (
	"context"
	"fmt"
	"io"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // something went wrong while running
	exitUsage   = 2 // the arguments or the configuration are wrong
)

// run is the whole program as a function of what a process has.
func run(ctx context.Context, args []string, lookup func(string) (string, bool), environ []string, stdout, stderr io.Writer) int {
	command := "serve"
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	switch command {
	case "demo":
		return runDemo(ctx, args, stdout, stderr)
	case "emulator":
		return runEmulator(ctx, args, stdout, stderr)
	case "check":
		return runCheck(args, lookup, environ, stdout, stderr)
	case "explain":
		return runExplain(args, lookup, stdout, stderr)
	}
	if len(args) > 0 {
		return misused(stderr, fmt.Sprintf("%s takes no arguments, but got %q", command, args[0]))
	}
	switch command {
	case "serve":
		return runServe(ctx, lookup, environ, stdout, stderr)
	case "version", "-version", "--version":
		return runVersion(stdout)
	case "help", "-h", "-help", "--help":
		return runHelp(stdout)
	default:
		return misused(stderr, fmt.Sprintf("unknown command %q", command))
	}
}

func misused(stderr io.Writer, message string) int {
	say(stderr, "clerkgate: %s\nRun \"clerkgate help\" for what there is.\n", message)
	return exitUsage
}

// say prints to a terminal or a log. When that is gone there is nobody to tell.
func say(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format, args...)
}
