package serve

import (
	"crypto/tls"

	"github.com/clerkgate/clerkgate/internal/certificate"
)

// serverTLS is TLS 1.2 and newer with what crypto/tls thinks best. The protocols
// are added by net/http.
func serverTLS(pair *certificate.Pair) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.GetCertificate}
}
