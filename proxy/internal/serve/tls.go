package serve

import (
	"crypto/tls"

	"github.com/clerkgate/clerkgate/internal/certificate"
)

// serverTLS allows TLS 1.2 and newer, with the defaults of crypto/tls. net/http adds the
// protocols.
func serverTLS(pair *certificate.Pair) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.GetCertificate}
}
