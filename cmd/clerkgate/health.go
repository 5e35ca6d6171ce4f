package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

const (
	// healthTimeout is longer than a running clerkgate takes to find out whether it is
	// ready, with time for a machine that is busy.
	healthTimeout = 10 * time.Second
	// maxProbeText bounds what is read of a probe's answer, which is one line.
	maxProbeText = 1 << 10
)

func healthCommand() command {
	return command{
		name: "health", summary: "ask a running clerkgate whether it is well; for probes of containers",
		help: `
Ask the clerkgate that runs with the same environment whether it is well, at CLERKGATE_ADMIN_LISTEN. It is for the
probes of containers whose image has neither a shell nor curl.

Exit code 0 says that it is; 1 that it is not, or does not answer.`,
		setUp: func(flags *flag.FlagSet) action {
			given := variableFlags(flags, settings.EnvAdminListen)
			ready := flags.Bool("ready", false, "ask whether it is ready for requests; it is not while it shuts down, or has no keys to verify tokens with")
			return func(ctx context.Context, p process, _ []string) error {
				path := "/healthz"
				if *ready {
					path = "/readyz"
				}
				return askHealth(ctx, given.over(p), path)
			}
		},
	}
}

func askHealth(ctx context.Context, p process, path string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	text, _ := p.lookup(settings.EnvAdminListen)
	address, err := adminAddress(text)
	if err != nil {
		return mistaken("", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return err
	}
	// A proxy of the environment is no way to this machine.
	transport := &http.Transport{DisableKeepAlives: true}
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

// adminAddress is where a clerkgate of this machine is reached that was told to listen
// at text.
func adminAddress(text string) (string, error) {
	text = cmp.Or(strings.TrimSpace(text), settings.Config{}.WithDefaults().AdminListen)
	host, port, err := net.SplitHostPort(text)
	if err != nil || port == "0" {
		return "", fmt.Errorf("%s: found %q, expected host:port or :port with the port of the running clerkgate, such as 127.0.0.1:9090", settings.EnvAdminListen, text)
	}
	addr, err := netip.ParseAddr(host)
	switch {
	case host == "" || err == nil && addr.IsUnspecified() && addr.Is4():
		host = "127.0.0.1"
	case err == nil && addr.IsUnspecified():
		host = "::1"
	}
	return net.JoinHostPort(host, port), nil
}
