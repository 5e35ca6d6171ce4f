package emulator

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/clerkapi/clerktest"
)

// proxyPath is where clerkgate serves this Clerk on the application's own origin.
const proxyPath = "/__clerk"

// environment returns the variables that an application needs to use the emulator at url,
// with the middleware or behind clerkgate. In development, browsers call the emulator
// directly. A production instance sends browsers to its own domain, which does not exist
// here, so clerkgate must serve it under a path.
func environment(clerk *clerktest.Clerk, url string) [][2]string {
	pairs := [][2]string{
		{"CLERK_PUBLISHABLE_KEY", clerk.PublishableKey()},
		{"CLERK_SECRET_KEY", clerk.SecretKey()},
		{"CLERK_API_URL", url},
	}
	if strings.HasPrefix(clerk.PublishableKey(), "pk_live_") {
		return append(pairs, underPath(url)...)
	}
	return append(pairs, [2]string{"CLERK_PROXY_URL", url}, [2]string{"CLERK_SIGN_IN_URL", url + "/sign-in"})
}

// underPath returns the variables with which clerkgate serves this Clerk to browsers under
// a path.
func underPath(url string) [][2]string {
	return [][2]string{
		{"CLERK_FAPI_URL", url},
		{"CLERK_PROXY_URL", proxyPath},
		{"CLERK_SIGN_IN_URL", proxyPath + "/sign-in"},
	}
}

// announce prints the variables as lines for a shell, and everything else as comments.
func announce(w io.Writer, clerk *clerktest.Clerk, url string) {
	var text strings.Builder
	fmt.Fprintf(&text, "# clerkgate emulator on %s\n", url)
	pairs := environment(clerk, url)
	for _, v := range pairs {
		fmt.Fprintf(&text, "export %s=%s\n", v[0], v[1])
	}
	if under := underPath(url); !slices.Contains(pairs, under[0]) {
		text.WriteString("# To have clerkgate serve this Clerk on the application's own origin:\n#   export")
		for _, v := range under {
			fmt.Fprintf(&text, " %s=%s", v[0], v[1])
		}
		text.WriteString("\n")
	}
	for _, m := range clerk.Machines() {
		fmt.Fprintf(&text, "# machine %s: %s, secret key %s\n", m.Name, m.ID, m.SecretKey)
	}
	for _, hook := range clerk.Webhooks() {
		fmt.Fprintf(&text, "# webhook %s: CLERK_WEBHOOK_SIGNING_SECRET=%s\n", hook.URL, hook.Secret)
	}
	fmt.Fprintf(&text, "# Time, faults, sign-in and calls: %s%s/ (this machine only). Ctrl-C stops it.\n", url, controlPath)
	_, _ = io.WriteString(w, text.String()) // if the terminal is closed, go on
}
