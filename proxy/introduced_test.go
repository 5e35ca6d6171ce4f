package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/test/certificatetest"
	"github.com/clerkgate/clerkgate/internal/test/kit"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

const (
	signatureV2 = "\r\n\r\n\x00\r\nQUIT\n"
	// of 203.0.113.7:4000 to 192.0.2.1:80, over TCP and IPv4
	addressesV2 = "\x11\x00\x0c\xcb\x00\x71\x07\xc0\x00\x02\x01\x0f\xa0\x00\x50"
	introduced  = "PROXY TCP4 203.0.113.7 192.0.2.1 4000 80\r\n"
)

// trusting has 127.0.0.1 introduce clients, in front of an application without a policy.
func trusting(peers ...string) func(*settings.Config) {
	return func(c *settings.Config) {
		c.Policy, c.ProxyProtocol = settings.PolicyOptional, true
		for _, peer := range peers {
			c.Auth.TrustedProxies = append(c.Auth.TrustedProxies, netip.MustParsePrefix(peer))
		}
	}
}

// says sends text and a request behind it; the answer is nil when the connection is closed.
func says(t *testing.T, conn net.Conn, text string) *http.Response {
	t.Helper()
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err := io.WriteString(conn, text+"GET / HTTP/1.1\r\nHost: app.example.com\r\nX-Forwarded-For: 198.51.100.9\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n")
	require.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res
}

func TestProxyProtocol(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		header string
		status int // 0 for none
		client string
		proto  string
		logged string
	}{
		"version 1":          {introduced, 200, "203.0.113.7", "http", ""},
		"version 1, IPv6":    {"PROXY TCP6 2001:db8::7 2001:db8::1 4000 80\r\n", 200, "2001:db8::7", "http", ""},
		"version 2":          {signatureV2 + "\x21" + addressesV2, 200, "203.0.113.7", "http", ""},
		"version 2, local":   {signatureV2 + "\x20\x00\x00\x00", 200, "198.51.100.9, 127.0.0.1", "https", ""}, // the proxy itself is trusted
		"nobody, version 1":  {"PROXY UNKNOWN\r\n", 200, "", "http", ""},
		"nobody, version 2":  {signatureV2 + "\x21\x00\x00\x00", 0, "", "", "PROXY header"},
		"no header":          {"", 0, "", "", "signature not present"},
		"half a header":      {"PROXY TCP4 203.0.113.7\r\n", 0, "", "", "PROXY header"},
		"a header for later": {introduced + introduced, 400, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app, log := &received{}, &kit.Buffer{}
			r := runWith(t, app, RunOptions{Logger: slog.New(slog.NewTextHandler(log, nil))}, trusting("127.0.0.0/8"))
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", r.Public.String())
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			res := says(t, conn, test.header)
			if test.status == 0 {
				assert.Nil(t, res)
				assert.Contains(t, log.String(), test.logged)
			} else if assert.NotNil(t, res) {
				assert.Equal(t, test.status, res.StatusCode)
			}
			if test.status != 200 {
				assert.Zero(t, app.count())
				return
			}
			assert.Equal(t, test.client, app.last(t).Header.Get("X-Forwarded-For"))
			assert.Equal(t, test.proto, app.last(t).Header.Get("X-Forwarded-Proto"), "an introduced client is not trusted")
		})
	}
}

// Peers that are not trusted are served, but cannot introduce clients.
func TestProxyProtocolOfOthers(t *testing.T) {
	t.Parallel()
	app := &received{}
	r := runWith(t, app, RunOptions{}, trusting("10.0.0.0/8"))
	for header, want := range map[string]int{"": 200, introduced: 400, signatureV2 + "\x21" + addressesV2: 400} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", r.Public.String())
		require.NoError(t, err)
		res := says(t, conn, header)
		require.NotNil(t, res)
		assert.Equal(t, want, res.StatusCode, header)
		require.NoError(t, conn.Close())
	}
	assert.Equal(t, 1, app.count())
	assert.Equal(t, "127.0.0.1", app.last(t).Header.Get("X-Forwarded-For"))
}

// A connection on which nothing is sent, such as a check of the port, is not logged.
func TestProxyProtocolAndPortChecks(t *testing.T) {
	t.Parallel()
	log := &kit.Buffer{}
	r := runWith(t, &received{}, RunOptions{Logger: slog.New(slog.NewTextHandler(log, nil))}, trusting("127.0.0.1/32"))
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", r.Public.String())
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	r.stop()
	require.NoError(t, <-r.done)
	assert.NotContains(t, log.String(), "PROXY")
}

func TestProxyProtocolBeforeTLS(t *testing.T) {
	t.Parallel()
	authority, app := certificatetest.New(t), &received{}
	r := runWith(t, app, RunOptions{}, func(c *settings.Config) {
		trusting("127.0.0.1/32")(c)
		c.TLSCertificateFile, c.TLSKeyFile = issued(t, authority, t.TempDir(), "app")
	})
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", r.Public.String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, introduced)
	require.NoError(t, err)
	res := says(t, tls.Client(conn, &tls.Config{RootCAs: authority.Pool(), ServerName: "127.0.0.1"}), "")
	require.NotNil(t, res)
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.Equal(t, "203.0.113.7", app.last(t).Header.Get("X-Forwarded-For"))
}

// A gateway on this machine can come over a Unix socket; it counts as 127.0.0.1.
func TestUnixSockets(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		trusted, header, client, proto string
	}{
		"trusted":    {"127.0.0.1/32", "", "198.51.100.9", "https"},
		"introduced": {"127.0.0.1/32", introduced, "203.0.113.7", "http"},
		"nobody":     {"10.0.0.0/8", "", "127.0.0.1", "http"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app, path := &received{}, filepath.Join(t.TempDir(), "x.sock")
			runWith(t, app, RunOptions{}, func(c *settings.Config) {
				trusting(test.trusted)(c)
				c.ProxyProtocol = test.header != ""
				c.Listen = []string{"127.0.0.1:0", "unix:" + path + "?mode=0600"}
			})
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "unix", path)
			require.NoError(t, err)
			defer func() { _ = conn.Close() }()
			res := says(t, conn, test.header)
			require.NotNil(t, res)
			assert.Equal(t, http.StatusOK, res.StatusCode)
			assert.Equal(t, test.client, strings.Split(app.last(t).Header.Get("X-Forwarded-For"), ",")[0])
			assert.Equal(t, test.proto, app.last(t).Header.Get("X-Forwarded-Proto"))
		})
	}
}

// Sockets that are not used are closed, so that clients do not wait.
func TestSocketsOfSystemd(t *testing.T) {
	t.Parallel()
	app, log := &received{}, &kit.Buffer{}
	sockets := make(map[string][]net.Listener)
	for _, name := range []string{"http", "http", "other"} {
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		sockets[name] = append(sockets[name], l)
	}
	addresses := []string{sockets["http"][0].Addr().String(), sockets["http"][1].Addr().String()}
	unused := sockets["other"][0].Addr().String()
	r := runWith(t, app, RunOptions{Sockets: sockets, Logger: slog.New(slog.NewTextHandler(log, nil))}, func(c *settings.Config) {
		c.Policy, c.Listen = settings.PolicyOptional, []string{"systemd:http"}
	})
	for _, address := range addresses {
		status, _ := fetch(t, "http://"+address+"/")
		assert.Equal(t, http.StatusOK, status)
	}
	_, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", unused)
	require.Error(t, err)
	assert.Contains(t, log.String(), "a socket of systemd is not used")
	r.stop()
	require.NoError(t, <-r.done)
}
