package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/problem"
)

// The scripts call a hidden command of clerkgate for the candidates. It prints a line
// for each: the word, a tab and a description. The line completeFiles stands for the
// names of files.
const (
	completeName  = "__complete"
	completeFiles = ":files"
)

const bashCompletion = `# bash completion of clerkgate. To load it: source <(clerkgate completion bash)
_clerkgate() {
    local line words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == ` + completeFiles + ` ]]; then
            compopt -o filenames 2>/dev/null
            while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
            return
        fi
        COMPREPLY+=("${line%%$'\t'*}")
    done < <("${COMP_WORDS[0]}" ` + completeName + ` "${words[@]}" 2>/dev/null)
}
complete -F _clerkgate clerkgate
`

const zshCompletion = `#compdef clerkgate
# zsh completion of clerkgate. To load it: source <(clerkgate completion zsh)
_clerkgate() {
    local line
    local -a candidates
    while IFS= read -r line; do
        if [[ $line == ` + completeFiles + ` ]]; then
            _files
            return
        fi
        candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done < <("${words[1]}" ` + completeName + ` "${(@)words[2,CURRENT]}" 2>/dev/null)
    _describe -V clerkgate candidates
}
if [[ $funcstack[1] == _clerkgate ]]; then
    _clerkgate "$@"
else
    compdef _clerkgate clerkgate
fi
`

const fishCompletion = `# fish completion of clerkgate. To load it: clerkgate completion fish | source
function __clerkgate_complete
    set -l words (commandline -opc)
    set -l name $words[1]
    set -e words[1]
    set -l current (commandline -ct)
    for line in ($name ` + completeName + ` $words "$current" 2>/dev/null)
        if test "$line" = ` + completeFiles + `
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c clerkgate -k -f -a '(__clerkgate_complete)'
`

// shells returns the shells that have a script.
func shells() []string { return []string{"bash", "zsh", "fish"} }

func completionCommand() command {
	return command{
		name: "completion", args: "SHELL", summary: "print a script that completes commands and flags in a shell",
		help: `
Print a script that makes a shell complete the commands, flags and values of clerkgate. SHELL is bash, zsh or fish. Load
it from the file that the shell reads when it starts:

  source <(clerkgate completion bash)
  source <(clerkgate completion zsh)
  clerkgate completion fish | source

In zsh it goes below the line with compinit.`,
		setUp: func(*flag.FlagSet) action {
			return func(_ context.Context, p process, args []string) error {
				switch shell := strings.Join(args, " "); shell {
				case "bash":
					say(p.stdout, "%s", bashCompletion)
				case "zsh":
					say(p.stdout, "%s", zshCompletion)
				case "fish":
					say(p.stdout, "%s", fishCompletion)
				default:
					return completionCommand().misused(fmt.Errorf("completion found %s, expected one of %s", problem.Quote(shell), strings.Join(shells(), ", ")))
				}
				return nil
			}
		},
	}
}

// completeCommand prints the candidates for a script.
func completeCommand() command {
	return command{
		name: completeName, hidden: true, verbatim: true,
		setUp: func(*flag.FlagSet) action {
			return func(_ context.Context, p process, args []string) error {
				for _, c := range complete(commands(), args) {
					say(p.stdout, "%s\n", c)
				}
				return nil
			}
		},
	}
}

// complete returns the candidates for the last of the words, which may be empty. words
// does not include the program's name.
func complete(table []command, words []string) []string {
	words = joined(words)
	if len(words) == 0 {
		words = []string{""}
	}
	before, current := words[:len(words)-1], words[len(words)-1]
	if len(before) == 0 && !strings.HasPrefix(current, "-") {
		return beginningWith(current, namesOf(table))
	}
	c, args, err := choose(table, words)
	if err != nil || c.verbatim {
		return nil
	}
	if len(args) > 0 {
		args = args[:len(args)-1]
	}
	if slices.Contains(args, "--") {
		return []string{completeFiles}
	}
	flags, _ := c.flags()
	if len(before) > 0 {
		if f := flags.Lookup(strings.TrimLeft(before[len(before)-1], "-")); f != nil && strings.HasPrefix(before[len(before)-1], "-") && !isSwitch(f) {
			return valuesOf(f, "", current)
		}
	}
	if name, value, found := strings.Cut(current, "="); found && strings.HasPrefix(name, "-") {
		if f := flags.Lookup(strings.TrimLeft(name, "-")); f != nil {
			return valuesOf(f, name+"=", value)
		}
		return nil
	}
	if strings.HasPrefix(current, "-") {
		return beginningWith(current, flagsOf(flags))
	}
	return c.argumentsOf(table, current)
}

// joined undoes the splitting of bash, which passes --flag=value as three words.
func joined(words []string) []string {
	words = slices.Clone(words)
	if n := len(words); n > 0 && words[n-1] == "=" {
		words[n-1] = ""
	}
	return slices.DeleteFunc(words, func(w string) bool { return w == "=" })
}

// argumentsOf returns the candidates for an argument that is not a flag.
func (c command) argumentsOf(table []command, current string) []string {
	switch {
	case c.name == "help":
		return beginningWith(current, namesOf(table))
	case c.name == "completion":
		return beginningWith(current, shells())
	case strings.Contains(c.args, "FILE"):
		return []string{completeFiles}
	}
	return nil
}

func namesOf(table []command) (lines []string) {
	for _, c := range visible(table) {
		lines = append(lines, c.name+"\t"+c.summary)
	}
	return lines
}

func flagsOf(flags *flag.FlagSet) []string {
	lines := []string{"--help\tsay what it does and takes"}
	flags.VisitAll(func(f *flag.Flag) {
		_, text := flag.UnquoteUsage(f)
		lines = append(lines, dashed(f.Name)+"\t"+text)
	})
	slices.Sort(lines)
	return lines
}

// valuesOf returns the candidates for a flag's value, each with prefix before it.
func valuesOf(f *flag.Flag, prefix, current string) []string {
	what, _ := flag.UnquoteUsage(f)
	if isSwitch(f) {
		what = "true|false"
	}
	if what == "file" && prefix == "" {
		return []string{completeFiles}
	}
	words := strings.Split(what, "|")
	if len(words) == 1 {
		return nil // a kind of value, such as an address
	}
	for i, word := range words {
		words[i] = prefix + word
	}
	return beginningWith(prefix+current, words)
}

func beginningWith(prefix string, lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return !strings.HasPrefix(line, prefix) })
}

// isSwitch reports whether a flag needs no value.
func isSwitch(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}
