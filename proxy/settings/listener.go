package settings

import (
	"strconv"
	"strings"

	"github.com/clerkgate/clerkgate/internal/certificate"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// UpstreamTransport is an implementation of HTTP/1.1 without TLS, towards the
// upstreams.
type UpstreamTransport string

const (
	// TransportDirect does its work in the goroutine of the request.
	TransportDirect UpstreamTransport = "direct"
	// TransportStandard is [net/http.Transport].
	TransportStandard UpstreamTransport = "standard"
)

// Bounds of what may be configured: more is a slip of the finger.
const (
	minHeaderBytes = 4 << 10
	maxHeaderBytes = 16 << 20
	maxBodyBytes   = 1 << 50
	maxConnections = 10_000_000
	maxStreams     = 100_000
)

func (l *loader) limits() Limits {
	return Limits{
		ReadHeaderTimeout: l.duration(EnvReadHeaderTimeout),
		BodyIdleTimeout:   l.duration(EnvBodyIdleTimeout),
		IdleTimeout:       l.duration(EnvIdleTimeout),
		MaxHeaderBytes:    int(l.bytes(EnvMaxHeaderBytes, minHeaderBytes, maxHeaderBytes)),
		MaxBodyBytes:      l.bytes(EnvMaxBodyBytes, 1, maxBodyBytes),
		MaxConnections:    l.number(EnvMaxConnections, maxConnections),
		MaxStreams:        l.number(EnvMaxStreams, maxStreams),
	}
}

func (l *loader) upstreamSettings() routes.Upstream {
	return routes.Upstream{
		Protocol: routes.Protocol(l.optional(EnvUpstreamProtocol,
			string(routes.ProtocolHTTP1), string(routes.ProtocolHTTP2), string(routes.ProtocolH2C))),
		CAFile:          l.text(EnvUpstreamCAFile),
		CertificateFile: l.text(EnvUpstreamCertFile),
		KeyFile:         l.text(EnvUpstreamKeyFile),
		ServerName:      l.text(EnvUpstreamServerName),
		ConnectTimeout:  l.duration(EnvConnectTimeout),
	}
}

func (l *loader) upstreamTransport() UpstreamTransport {
	return UpstreamTransport(l.choice(EnvUpstreamTransport, string(TransportDirect), string(TransportStandard)))
}

// optional is a choice that may be left out.
func (l *loader) optional(name string, allowed ...string) string {
	if l.text(name) == "" {
		return ""
	}
	return l.choice(name, allowed...)
}

// number returns 0 when the variable is not set.
func (l *loader) number(name string, most int) int {
	value := l.text(name)
	if value == "" {
		return 0
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > most {
		l.problem(name, quote(value), "a number from 1 to "+strconv.Itoa(most))
		return 0
	}
	return n
}

// bytes reads a size such as 65536, 64KiB or 10MiB; 0 when it is not set.
func (l *loader) bytes(name string, least, most int64) int64 {
	value := l.text(name)
	if value == "" {
		return 0
	}
	digits, unit := value, int64(1)
	for suffix, size := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if rest, ok := strings.CutSuffix(value, suffix); ok {
			digits, unit = strings.TrimSpace(rest), size
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 1 || n > most/unit || n*unit < least {
		l.problem(name, quote(value), "a size from "+strconv.FormatInt(least, 10)+" bytes, such as 64KiB or 10MiB")
		return 0
	}
	return n * unit
}

// files looks at the files that the environment names, and at what they are for:
// what is found now is not found by the first request.
func (l *loader) files(cfg *Config) {
	l.pair(cfg.TLSCertificateFile, cfg.TLSKeyFile, EnvTLSCertFile, EnvTLSKeyFile)
	if cfg.H2C && cfg.TLSCertificateFile != "" {
		l.problem(EnvH2C, "true, while "+EnvTLSCertFile+" makes it HTTPS", "nothing: HTTP/2 is negotiated over TLS")
	}
	if cfg.Upstream == nil {
		return
	}
	up := cfg.upstreamSettings()
	if _, err := up.Protocol.Versions(cfg.Upstream.Scheme == "https"); err != nil && !l.failed(EnvUpstreamProtocol) {
		l.problem(EnvUpstreamProtocol, quote(string(up.Protocol)), "another protocol, or another URL: "+err.Error())
	}
	if cfg.Upstream.Scheme != "https" {
		for _, name := range []string{EnvUpstreamCAFile, EnvUpstreamCertFile, EnvUpstreamKeyFile, EnvUpstreamServerName} {
			if l.text(name) != "" {
				l.problem(name, "a value, while "+EnvUpstream+" is spoken to without TLS", "nothing, or an https URL in "+EnvUpstream)
			}
		}
		return
	}
	if up.CAFile != "" {
		if _, err := certificate.Authorities(up.CAFile); err != nil {
			l.problems = append(l.problems, fileProblem(err, EnvUpstreamCAFile, ""))
		}
	}
	l.pair(up.CertificateFile, up.KeyFile, EnvUpstreamCertFile, EnvUpstreamKeyFile)
}

// pair checks a certificate and its key: both or none, and of each other.
func (l *loader) pair(certFile, keyFile, certVariable, keyVariable string) {
	switch {
	case certFile == "" && keyFile == "":
	case certFile == "":
		l.problem(certVariable, "nothing, beside "+keyVariable, "the file of the certificate that the key belongs to, in PEM")
	case keyFile == "":
		l.problem(keyVariable, "nothing, beside "+certVariable, "the file of the certificate's private key, in PEM")
	default:
		if _, err := certificate.Load(certificate.Options{CertificateFile: certFile, KeyFile: keyFile}); err != nil {
			l.problems = append(l.problems, fileProblem(err, certVariable, keyVariable))
		}
	}
}
