package settings

import (
	"net"
	"net/netip"
	"strings"

	"github.com/clerkgate/clerkgate/internal/certificate"
	"github.com/clerkgate/clerkgate/internal/listen"
	"github.com/clerkgate/clerkgate/internal/problem"
)

// AdminPages says which pages the admin listener has.
type AdminPages string

const (
	// AdminAll are /healthz, /readyz, and those for operators, which [Config.AdminToken] or
	// [Config.AdminClientCAFile] protect where other machines can reach them. It is the
	// default.
	AdminAll AdminPages = "all"
	// AdminProbes are /healthz and /readyz alone.
	AdminProbes AdminPages = "probes"
)

// minAdminToken is how many characters a token must have: as many as 16 random bytes have in
// hexadecimal.
const minAdminToken = 32

// readAdminToken reads the token that operators send.
func readAdminToken(s string) (string, error) {
	odd := strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
	if odd || len(s) < minAdminToken {
		return "", &problem.Problem{
			Found: "a text that is too short, or has other characters than a header may have", Want: "at least 32 random characters",
			Remedy: "Make one with: openssl rand -hex 32",
		}
	}
	return s, nil
}

// adminTokenFile is a field for the token in the file that the variable names.
func adminTokenFile(p *string) value {
	return parsed(p, "file", "", isZero, func(name string) (string, error) {
		text, err := readSecretFile(name)
		if err != nil {
			return "", err
		}
		return readAdminToken(text)
	})
}

// LoadAdmin reads only the credentials and files that a program needs to call the admin
// listener of a clerkgate that runs with the same environment. The error is an [*Error].
func LoadAdmin(lookup func(string) (string, bool)) (Config, error) {
	l := &loader{lookup: lookup}
	l.read(EnvAdminToken, EnvAdminToken+fileSuffix, EnvAdminClientCAFile, EnvTLSCertFile, EnvTLSKeyFile)
	l.cfg = l.cfg.WithDefaults()
	if len(l.problems) > 0 {
		return Config{}, &Error{Problems: l.problems}
	}
	return l.cfg, nil
}

// admin checks the files of the admin listener, and its variables against each other.
func (l *loader) admin() {
	cfg := &l.cfg
	if cfg.AdminPages == AdminProbes {
		for _, name := range []string{EnvAdminToken, EnvAdminToken + fileSuffix, EnvAdminClientCAFile} {
			if l.given(name) && !l.failed(name) {
				l.problem(name, "a value, while "+EnvAdminPages+"="+string(AdminProbes)+" leaves nothing to protect", "nothing, or "+EnvAdminPages+"="+string(AdminAll))
			}
		}
	}
	if cfg.AdminClientCAFile == "" {
		return
	}
	if _, err := certificate.Authorities(cfg.AdminClientCAFile); err != nil {
		l.problems = append(l.problems, fileProblem(err, EnvAdminClientCAFile, ""))
	}
}

// adminProblems returns what leaves the admin listener without protection.
func (c *Config) adminProblems() (problems []Problem) {
	if _, err := readAdminToken(c.AdminToken); c.AdminToken != "" && err != nil {
		problems = append(problems, problem.At(EnvAdminToken, err))
	}
	if c.AdminClientCAFile != "" && c.TLSCertificateFile == "" {
		problems = append(problems, Problem{
			Where: EnvAdminClientCAFile, Found: "a file, without " + EnvTLSCertFile,
			Want: "nothing, or " + EnvTLSCertFile + " and " + EnvTLSKeyFile + " too, since client certificates need HTTPS",
		})
	}
	if c.AdminPages == AdminProbes || c.AdminToken != "" || c.AdminClientCAFile != "" {
		return problems
	}
	for _, address := range c.AdminListen {
		if isPrivate(address) {
			continue
		}
		return append(problems, Problem{
			Where: EnvAdminListen, Found: problem.Quote(address) + ", which other machines can reach, without " + EnvAdminToken,
			Want: "a loopback address such as 127.0.0.1:9090, a Unix socket, or a token in " + EnvAdminToken + " or " + EnvAdminToken + fileSuffix +
				" (or " + EnvAdminClientCAFile + ")",
			Remedy: "If the listener is for the probes of an orchestrator alone, set " + EnvAdminPages + "=" + string(AdminProbes) + ".",
		})
	}
	return problems
}

// isPrivate reports whether only this machine can reach an address. Where a socket of
// systemd listens is not known yet; package admin looks at each of its connections.
func isPrivate(text string) bool {
	at, err := listen.Parse(text)
	if err != nil || at.TCP == "" {
		return true
	}
	host, _, _ := net.SplitHostPort(at.TCP)
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}
