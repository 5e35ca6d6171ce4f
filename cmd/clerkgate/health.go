package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

// healthTimeout is longer than the readiness check of a running clerkgate may take.
const healthTimeout = 10 * time.Second

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
	admin, err := newAdminClient(p)
	if err != nil {
		return err
	}
	status, said, err := admin.call(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	line := strings.TrimSpace(string(said))
	if status != http.StatusOK {
		return fmt.Errorf("%s at %s answered %d: %q", path, admin.address, status, line)
	}
	say(p.stdout, "%s\n", line)
	return nil
}
