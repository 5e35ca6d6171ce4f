package proxy

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"time"

	"github.com/clerkgate/clerkgate/internal/certificate"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// loadTLS reads the pair that the public listener speaks TLS with; nil when it
// does not.
func loadTLS(cfg Config, now func() time.Time, logger *slog.Logger) (*certificate.Pair, error) {
	if cfg.TLSCertificateFile == "" && cfg.TLSKeyFile == "" {
		return nil, nil
	}
	pair, err := certificate.Load(certificate.Options{
		CertificateFile: cfg.TLSCertificateFile, KeyFile: cfg.TLSKeyFile, Now: now, Logger: logger,
	})
	if err != nil {
		return nil, &ConfigError{Problems: []Problem{fileProblem(err, envTLSCertFile, envTLSKeyFile)}}
	}
	return pair, nil
}

// serverTLS is TLS 1.2 and newer with what crypto/tls thinks best. The protocols
// are added by net/http.
func serverTLS(pair *certificate.Pair) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.GetCertificate}
}

// fileProblem says which of two variables names the file that err is about.
func fileProblem(err error, certVariable, keyVariable string) Problem {
	problem := Problem{Variable: certVariable, Found: err.Error(), Expected: "a certificate and its key, in PEM"}
	var file *certificate.Error
	if errors.As(err, &file) {
		problem.Expected = file.Remedy()
		if file.Key {
			problem.Variable = keyVariable
		}
	}
	return problem
}

// upstreamProblem says which setting of an upstream err is about; the upstream
// without a name is the environment's.
func upstreamProblem(name string, up routes.Upstream, err error) error {
	problem := Problem{Variable: envUpstreamProtocol, Found: err.Error()}
	if file := (*certificate.Error)(nil); errors.As(err, &file) {
		problem.Expected = file.Remedy()
		switch file.File {
		case up.CAFile:
			problem.Variable = envUpstreamCAFile
		case up.CertificateFile:
			problem.Variable = envUpstreamCertFile
		default:
			problem.Variable = envUpstreamKeyFile
		}
	}
	if name != "" {
		problem.Variable = "upstreams." + name
	}
	return &ConfigError{Problems: []Problem{problem}}
}
