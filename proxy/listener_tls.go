package proxy

import (
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/clerkgate/clerkgate/internal/certificate"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// loadTLS reads the pair that the public listener speaks TLS with; nil when it
// does not.
func loadTLS(cfg settings.Config, now func() time.Time, logger *slog.Logger) (*certificate.Pair, error) {
	if cfg.TLSCertificateFile == "" && cfg.TLSKeyFile == "" {
		return nil, nil
	}
	pair, err := certificate.Load(certificate.Options{
		CertificateFile: cfg.TLSCertificateFile, KeyFile: cfg.TLSKeyFile, Now: now, Logger: logger,
	})
	if err != nil {
		return nil, settings.TLSError(err)
	}
	return pair, nil
}

// serverTLS is TLS 1.2 and newer with what crypto/tls thinks best. The protocols
// are added by net/http.
func serverTLS(pair *certificate.Pair) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.GetCertificate}
}
