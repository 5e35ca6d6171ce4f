package main

import (
	"io"
	"strings"

	"github.com/clerkgate/clerkgate/proxy"
)

const helpWidth = 78

func runHelp(stdout io.Writer) int {
	say(stdout, `clerkgate puts Clerk sessions in front of an application.

Usage
  clerkgate            serve, configured by the environment
  clerkgate check      say what is wrong with a routes file and the environment
  clerkgate explain    say which route a request takes: explain GET URL [file]
  clerkgate demo       a local Clerk, an application and clerkgate before it
  clerkgate emulator   a local Clerk, for tests in any language
  clerkgate version    print the version
  clerkgate help       print this

Exit codes: 0 stopped as asked, 1 failure, 2 wrong arguments or configuration.
Lists are separated by commas. A variable set to nothing counts as not set.

`)
	section(stdout, "Required", func(v proxy.Variable) bool { return v.Required })
	section(stdout, "Clerkgate", func(v proxy.Variable) bool {
		return !v.Required && !v.Unsupported && strings.HasPrefix(v.Name, "CLERKGATE_")
	})
	section(stdout, "Clerk", func(v proxy.Variable) bool {
		return !v.Required && !v.Unsupported && strings.HasPrefix(v.Name, "CLERK_")
	})
	section(stdout, "Known, and refused by this release", func(v proxy.Variable) bool { return v.Unsupported })
	return exitOK
}

func section(w io.Writer, title string, belongs func(proxy.Variable) bool) {
	say(w, "%s\n", title)
	for _, v := range proxy.Variables() {
		if !belongs(v) {
			continue
		}
		text := v.Help
		if v.Default != "" {
			text += " Default " + v.Default + "."
		}
		say(w, "  %s\n", v.Name)
		for line := range wrapped(text, helpWidth-6) {
			say(w, "      %s\n", line)
		}
	}
	say(w, "\n")
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
