package main

import (
	"errors"
	"flag"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

// flagValues holds the values of variables that flags set, by the variables' names.
type flagValues map[string]string

// variableFlags declares a flag for every variable, or for the named ones, and one for a
// file of variables. The result is filled when the flags are parsed.
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
	flags.Func(envFileFlag, "`file` with lines of NAME=value; the environment comes first", func(name string) error {
		given[envFileFlag] = name
		return nil
	})
	return given
}

// placeholder returns what stands for a variable's value in help: the possible words,
// separated by |, or the kind of value.
func placeholder(v settings.Variable) string {
	if words := quotedWords(v.Kind); len(words) > 0 {
		return strings.Join(words, "|")
	}
	kind := strings.TrimPrefix(v.Kind, "list of ")
	kind, _, _ = strings.Cut(kind, ",")
	return kind
}

// quotedWords returns the parts of a text in backquotes.
func quotedWords(text string) (words []string) {
	for i, part := range strings.Split(text, "`") {
		if i%2 == 1 {
			words = append(words, part)
		}
	}
	return words
}

// over returns p with an environment in which flags replace variables.
func (f flagValues) over(p process) process {
	lookup := p.lookup
	p.lookup = func(name string) (string, bool) {
		if text, ok := f[name]; ok {
			return text, true
		}
		return lookup(name)
	}
	p.environ, p.envFile, p.from = slices.Clone(p.environ), f[envFileFlag], make(map[string]string)
	for name, text := range f {
		if name == envFileFlag {
			continue
		}
		p.from[name] = "flag"
		p.environ = append(p.environ, name+"="+text)
	}
	return p
}

// explain makes an error name the flag beside a variable that a flag has set.
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

// secretFor returns which variable to use in place of a flag that does not exist because
// its value would be a secret, or "".
func secretFor(name string) string {
	for _, v := range settings.Variables() {
		_, own, _ := strings.Cut(v.Name, "_")
		if v.Secret && name == strings.ToLower(strings.ReplaceAll(own, "_", "-")) {
			return "other users can read a command line: set " + v.Name
		}
	}
	return ""
}
