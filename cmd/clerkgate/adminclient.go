package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/clerkgate/clerkgate/internal/listen"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// maxAdminAnswer bounds what is read of an answer.
const maxAdminAnswer = 1 << 20

// adminClient calls the admin listener of a clerkgate that runs on this machine with the
// same variables.
type adminClient struct {
	network, address string
	base             string // the scheme and host of URLs
	token            string // "" for none
	tls              *tls.Config
}

// newAdminClient reads the variables of the process.
func newAdminClient(p process) (*adminClient, error) {
	cfg, err := settings.LoadAdmin(p.lookup)
	if err != nil {
		return nil, misconfigured(err)
	}
	text, _ := p.lookup(settings.EnvAdminListen)
	c := &adminClient{token: cfg.AdminToken, base: "http://localhost"}
	if c.network, c.address, err = adminAddress(text); err != nil {
		return nil, mistaken("", err)
	}
	if cfg.AdminClientCAFile != "" {
		c.base = "https://localhost"
		pair, err := tls.LoadX509KeyPair(cfg.TLSCertificateFile, cfg.TLSKeyFile)
		if err != nil {
			return nil, misconfigured(settings.TLSError(err))
		}
		c.tls = sameCertificate(pair)
	}
	return c, nil
}

// sameCertificate accepts a server that has the given certificate, whatever name that is
// for: the same variables name it. It is shown to the server as well.
func sameCertificate(pair tls.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair},
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection compares the whole certificate
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 || !bytes.Equal(s.PeerCertificates[0].Raw, pair.Certificate[0]) {
				return errors.New("the server has another certificate than that of " + settings.EnvTLSCertFile)
			}
			return nil
		},
	}
}

// call sends a request, with JSON as its body unless body is nil, and returns the answer.
func (c *adminClient) call(ctx context.Context, method, path string, body []byte) (status int, said []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	transport := &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: c.tls,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, c.network, c.address)
		},
	}
	res, err := transport.RoundTrip(r)
	if err != nil {
		return 0, nil, fmt.Errorf("ask %s at %s: %w", path, c.address, err)
	}
	defer func() { _ = res.Body.Close() }()
	if said, err = io.ReadAll(io.LimitReader(res.Body, maxAdminAnswer)); err != nil {
		return 0, nil, fmt.Errorf("ask %s at %s: %w", path, c.address, err)
	}
	return res.StatusCode, said, nil
}

// adminAddress returns where to reach a clerkgate on this machine that listens at text:
// the first of the addresses that can be dialled.
func adminAddress(text string) (network, address string, err error) {
	texts := strings.Split(text, ",")
	if strings.TrimSpace(text) == "" {
		texts = settings.Config{}.WithDefaults().AdminListen
	}
	for _, one := range texts {
		at, err := listen.Parse(strings.TrimSpace(one))
		switch host, port, _ := net.SplitHostPort(at.TCP); {
		case err != nil:
		case at.Path != "":
			return "unix", at.Path, nil
		case port != "" && port != "0":
			return "tcp", net.JoinHostPort(reachable(host), port), nil
		}
	}
	return "", "", fmt.Errorf("%s: found %q, expected where the running clerkgate listens, such as :9090 or unix:/run/clerkgate.sock", settings.EnvAdminListen, text)
}

// reachable returns the host to dial for a server that listens at host.
func reachable(host string) string {
	addr, err := netip.ParseAddr(host)
	switch {
	case host == "" || err == nil && addr.IsUnspecified() && addr.Is4():
		return "127.0.0.1"
	case err == nil && addr.IsUnspecified():
		return "::1"
	}
	return host
}
