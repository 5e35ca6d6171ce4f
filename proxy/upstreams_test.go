package proxy

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/certificatetest"
	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// upstreamKind is one way to reach an application.
type upstreamKind struct {
	name string
	// serve starts app and returns what makes a Config lead there.
	serve func(t testing.TB, app http.Handler) func(*settings.Config)
	major int // the version of HTTP in which app is asked
}

// upstreamKinds are all the ways, those of both transports included.
func upstreamKinds() []upstreamKind {
	return []upstreamKind{
		{"http1", overTCP(settings.TransportStandard), 1},
		{"http1, direct", overTCP(settings.TransportDirect), 1},
		{"unix", overUnix(settings.TransportStandard), 1},
		{"unix, direct", overUnix(settings.TransportDirect), 1},
		{"h2c", overH2C, 2},
		{"TLS", overTLS(routes.ProtocolAuto), 2},
		{"TLS, http1", overTLS(routes.ProtocolHTTP1), 1},
		{"TLS, http2", overTLS(routes.ProtocolHTTP2), 2},
	}
}

func serveApp(t testing.TB, app http.Handler, change func(*httptest.Server)) *url.URL {
	t.Helper()
	server := httptest.NewUnstartedServer(app)
	if change != nil {
		change(server)
	}
	if server.TLS != nil {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	return u
}

func overTCP(transport settings.UpstreamTransport) func(testing.TB, http.Handler) func(*settings.Config) {
	return func(t testing.TB, app http.Handler) func(*settings.Config) {
		target := serveApp(t, app, nil)
		return func(c *settings.Config) { c.Upstream, c.UpstreamTransport = target, transport }
	}
}

func overUnix(transport settings.UpstreamTransport) func(testing.TB, http.Handler) func(*settings.Config) {
	return func(t testing.TB, app http.Handler) func(*settings.Config) {
		path := filepath.Join(t.TempDir(), "app.sock")
		l, err := net.Listen("unix", path)
		require.NoError(t, err)
		serveApp(t, app, func(s *httptest.Server) {
			require.NoError(t, s.Listener.Close())
			s.Listener = l
		})
		return func(c *settings.Config) {
			c.Upstream, c.UpstreamTransport = &url.URL{Scheme: "unix", Path: path}, transport
		}
	}
}

func overH2C(t testing.TB, app http.Handler) func(*settings.Config) {
	target := serveApp(t, app, func(s *httptest.Server) {
		s.Config.Protocols = &http.Protocols{}
		s.Config.Protocols.SetHTTP1(true) // for WebSockets
		s.Config.Protocols.SetUnencryptedHTTP2(true)
	})
	return func(c *settings.Config) { c.Upstream, c.UpstreamSettings.Protocol = target, routes.ProtocolH2C }
}

// overTLS has an authority of its own, a name of its own, and asks for a client
// certificate.
func overTLS(protocol routes.Protocol) func(testing.TB, http.Handler) func(*settings.Config) {
	return func(t testing.TB, app http.Handler) func(*settings.Config) {
		authority, dir := certificatetest.New(t), t.TempDir()
		caFile := filepath.Join(dir, "ca.pem")
		require.NoError(t, os.WriteFile(caFile, authority.PEM(), 0o600))
		certFile, keyFile := issued(t, authority, dir, "clerkgate")
		cert, key := authority.Issue(t, "app.internal")
		pair, err := tls.X509KeyPair(cert, key)
		require.NoError(t, err)
		target := serveApp(t, app, func(s *httptest.Server) {
			s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority.Pool()}
			s.EnableHTTP2 = true
		})
		return func(c *settings.Config) {
			c.Upstream = target
			c.UpstreamSettings = routes.Upstream{
				Protocol: protocol, CAFile: caFile, CertificateFile: certFile, KeyFile: keyFile, ServerName: "app.internal",
			}
		}
	}
}

// clientKinds are the ways in which a client may speak to a server with H2C.
func clientKinds(t testing.TB) map[string]*http.Client {
	return map[string]*http.Client{
		"HTTP/1.1": over(t, nil, func(p *http.Protocols) { p.SetHTTP1(true) }),
		"HTTP/2":   over(t, nil, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }),
	}
}
