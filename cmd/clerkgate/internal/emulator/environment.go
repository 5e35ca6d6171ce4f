package emulator

import (
	"fmt"
	"io"
	"strings"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

// proxyPath is where clerkgate serves the emulator to browsers, on the application's
// own origin.
const proxyPath = "/__clerk"

// environment is what an application needs to run on the emulator at url.
func environment(clerk *clerktest.Clerk, url string) [][2]string {
	return [][2]string{
		{"CLERK_PUBLISHABLE_KEY", clerk.PublishableKey()},
		{"CLERK_SECRET_KEY", clerk.SecretKey()},
		{"CLERK_API_URL", url},
		{"CLERK_FAPI_URL", url},
		{"CLERK_PROXY_URL", proxyPath},
	}
}

// announce prints lines for a shell: what is not for it is a comment.
func announce(w io.Writer, clerk *clerktest.Clerk, url string) {
	var text strings.Builder
	fmt.Fprintf(&text, "# clerkgate emulator on %s\n", url)
	for _, v := range environment(clerk, url) {
		fmt.Fprintf(&text, "export %s=%s\n", v[0], v[1])
	}
	text.WriteString("# CLERK_PROXY_URL is where clerkgate serves this Clerk to browsers, on the application's origin.\n")
	for _, m := range clerk.Machines() {
		fmt.Fprintf(&text, "# machine %s: %s, secret key %s\n", m.Name, m.ID, m.SecretKey)
	}
	for _, hook := range clerk.Webhooks() {
		fmt.Fprintf(&text, "# webhook %s: CLERK_WEBHOOK_SIGNING_SECRET=%s\n", hook.URL, hook.Secret)
	}
	fmt.Fprintf(&text, "# Time, faults, sign-in and calls: %s%s/ (this machine only). Ctrl-C stops it.\n", url, controlPath)
	_, _ = io.WriteString(w, text.String()) // a closed terminal is no reason to stop
}
