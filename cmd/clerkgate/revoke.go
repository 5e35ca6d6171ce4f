package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/proxy/settings"
)

// revokeTimeout is longer than a running clerkgate takes.
const revokeTimeout = 90 * time.Second

// revocation is the body of a request to /-/revoke.
type revocation struct {
	SessionID string `json:"session_id,omitempty"`
	UserID    string `json:"user_id,omitempty"`
	Everyone  bool   `json:"everyone,omitempty"`
}

func revokeCommand() command {
	return command{
		name: "revoke", summary: "end sessions now, for incident response",
		help: `
Have the clerkgate that runs with the same environment or --env-file end a session, or all sessions of a user, at once: here, at
the replicas that share its store, and at Clerk. A user may sign in again; ban or delete the user at Clerk to prevent that.

  clerkgate revoke --session sess_2aBcD
  clerkgate revoke --user user_2aBcD

With --everyone, each token issued until now has to be renewed at Clerk before it is accepted again, so that what was changed there
takes effect at once. Sessions that are still open at Clerk go on.

  clerkgate revoke --everyone

The exit code is 0 if the revocation is in force everywhere, and 1 if it is not, or if that is not known. It may be repeated.`,
		setUp: func(flags *flag.FlagSet) action {
			given := variableFlags(flags, settings.EnvAdminListen)
			var r revocation
			flags.StringVar(&r.SessionID, "session", "", "end the session with this `id`, sess_…")
			flags.StringVar(&r.UserID, "user", "", "end all sessions of the user with this `id`, user_…")
			flags.BoolVar(&r.Everyone, "everyone", false, "have every token that was issued until now renewed at Clerk")
			return func(ctx context.Context, p process, _ []string) error {
				if !r.isOne() {
					return revokeCommand().misused(errors.New("expected one of --session, --user and --everyone"))
				}
				p, err := given.over(p).withEnvFile()
				if err != nil {
					return misconfigured(err)
				}
				return revoke(ctx, p, r)
			}
		},
	}
}

func (r revocation) isOne() bool {
	switch r {
	case revocation{SessionID: r.SessionID}, revocation{UserID: r.UserID}, revocation{Everyone: true}:
		return r != revocation{}
	}
	return false
}

// revoke asks the running clerkgate, and prints how far the revocation has come.
func revoke(ctx context.Context, p process, r revocation) error {
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout)
	defer cancel()
	admin, err := newAdminClient(p)
	if err != nil {
		return err
	}
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	status, said, err := admin.call(ctx, http.MethodPost, "/-/revoke", body)
	if err != nil {
		return err
	}
	var result struct {
		Here     string   `json:"here"`
		Replicas string   `json:"replicas"`
		Clerk    string   `json:"clerk"`
		Problems []string `json:"problems"`
	}
	if json.Unmarshal(said, &result) != nil || result.Here == "" {
		return fmt.Errorf("/-/revoke at %s answered %d: %q", admin.address, status, shortened(said))
	}
	say(p.stdout, "here      %s\nreplicas  %s\nClerk     %s\n", result.Here, result.Replicas, result.Clerk)
	if status != http.StatusOK {
		return fmt.Errorf("others could not be told: %s", strings.Join(result.Problems, "; "))
	}
	return nil
}

// shortened returns the beginning of an answer, on one line.
func shortened(said []byte) string {
	const most = 500
	return strings.Join(strings.Fields(string(said[:min(len(said), most)])), " ")
}
