package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

// envFileFlag names a file of variables.
const envFileFlag = "env-file"

// maxEnvFile bounds a file of variables, in bytes.
const maxEnvFile = 1 << 20

// load reads the configuration, and the file of variables each time anew. What the
// environment and the command line say comes before what the file says.
func (p process) load() (settings.Config, []settings.Warning, error) {
	whole, err := p.withEnvFile()
	if err != nil {
		return settings.Config{}, nil, err
	}
	cfg, warnings, err := settings.Load(whole.lookup, whole.environ)
	for name, source := range cfg.Sources {
		if source.From = whole.from[name]; source.From != "" {
			cfg.Sources[name] = source
		}
	}
	return cfg, warnings, err
}

// withEnvFile is p with the variables of its file behind its environment.
func (p process) withEnvFile() (process, error) {
	if p.envFile == "" {
		return p, nil
	}
	variables, err := readEnvFile(p.envFile)
	if err != nil {
		return p, settings.NewError(dashed(envFileFlag), err)
	}
	lookup := p.lookup
	p.lookup = func(name string) (string, bool) {
		if text, ok := lookup(name); ok && strings.TrimSpace(text) != "" {
			return text, true
		}
		text, ok := variables[name]
		return text, ok
	}
	p.environ, p.from = slices.Clone(p.environ), maps.Clone(p.from)
	if p.from == nil {
		p.from = make(map[string]string)
	}
	for name, text := range variables {
		if given, _ := lookup(name); strings.TrimSpace(given) == "" {
			p.from[name] = p.envFile
		}
		if _, ok := lookup(name); !ok {
			p.environ = append(p.environ, name+"="+text)
		}
	}
	return p, nil
}

// readEnvFile reads lines of NAME=value. Empty lines and those that begin with # are
// skipped; "export" before a name and quotation marks around a value are taken off.
// Errors show nothing of a value.
func readEnvFile(name string) (map[string]string, error) {
	file, err := os.Open(name) //nolint:gosec // the command line names it
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read from
	data, err := io.ReadAll(io.LimitReader(file, maxEnvFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxEnvFile:
		return nil, fmt.Errorf("%s is larger than %d bytes", name, maxEnvFile)
	}
	variables := make(map[string]string)
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || !isVariableName(key) {
			return nil, fmt.Errorf("%s:%d is not NAME=value", name, number)
		}
		if _, twice := variables[key]; twice {
			return nil, fmt.Errorf("%s:%d sets %s a second time", name, number, key)
		}
		if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		variables[key] = value
	}
	return variables, nil
}

func isVariableName(s string) bool {
	return s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == ""
}
