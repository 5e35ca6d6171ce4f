package main

import (
	"errors"
	"flag"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

// flagValues are the variables that the command line sets, by their names.
type flagValues map[string]string

// variableFlags declares a flag for every variable, or for those of the names, and
// returns what the command line will have said once it is parsed.
func variableFlags(flags *flag.FlagSet, names ...string) flagValues {
	given := make(flagValues)
	for _, v := range settings.Variables() {
		if v.Flag == "" || len(names) > 0 && !slices.Contains(names, v.Name) {
			continue
		}
		set := func(text string) error { given[v.Name] = text; return nil }
		about := strings.ReplaceAll(v.Help, "`", "")
		if what := placeholder(v); what == "true|false" {
			flags.BoolFunc(v.Flag, about, set)
		} else {
			flags.Func(v.Flag, "`"+what+"` "+about, set)
		}
	}
	return given
}

// placeholder stands for the value of a variable: its words with | between them where
// it is one of a few, else what it is.
func placeholder(v settings.Variable) string {
	if words := quotedWords(v.Kind); len(words) > 0 {
		return strings.Join(words, "|")
	}
	kind := strings.TrimPrefix(v.Kind, "list of ")
	kind, _, _ = strings.Cut(kind, ",")
	return kind
}

// quotedWords are the parts of a text between backquotes.
func quotedWords(text string) (words []string) {
	for i, part := range strings.Split(text, "`") {
		if i%2 == 1 {
			words = append(words, part)
		}
	}
	return words
}

// over is p with the command line in front of the environment.
func (f flagValues) over(p process) process {
	lookup := p.lookup
	p.lookup = func(name string) (string, bool) {
		if text, ok := f[name]; ok {
			return text, true
		}
		return lookup(name)
	}
	p.environ = slices.Clone(p.environ)
	for name, text := range f {
		p.environ = append(p.environ, name+"="+text)
	}
	return p
}

// explain has an error call what the command line said by the flag's name.
func (f flagValues) explain(err error) error {
	var invalid *settings.Error
	if !errors.As(err, &invalid) {
		return err
	}
	for _, v := range settings.Variables() {
		if _, ok := f[v.Name]; !ok {
			continue
		}
		for i := range invalid.Problems {
			if invalid.Problems[i].Where == v.Name {
				invalid.Problems[i].Where = dashed(v.Flag) + " (" + v.Name + ")"
			}
		}
	}
	return err
}

// secretFor says which variable to use for a flag that there is not, because the
// variable is a secret.
func secretFor(name string) string {
	for _, v := range settings.Variables() {
		_, own, _ := strings.Cut(v.Name, "_")
		if v.Secret && name == strings.ToLower(strings.ReplaceAll(own, "_", "-")) {
			return "other users can read a command line: set " + v.Name
		}
	}
	return ""
}
