package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/problem"
)

// command is one thing that clerkgate does.
type command struct {
	name    string
	args    string // what may follow the name, such as "[FILE]"; "" takes no arguments
	summary string // a few words, for the list of commands
	help    string // what "clerkgate help NAME" says: paragraphs between empty lines; indented ones stay as they are
	// serves marks a command that runs until it is told to stop, even if its output cannot
	// be written.
	serves bool
	// hidden keeps a command that only the completion scripts use out of help.
	hidden bool
	// verbatim passes the arguments on without parsing flags.
	verbatim bool
	// configured marks a command that has a flag for every variable.
	configured bool
	// setUp declares the flags, and returns the action to run once they are parsed.
	setUp func(*flag.FlagSet) action
}

// action runs a command. args are the arguments without the flags.
type action func(ctx context.Context, p process, args []string) error

// commands is the table of all commands, in the order in which help lists them.
func commands() []command {
	return []command{
		serveCommand(), runCommand(), checkCommand(), explainCommand(), doctorCommand(), healthCommand(), auditCommand(), revokeCommand(), demoCommand(), emulatorCommand(),
		versionCommand(), completionCommand(), manCommand(), helpCommand(), completeCommand(),
	}
}

// visible returns the commands that are not hidden.
func visible(table []command) []command {
	return slices.DeleteFunc(slices.Clone(table), func(c command) bool { return c.hidden })
}

// run parses flags and runs the command, or prints its help.
func (c command) run(ctx context.Context, p process, args []string) error {
	flags, do := c.flags()
	if c.verbatim {
		return do(ctx, p, args)
	}
	args, err := parse(flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		c.printHelp(p.stdout)
		return nil
	case err != nil:
		return c.misused(c.explained(flags, err))
	case c.args == "" && len(args) > 0:
		return c.misused(fmt.Errorf("%s takes no arguments, but got %s", c.name, problem.Quote(args[0])))
	}
	return do(ctx, p, args)
}

// flags returns a new set of the command's flags, and the action that uses them.
func (c command) flags() (*flag.FlagSet, action) {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // this package prints errors and help itself
	return flags, c.setUp(flags)
}

// misused returns an error about the arguments that names the command's help.
func (c command) misused(problems ...error) error {
	return mistaken(fmt.Sprintf("Run \"clerkgate help %s\" for its arguments and flags.", c.name), problems...)
}

// explained rewords an error of the flag package, which calls an unknown flag "provided
// but not defined" and suggests none.
func (c command) explained(flags *flag.FlagSet, err error) error {
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		return err
	}
	known := []string{"help"}
	flags.VisitAll(func(f *flag.Flag) { known = append(known, f.Name) })
	instead := ""
	if secret := secretFor(name); c.configured && secret != "" {
		instead = secret
	} else if near := problem.Nearest(name, known); near != "" {
		instead = "did you mean " + dashed(near) + "?"
	}
	text := c.name + " has no flag " + dashed(name)
	if instead != "" {
		text += "; " + instead
	}
	return errors.New(text)
}

// dashed returns a flag as it is written on the command line.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// parse parses flags in any position and returns the other arguments. The flag package
// stops at the first argument, and would take "check clerkgate.yaml --help" for two
// files.
func parse(flags *flag.FlagSet, args []string) ([]string, error) {
	var others []string
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		rest := flags.Args()
		read := len(args) - len(rest)
		if len(rest) == 0 || read > 0 && args[read-1] == "--" {
			return append(others, rest...), nil
		}
		others, args = append(others, rest[0]), rest[1:]
	}
}
