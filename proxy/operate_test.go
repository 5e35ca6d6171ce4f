package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/certificatetest"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

const adminToken = "0123456789abcdef0123456789abcdef"

func TestAdminPages(t *testing.T) {
	t.Parallel()
	r := run(t, &received{}, func(c *settings.Config) { c.AdminToken = adminToken })
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/-/": 401, "/": 401} {
		status, _ := fetch(t, "http://"+r.Admin.String()+path)
		assert.Equal(t, want, status, path)
	}
	status, body := fetch(t, "http://"+r.Admin.String()+"/-/", "Authorization", "Bearer "+adminToken)
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, `"/readyz"`)
	status, _ = fetch(t, "http://"+r.Public.String()+"/-/", "Authorization", "Bearer "+adminToken)
	assert.Equal(t, http.StatusUnauthorized, status, "the public listener does not have them")
	r.stop()
	require.NoError(t, <-r.done)
}

func TestProbesAlone(t *testing.T) {
	t.Parallel()
	r := run(t, &received{}, func(c *settings.Config) { c.AdminPages, c.AdminListen = settings.AdminProbes, []string{":0"} })
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/-/": 404, "/metrics": 404} {
		status, _ := fetch(t, "http://127.0.0.1:"+port(t, r.Admin.String())+path)
		assert.Equal(t, want, status, path)
	}
	r.stop()
	require.NoError(t, <-r.done)
}

func TestAdminClientCertificates(t *testing.T) {
	t.Parallel()
	dir, authority, other := t.TempDir(), certificatetest.New(t), certificatetest.New(t)
	write := func(name string, data []byte) string {
		name = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(name, data, 0o600))
		return name
	}
	cert, key := authority.Issue(t, "clerkgate.internal")
	r := run(t, &received{}, func(c *settings.Config) {
		c.AdminListen, c.AdminClientCAFile = []string{"0.0.0.0:0"}, write("ca.pem", authority.PEM())
		c.TLSCertificateFile, c.TLSKeyFile = write("cert.pem", cert), write("key.pem", key)
	})
	ask := func(path string, by *certificatetest.Authority) (int, error) {
		config := &tls.Config{RootCAs: authority.Pool(), ServerName: "clerkgate.internal"}
		if by != nil {
			pair, err := tls.X509KeyPair(by.Issue(t, "operator"))
			require.NoError(t, err)
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		}
		transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://127.0.0.1:"+port(t, r.Admin.String())+path, nil)
		require.NoError(t, err)
		res, err := transport.RoundTrip(q)
		if err != nil {
			return 0, err
		}
		return res.StatusCode, res.Body.Close()
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/-/": 401} {
		status, err := ask(path, nil)
		require.NoError(t, err)
		assert.Equal(t, want, status, path)
	}
	status, err := ask("/-/", authority)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, status)
	_, err = ask("/-/", other)
	require.Error(t, err, "a certificate of another authority")
	assert.NotErrorAs(t, err, new(x509.UnknownAuthorityError), "it is the server that refuses")
	r.stop()
	require.NoError(t, <-r.done)
}

func port(t *testing.T, address string) string {
	t.Helper()
	_, p, err := net.SplitHostPort(address)
	require.NoError(t, err)
	return p
}
