package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/certificatetest"
	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// An upstream whose certificate is not the one that is asked for is not reached:
// a request with a person's session in it would go to somebody else.
func TestUpstreamMustBeWhoItShouldBe(t *testing.T) {
	t.Parallel()
	authority, stranger, dir := certificatetest.New(t), certificatetest.New(t), t.TempDir()
	app := &received{}
	cert, key := authority.Issue(t, "app.internal")
	pair, err := tls.X509KeyPair(cert, key)
	require.NoError(t, err)
	target := serveApp(t, app, func(s *httptest.Server) {
		s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: authority.Pool()}
	})
	caFile, otherCA := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "other.pem")
	require.NoError(t, os.WriteFile(caFile, authority.PEM(), 0o600))
	require.NoError(t, os.WriteFile(otherCA, stranger.PEM(), 0o600))
	certFile, keyFile := issued(t, authority, t.TempDir(), "clerkgate")
	strangeCert, strangeKey := issued(t, stranger, t.TempDir(), "clerkgate")

	for name, test := range map[string]struct {
		settings routes.Upstream
		want     int
	}{
		"as it should be":        {routes.Upstream{CAFile: caFile, CertificateFile: certFile, KeyFile: keyFile, ServerName: "app.internal"}, 200},
		"the system's":           {routes.Upstream{CertificateFile: certFile, KeyFile: keyFile}, 502},
		"another authority":      {routes.Upstream{CAFile: otherCA, CertificateFile: certFile, KeyFile: keyFile}, 502},
		"another name":           {routes.Upstream{CAFile: caFile, CertificateFile: certFile, KeyFile: keyFile, ServerName: "other.internal"}, 502},
		"no client certificate":  {routes.Upstream{CAFile: caFile}, 502},
		"a strange certificate":  {routes.Upstream{CAFile: caFile, CertificateFile: strangeCert, KeyFile: strangeKey}, 502},
		"TLS spoken, h2 refused": {routes.Upstream{CAFile: caFile, CertificateFile: certFile, KeyFile: keyFile, Protocol: routes.ProtocolHTTP2}, 502},
	} {
		t.Run(name, func(t *testing.T) {
			before := app.count()
			s := start(t, app, func(c *settings.Config) { optional(c); c.Upstream, c.UpstreamSettings = target, test.settings })
			res, body := s.get(t, "/", "Accept", "text/html")
			assert.Equal(t, test.want, res.StatusCode, body)
			if test.want == 502 {
				assert.Equal(t, before, app.count())
				assert.Contains(t, body, "could not be reached")
				assert.NotContains(t, body, "internal", "strangers learn nothing of the inside")
			}
		})
	}
}

// A body that stalls on its way to the upstream, or is malformed, is its client's fault:
// 408 and 400, not 504 and 502.
func TestBrokenUploadIsTheClients(t *testing.T) {
	t.Parallel()
	const stalled, malformed = "Content-Length: 10\r\n\r\n123", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n"
	for _, kind := range upstreamKinds() {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			change := kind.serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
			r := run(t, http.NotFoundHandler(), func(c *settings.Config) {
				change(c)
				productionInstance(t, c)
				c.Limits.BodyIdleTimeout = 50 * time.Millisecond
			})
			for upload, want := range map[string]struct {
				status int
				code   string
			}{stalled: {http.StatusRequestTimeout, "request_timeout"}, malformed: {http.StatusBadRequest, "request_malformed"}} {
				conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", r.Public.String())
				require.NoError(t, err)
				defer conn.Close()
				_, err = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: app.example.com\r\nAuthorization: Bearer "+sessionToken(t, nil)+"\r\n"+upload)
				require.NoError(t, err)
				reader := bufio.NewReader(conn)
				res, err := http.ReadResponse(reader, nil)
				require.NoError(t, err)
				body, err := io.ReadAll(res.Body)
				require.NoError(t, err)
				assert.Equal(t, want.status, res.StatusCode, string(body))
				assert.Contains(t, string(body), want.code)
				_, err = reader.ReadByte()
				assert.Equal(t, io.EOF, err, "and the connection ends")
			}
			r.stop()
			require.NoError(t, <-r.done)
		})
	}
}
