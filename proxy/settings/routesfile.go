package settings

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/clerkgate/clerkgate/proxy/routes"
)

// maxRoutesFile bounds a routes file, in bytes.
const maxRoutesFile = 1 << 20

// noUpstream is the CLERKGATE_UPSTREAM of a server that only answers gateways.
const noUpstream = "none"

// routesFile reads the file that CLERKGATE_CONFIG names; nil without one. Its
// problems are told by file and line.
func (l *loader) routesFile() *routes.Config {
	name := l.text(EnvConfig)
	if name == "" {
		return nil
	}
	data, err := readBounded(name, maxRoutesFile)
	if err != nil {
		l.problem(EnvConfig, err.Error(), "a routes file that can be read, such as clerkgate.yaml")
		return nil
	}
	cfg, err := routes.Parse(name, data)
	var invalid *routes.Error
	switch {
	case errors.As(err, &invalid):
		for _, p := range invalid.Problems {
			found := p.Found
			if p.Key != "" {
				found = p.Key + ": " + found
			}
			l.problem(fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column), found, p.Remedy)
		}
	case err != nil:
		l.problem(EnvConfig, err.Error(), "a routes file, such as clerkgate.yaml")
	}
	return cfg
}

func readBounded(name string, limit int64) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return data, err
}

// routesContradictions finds variables that say the same as a routes file, and
// routes that lead nowhere.
func (l *loader) routesContradictions(cfg *Config) {
	if l.text(EnvConfig) == "" {
		if l.text(EnvUpstream) == "" {
			l.problem(EnvUpstream, "nothing", expectedUpstream)
		}
		return
	}
	for _, name := range []string{EnvPolicy, EnvPublicPaths, EnvCSRF, EnvTrustedOrigins} {
		if l.text(name) != "" && !l.failed(name) {
			l.problem(name, "a value, while "+EnvConfig+" names a routes file", "nothing: the routes say it")
		}
	}
	if cfg.Routes == nil || l.text(EnvUpstream) != "" {
		return
	}
	for _, route := range cfg.Routes.Routes {
		if route.Upstream == "" {
			l.problem(EnvUpstream, fmt.Sprintf("nothing, while the route in line %d of %s names no upstream", route.Line, l.text(EnvConfig)),
				expectedUpstream+", or "+noUpstream+" when only gateways ask")
			return
		}
	}
}

const expectedUpstream = "where the application listens: http://127.0.0.1:3000, https://host or unix:/path/to.sock, without a path of its own"
