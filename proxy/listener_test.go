package proxy

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/clerkgate/clerkgate/internal/test/certificatetest"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// issued writes a pair for name into dir, in place of the one that may be there.
func issued(t testing.TB, authority *certificatetest.Authority, dir, name string) (certFile, keyFile string) {
	t.Helper()
	cert, key := authority.Issue(t, name)
	certFile, keyFile = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	require.NoError(t, os.WriteFile(certFile, cert, 0o600))
	require.NoError(t, os.WriteFile(keyFile, key, 0o600))
	return certFile, keyFile
}

// over makes a client for a server behind authority that speaks as protocols say.
func over(t testing.TB, authority *certificatetest.Authority, set func(*http.Protocols)) *http.Client {
	t.Helper()
	transport := &http.Transport{Protocols: &http.Protocols{}}
	set(transport.Protocols)
	if authority != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: authority.Pool()}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// visit sends a signed-in GET.
func visit(t testing.TB, client *http.Client, url string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+sessionToken(t, nil))
	res, err := client.Do(r)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res
}

func TestTLSWithReload(t *testing.T) {
	t.Parallel()
	authority, dir := certificatetest.New(t), t.TempDir()
	certFile, keyFile := issued(t, authority, dir, "one")
	var now atomic.Int64
	now.Store(time.Now().UnixNano())
	app := &received{}
	r := run(t, app, func(c *settings.Config) {
		c.TLSCertificateFile, c.TLSKeyFile = certFile, keyFile
		c.Auth.Now = func() time.Time { return time.Unix(0, now.Load()) }
	})
	address := "https://" + r.Public.String()
	presented := func() string {
		res := visit(t, over(t, authority, func(p *http.Protocols) { p.SetHTTP1(true) }), address)
		assert.Equal(t, http.StatusOK, res.StatusCode)
		return res.TLS.PeerCertificates[0].Subject.CommonName
	}
	assert.Equal(t, "one", presented())
	h2 := over(t, authority, func(p *http.Protocols) { p.SetHTTP2(true) })
	res := visit(t, h2, address)
	assert.Equal(t, 2, res.ProtoMajor)
	assert.GreaterOrEqual(t, res.TLS.Version, uint16(tls.VersionTLS12))
	assert.Equal(t, "https", app.last(t).Header.Get("X-Forwarded-Proto"))

	issued(t, authority, dir, "two")
	now.Add(int64(2 * time.Second))
	assert.Equal(t, "two", presented(), "no restart, no signal")
	assert.Equal(t, "one", visit(t, h2, address).TLS.PeerCertificates[0].Subject.CommonName, "connections go on")

	require.NoError(t, os.WriteFile(certFile, []byte("half a ce"), 0o600))
	now.Add(int64(2 * time.Second))
	assert.Equal(t, "two", presented(), "a bad pair changes nothing")

	conn, err := (&tls.Dialer{Config: &tls.Config{RootCAs: authority.Pool(), MaxVersion: tls.VersionTLS11}}).DialContext(t.Context(), "tcp", r.Public.String())
	if !assert.Error(t, err, "TLS 1.1") {
		_ = conn.Close()
	}
	r.stop()
	require.NoError(t, <-r.done)
}

