package routes

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/clerkgate/clerkgate/internal/crossorigin"
	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/internal/wire"
)

const (
	maxRoutes    = 1000
	maxUpstreams = 200
)

// Parse reads a routes file, data. name is the file's name, for errors; names of files in
// the routes file are relative to its directory. Parse does not read other files. The error
// is an [*Error] with every problem. For a file without problems, [NewTable] returns no
// error.
func Parse(name string, data []byte) (*Config, error) {
	p := &parser{file: name, dir: filepath.Dir(name)}
	root := p.document(data)
	if root == nil {
		return nil, p.report()
	}
	cfg := &Config{}
	file := value{p, root, ""}
	fields := readMapping(file, fileKeys(), cfg)
	if _, present := fields["routes"]; !present && root.Kind == yaml.MappingNode {
		file.problem("no routes", "routes: and below it a list; what no route matches gets 404", "")
	}
	p.compare(cfg, fields)
	if err := p.report(); err != nil {
		return nil, err
	}
	return cfg, nil
}

// ReadFile opens a routes file and parses it. An error that is not an [*Error] says why the
// file could not be read.
func ReadFile(name string) (*Config, error) {
	file, err := os.Open(name) //nolint:gosec // the configuration names it
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	return Parse(name, data)
}

func fileKeys() []key[Config] {
	return []key[Config]{
		{
			name: "upstreams", read: func(v value, c *Config) { c.Upstreams = v.p.upstreams(v) }, unset: "every route leads to `CLERKGATE_UPSTREAM`",
			help: "The applications, by name; each is a URL, or a mapping for more. With it every route names one.",
		},
		{
			name: "assertion", read: func(v value, c *Config) { c.Assertion = v.assertion() }, unset: "none are signed",
			help: "How clerkgate signs what it tells an application in `X-Clerk-Assertion`.",
		},
		{
			name: "routes", read: func(v value, c *Config) { c.Routes = v.p.routes(v) }, required: true,
			help: "Tried in order; the first match wins. What no route matches gets 404.",
		},
	}
}

func (v value) assertion() *Assertion {
	a := &Assertion{}
	f := readMapping(v, assertionKeys(), a)
	if _, present := f["key_files"]; !present && v.node.Kind == yaml.MappingNode {
		v.problem("an assertion without key_files", "key_files: and the names of files with private keys; the first signs", "")
	}
	return a
}

func assertionKeys() []key[Assertion] {
	return []key[Assertion]{
		{
			name: "key_files", required: true, help: "PEM files of private keys: the first signs, all are published. Relative names count from this file's directory.",
			read: func(v value, a *Assertion) {
				a.KeyFiles = v.texts("files with private keys", func(v value) (string, bool) {
					name := v.path()
					return name, name != ""
				})
			},
		},
		{
			name: "issuer", help: "The claim `iss`, an http or https URL.",
			read: func(v value, a *Assertion) {
				a.Issuer, _ = v.matched("an http or https URL, such as https://app.example.com", isIssuer)
			},
		},
		{
			name: "lifetime", read: func(v value, a *Assertion) { a.Lifetime = v.duration(time.Second, time.Hour) },
			help: "How long an assertion holds, from `1s` to `1h`.",
		},
	}
}

func isIssuer(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

// isName reports whether s can be the name of an upstream.
func isName(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
}

// origins reads origins as browsers write them.
func (v value) origins(wildcard bool) []string {
	return v.texts("origins, such as https://app.example.com", func(v value) (string, bool) {
		s, ok := v.text("an origin, such as https://app.example.com")
		if !ok || wildcard && s == "*" {
			return s, ok
		}
		o, err := crossorigin.Parse(s)
		if err != nil {
			v.report(problem.At(v.key, err))
		}
		return o, err == nil
	})
}

// headerNames reads names of headers in canonical spelling.
func (v value) headerNames(wildcard bool) []string {
	return v.texts("headers", func(v value) (string, bool) {
		s, ok := v.matched("the name of a header", func(s string) bool { return wire.IsToken(s) && (wildcard || s != "*") })
		return http.CanonicalHeaderKey(s), ok
	})
}

// methodNames reads request methods.
func (v value) methodNames() []string {
	return v.texts("methods", func(v value) (string, bool) {
		s, ok := v.text("a method, such as GET")
		if !ok || slices.Contains(methods(), s) {
			return s, ok
		}
		switch upper := strings.ToUpper(s); {
		case upper == http.MethodConnect, upper == http.MethodTrace:
			v.problem(upper, "", "Take it out: it is refused on every route.")
		case slices.Contains(methods(), upper):
			v.problem(quote(s)+" in small letters", upper, "")
		default:
			v.problem(quote(s), "one of "+strings.Join(methods(), ", "), suggestion(s, methods()))
		}
		return "", false
	})
}
