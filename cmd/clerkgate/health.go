package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/listen"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

const (
	// healthTimeout is longer than the readiness check of a running clerkgate may take.
	healthTimeout = 10 * time.Second
	// maxProbeText bounds what is read of a probe's answer, which is one line.
	maxProbeText = 1 << 10
)

func healthCommand() command {
	return command{
		name: "health", summary: "check a running clerkgate; for the probes of containers",
		help: `
Check the health of the clerkgate that runs with the same environment or --env-file, at CLERKGATE_ADMIN_LISTEN. It is for the probes
of containers whose image has neither a shell nor curl.

The exit code is 0 if it is healthy, and 1 if it is not, or does not answer.`,
		setUp: func(flags *flag.FlagSet) action {
			given := variableFlags(flags, settings.EnvAdminListen)
			ready := flags.Bool("ready", false, "check whether it is ready for requests; it is not while it shuts down, has no keys to verify tokens with, or waits for an application")
			return func(ctx context.Context, p process, _ []string) error {
				path := "/healthz"
				if *ready {
					path = "/readyz"
				}
				p, err := given.over(p).withEnvFile()
				if err != nil {
					return misconfigured(err)
				}
				return askHealth(ctx, p, path)
			}
		},
	}
}

func askHealth(ctx context.Context, p process, path string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	text, _ := p.lookup(settings.EnvAdminListen)
	network, address, err := adminAddress(text)
	if err != nil {
		return mistaken("", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://clerkgate"+path, nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
	res, err := transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("ask %s at %s: %w", path, address, err)
	}
	defer func() { _ = res.Body.Close() }()
	said, err := io.ReadAll(io.LimitReader(res.Body, maxProbeText))
	if err != nil {
		return fmt.Errorf("ask %s at %s: %w", path, address, err)
	}
	line := strings.TrimSpace(string(said))
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s at %s answered %d: %q", path, address, res.StatusCode, line)
	}
	say(p.stdout, "%s\n", line)
	return nil
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