func TestTLSFilesAreCheckedAtTheStart(t *testing.T) {
	t.Parallel()
	authority, dir := certificatetest.New(t), t.TempDir()
	certFile, keyFile := issued(t, authority, dir, "one")
	_, otherKey := issued(t, authority, t.TempDir(), "two")
	secure := "https://127.0.0.1:1"
	tests := map[string]struct {
		env            map[string]string
		variable       string
		found, expects string
	}{
		"missing":   {map[string]string{settings.EnvTLSCertFile: certFile + "x", settings.EnvTLSKeyFile: keyFile}, settings.EnvTLSCertFile, certFile + "x: no such file", "a file that exists"},
		"swapped":   {map[string]string{settings.EnvTLSCertFile: keyFile, settings.EnvTLSKeyFile: certFile}, settings.EnvTLSCertFile, keyFile + ": holds no certificate", "BEGIN CERTIFICATE"},
		"other":     {map[string]string{settings.EnvTLSCertFile: certFile, settings.EnvTLSKeyFile: otherKey}, settings.EnvTLSKeyFile, otherKey + ": holds the key of another", "private key"},
		"half":      {map[string]string{settings.EnvTLSCertFile: certFile}, settings.EnvTLSKeyFile, "nothing, beside CLERKGATE_TLS_CERT_FILE", "private key"},
		"half 2":    {map[string]string{settings.EnvTLSKeyFile: keyFile}, settings.EnvTLSCertFile, "nothing, beside CLERKGATE_TLS_KEY_FILE", "certificate"},
		"h2c":       {map[string]string{settings.EnvTLSCertFile: certFile, settings.EnvTLSKeyFile: keyFile, settings.EnvH2C: "true"}, settings.EnvH2C, "makes it HTTPS", "nothing"},
		"authority": {map[string]string{settings.EnvUpstream: secure, settings.EnvUpstreamCAFile: keyFile}, settings.EnvUpstreamCAFile, "holds no certificate", "in PEM"},
		"client":    {map[string]string{settings.EnvUpstream: secure, settings.EnvUpstreamCertFile: certFile, settings.EnvUpstreamKeyFile: otherKey}, settings.EnvUpstreamKeyFile, "another certificate", "private key"},
		"no TLS":    {map[string]string{settings.EnvUpstreamServerName: "app"}, settings.EnvUpstreamServerName, "without TLS", "an https URL"},
		"h2c, TLS":  {map[string]string{settings.EnvUpstream: secure, settings.EnvUpstreamProtocol: "h2c"}, settings.EnvUpstreamProtocol, `"h2c"`, "without TLS"},
		"http2":     {map[string]string{settings.EnvUpstreamProtocol: "http2"}, settings.EnvUpstreamProtocol, `"http2"`, "needs TLS"},
		"protocol":  {map[string]string{settings.EnvUpstreamProtocol: "spdy"}, settings.EnvUpstreamProtocol, `"spdy"`, "http1, http2 or h2c"},
		"size":      {map[string]string{"CLERKGATE_MAX_BODY_BYTES": "10MB"}, "CLERKGATE_MAX_BODY_BYTES", `"10MB"`, "10MiB"},
		"small":     {map[string]string{"CLERKGATE_MAX_HEADER_BYTES": "1"}, "CLERKGATE_MAX_HEADER_BYTES", `"1"`, "4096"},
		"large":     {map[string]string{"CLERKGATE_MAX_HEADER_BYTES": "9999999999GiB"}, "CLERKGATE_MAX_HEADER_BYTES", "GiB", "64KiB"},
		"streams":   {map[string]string{"CLERKGATE_MAX_STREAMS": "0"}, "CLERKGATE_MAX_STREAMS", `"0"`, "from 1"},
		"timeout":   {map[string]string{"CLERKGATE_IDLE_TIMEOUT": "5"}, "CLERKGATE_IDLE_TIMEOUT", `"5"`, "5s"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := load(environment(test.env))
			found := problems(t, err)
			require.Contains(t, found, test.variable)
			assert.Contains(t, found[test.variable].Found, test.found)
			assert.Contains(t, found[test.variable].Want, test.expects)
			assert.Len(t, found, 1)
		})
	}

	// A Config made by hand meets the same at the start.
	cfg, _, err := load(environment(map[string]string{settings.EnvListen: "127.0.0.1:0", settings.EnvAdminListen: "127.0.0.1:0", "CLERK_JWT_KEY": testPEM(t)}))
	require.NoError(t, err)
	cfg.TLSCertificateFile, cfg.TLSKeyFile = certFile, otherKey
	assert.Contains(t, problems(t, Run(t.Context(), cfg, RunOptions{})), settings.EnvTLSKeyFile)
}

// HTTP/2 without TLS begins with its preface or not at all.
func TestH2CByPriorKnowledgeAlone(t *testing.T) {
	t.Parallel()
	app := &received{}
	for name, h2c := range map[string]bool{"on": true, "off": false} {
		t.Run(name, func(t *testing.T) {
			r := run(t, app, func(c *settings.Config) { c.H2C, c.Policy = h2c, settings.PolicyOptional })
			for _, headers := range []string{
				"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
				"Connection: Upgrade\r\nUpgrade: h2c\r\n",
			} {
				conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", r.Public.String())
				require.NoError(t, err)
				_, err = io.WriteString(conn, "GET /x HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n"+headers+"\r\n")
				require.NoError(t, err)
				all, err := io.ReadAll(conn)
				require.NoError(t, err)
				assert.Contains(t, string(all), "HTTP/1.1 200 OK")
				assert.NotContains(t, string(all), "HTTP/1.1 101")
				assert.Empty(t, app.last(t).Header["Upgrade"])
				require.NoError(t, conn.Close())
			}
			if !h2c {
				conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", r.Public.String())
				require.NoError(t, err)
				defer conn.Close()
				_, err = io.WriteString(conn, http2.ClientPreface)
				require.NoError(t, err)
				start := make([]byte, 12)
				_, err = io.ReadFull(conn, start)
				require.NoError(t, err)
				assert.Equal(t, "HTTP/1.1 400", string(start))
				return
			}
			client := over(t, nil, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) })
			assert.Equal(t, 2, visit(t, client, "http://"+r.Public.String()).ProtoMajor)
			r.stop()
			require.NoError(t, <-r.done)
		})
	}
}
