package main

import (
	"context"
	"flag"
	"io"
	"strconv"
	"strings"

	"github.com/clerkgate/clerkgate/internal/build"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

func manCommand() command {
	return command{
		name: "man", summary: "print the manual page",
		help: `
Print the manual page, in the form that the man command reads:

  clerkgate man > /usr/local/share/man/man1/clerkgate.1`,
		setUp: func(*flag.FlagSet) action {
			return func(_ context.Context, p process, _ []string) error {
				printManual(p.stdout)
				return nil
			}
		},
	}
}

// printManual prints the page with the macros of man(7). It uses the same tables as
// help.
func printManual(w io.Writer) {
	say(w, ".TH CLERKGATE 1 \"\" %s\n", strconv.Quote("clerkgate "+roff(build.This().Version)))
	say(w, ".SH NAME\nclerkgate \\- Clerk sessions in front of anything that speaks HTTP\n")
	say(w, ".SH SYNOPSIS\n.B clerkgate\n[\\fICOMMAND\\fR] [\\fIFLAGS\\fR] [\\fIARGUMENTS\\fR]\n")
	say(w, ".SH COMMANDS\nWithout a command it is\n.BR serve .\n")
	for _, c := range visible(commands()) {
		c.printManual(w)
	}
	say(w, ".SH ENVIRONMENT\nLists are separated by commas. A variable set to nothing counts as not set. A flag takes precedence over its variable.\n")
	for _, v := range settings.Variables() {
		name := "\\fB" + roff(v.Name) + "\\fR"
		if v.Flag != "" {
			name += ", \\fB" + roff(dashed(v.Flag)) + "\\fR"
		}
		say(w, ".TP\n%s\n%s\n", name, roffMarked(explained(v)))
	}
	say(w, ".SH SIGNALS\n")
	for _, signal := range [][2]string{
		{"SIGTERM, SIGINT", "Stop: say at /readyz that it is not ready, serve new connections for CLERKGATE_SHUTDOWN_DELAY, then let requests finish for CLERKGATE_SHUTDOWN_TIMEOUT. Once more: end the step that is under way."},
		{"SIGHUP", "Read the files that the environment names again."},
	} {
		say(w, ".TP\n.B %s\n%s\n", signal[0], roff(signal[1]))
	}
	say(w, ".SH EXIT STATUS\n")
	for _, status := range [][2]string{{"0", "Stopped as asked."}, {"1", "Something went wrong while running."}, {"2", "The arguments or the configuration are wrong."}} {
		say(w, ".TP\n.B %s\n%s\n", status[0], status[1])
	}
}

func (c command) printManual(w io.Writer) {
	say(w, ".SS \"%s\"\n", roff(strings.TrimSpace("clerkgate "+c.name+" "+c.args)))
	for i, paragraph := range strings.Split(strings.TrimSpace(c.help), "\n\n") {
		switch {
		case strings.HasPrefix(paragraph, " "): // an example
			say(w, ".PP\n.nf\n%s\n.fi\n", roff(paragraph))
			continue
		case i > 0:
			say(w, ".PP\n")
		}
		say(w, "%s\n", roff(paragraph))
	}
	flags, _ := c.flags()
	flags.VisitAll(func(f *flag.Flag) {
		if c.configured && isVariable(f.Name) {
			return // below ENVIRONMENT
		}
		value, text := flag.UnquoteUsage(f)
		name := "\\fB" + roff(dashed(f.Name)) + "\\fR"
		if value != "" {
			name += " \\fI" + roff(strings.ToUpper(value)) + "\\fR"
		}
		say(w, ".TP\n%s\n%s\n", name, roff(text))
	})
}

// roff escapes text for troff. Characters beyond ASCII are escaped too, because not every
// man program knows the encoding of its input.
func roff(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			b.WriteString(`\&`)
		}
		for _, r := range line {
			switch {
			case r == '\\':
				b.WriteString(`\e`)
			case r == '-':
				b.WriteString(`\-`)
			case r == '"':
				b.WriteString(`\(dq`)
			case r > 126:
				b.WriteString(`\[u` + strings.ToUpper(strconv.FormatInt(0x10000+int64(r), 16)[1:]) + `]`)
			default:
				b.WriteRune(r)
			}
		}
	}
	return b.String()
}

// roffMarked escapes a text and prints its parts in backquotes in bold.
func roffMarked(text string) string {
	parts := strings.Split(text, "`")
	for i, part := range parts {
		if parts[i] = roff(part); i%2 == 1 {
			parts[i] = `\fB` + strings.TrimPrefix(roff(part), `\&`) + `\fR`
		}
	}
	return strings.Join(parts, "")
}
