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
	// serves says that the command runs until it is told to stop, whatever becomes of
	// its output.
	serves bool
	// hidden says that the command is for scripts of ours alone.
	hidden bool
	// verbatim says that what follows the name is not looked at for flags.
	verbatim bool
	// configured says that every variable is a flag of the command.
	configured bool
	// setUp declares the flags, and returns what is to be done once they are read.
	setUp func(*flag.FlagSet) action
}

// action does what a command is for. args are the arguments without the flags.
type action func(ctx context.Context, p process, args []string) error

// commands is the table of all commands, in the order in which help lists them.
func commands() []command {
	return []command{
		serveCommand(), runCommand(), checkCommand(), explainCommand(), healthCommand(), demoCommand(), emulatorCommand(),
		versionCommand(), completionCommand(), manCommand(), helpCommand(), completeCommand(),
	}
}

// visible are the commands that people use.
func visible(table []command) []command {
	return slices.DeleteFunc(slices.Clone(table), func(c command) bool { return c.hidden })
}

// run reads flags and does what the command is for, or prints its help.
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

// flags returns a fresh set of the command's flags, and what is to be done with them.
func (c command) flags() (*flag.FlagSet, action) {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors and help are printed here, alike for every command
	return flags, c.setUp(flags)
}

// misused says what is wrong with the arguments and where to read on.
func (c command) misused(problems ...error) error {
	return mistaken(fmt.Sprintf("Run \"clerkgate help %s\" for what it takes.", c.name), problems...)
}

// explained words an error of the flag package: it calls a flag that is not there
// "provided but not defined", and does not know what may have been meant.
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

// dashed is a flag as it is written.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// parse reads flags wherever they stand. The flag package by itself stops at the first
// argument, and would take "check clerkgate.yaml --help" for two files.
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
