package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

const helpWidth = 78

func helpCommand() command {
	return command{
		name: "help", args: "[COMMAND]", summary: "print this, or the help of one command",
		help: "Print the commands and every variable, or the help of one command.",
		setUp: func(*flag.FlagSet) action {
			return func(_ context.Context, p process, args []string) error {
				switch len(args) {
				case 0:
					printOverview(p.stdout)
					return nil
				case 1:
					c, err := find(commands(), args[0])
					if err == nil {
						c.printHelp(p.stdout)
					}
					return err
				}
				return helpCommand().misused(fmt.Errorf("help takes one command, but got %q as well", args[1]))
			}
		},
	}
}

// printOverview lists commands and variables.
func printOverview(w io.Writer) {
	say(w, "clerkgate puts Clerk sessions in front of an application.\n\nUsage\n  clerkgate [COMMAND]\n\nCommands\n")
	for _, c := range visible(commands()) {
		say(w, "  %-10s %s\n", c.name, c.summary)
	}
	say(w, `
"clerkgate help COMMAND" prints the help of one command.
Exit codes: 0 stopped as asked, 1 failure, 2 wrong arguments or configuration.

`)
	printVariables(w)
}

// printHelp prints the help of one command.
func (c command) printHelp(w io.Writer) {
	flags, _ := c.flags()
	var rows strings.Builder
	flags.VisitAll(func(f *flag.Flag) {
		if c.configured && isVariable(f.Name) {
			return // printVariables has them
		}
		value, text := flag.UnquoteUsage(f)
		say(&rows, "  %s\n", strings.TrimSpace(dashed(f.Name)+" "+strings.ToUpper(value)))
		// The defaults of boolean flags, "" and 0s say nothing.
		if !isSwitch(f) && f.DefValue != "" && f.DefValue != "0s" {
			text += ". Default " + f.DefValue
		}
		indent(&rows, strings.TrimSuffix(text, ".")+".")
	})
	usage := "clerkgate " + c.name
	if rows.Len() > 0 || c.configured {
		usage += " [FLAGS]"
	}
	say(w, "Usage: %s\n\n", strings.TrimSpace(usage+" "+c.args))
	for paragraph := range strings.SplitSeq(strings.TrimSpace(c.help), "\n\n") {
		if strings.HasPrefix(paragraph, " ") { // an example, which is printed unchanged
			say(w, "%s\n\n", paragraph)
			continue
		}
		for line := range wrapped(paragraph, helpWidth) {
			say(w, "%s\n", line)
		}
		say(w, "\n")
	}
	if rows.Len() > 0 {
		say(w, "Flags\n%s\n", rows.String())
	}
	if c.configured && c.serves {
		printVariables(w)
	}
}

// printVariables lists the variables and their flags.
func printVariables(w io.Writer) {
	say(w, "Lists are separated by commas. A variable set to nothing counts as not set.\nA flag takes precedence over its variable.\n\n")
	section(w, "Required", func(v settings.Variable) bool { return v.Required })
	section(w, "Clerkgate", func(v settings.Variable) bool {
		return !v.Required && strings.HasPrefix(v.Name, "CLERKGATE_")
	})
	section(w, "Clerk", func(v settings.Variable) bool {
		return !v.Required && strings.HasPrefix(v.Name, "CLERK_")
	})
}

func section(w io.Writer, title string, belongs func(settings.Variable) bool) {
	say(w, "%s\n", title)
	for _, v := range settings.Variables() {
		if !belongs(v) {
			continue
		}
		if v.Flag != "" {
			say(w, "  --%s", v.Flag)
		}
		say(w, "  %s\n", v.Name)
		indent(w, strings.ReplaceAll(explained(v), "`", ""))
	}
	say(w, "\n")
}

// explained returns the help of a variable with its default.
func explained(v settings.Variable) string {
	switch {
	case v.Default != "":
		return v.Help + " Default `" + v.Default + "`."
	case v.Unset != "":
		return v.Help + " Without it: " + v.Unset + "."
	}
	return v.Help
}

// isVariable reports whether a flag belongs to a variable.
func isVariable(name string) bool {
	return slices.ContainsFunc(settings.Variables(), func(v settings.Variable) bool { return v.Flag == name })
}

// indent prints the explanation of a variable or a flag below its name.
func indent(w io.Writer, text string) {
	for line := range wrapped(text, helpWidth-6) {
		say(w, "      %s\n", line)
	}
}

// wrapped yields text in lines of at most width bytes, broken at spaces.
func wrapped(text string, width int) func(func(string) bool) {
	return func(yield func(string) bool) {
		line := ""
		for word := range strings.FieldsSeq(text) {
			if line != "" && len(line)+1+len(word) > width {
				if !yield(line) {
					return
				}
				line = ""
			}
			if line != "" {
				line += " "
			}
			line += word
		}
		yield(line)
	}
}
