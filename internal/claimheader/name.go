package claimheader

import (
	"net/http"
	"strings"

	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/internal/wire"
)

// maxName bounds a header's name, in bytes.
const maxName = 64

// Name returns the name of a header in net/http's canonical spelling. The error is a
// [*problem.Problem]: some headers are for clerkgate, the client or the connection to
// say, and a value of a user's must not get into them.
func Name(s string) (string, error) {
	p := &problem.Problem{
		Found: "the header " + problem.Quote(s),
		Want:  "a header about the user, such as X-Forwarded-User, X-Forwarded-Email, X-WebAuth-User or Remote-User",
	}
	switch {
	case s == "" || len(s) > maxName || strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != "":
		p.Want = "a name of letters, digits and hyphens, such as X-Forwarded-Email"
		return "", p
	case isRefused(s):
		return "", p
	}
	return http.CanonicalHeaderKey(s), nil
}

// isRefused reports whether a header says something about the request, the connection or
// the message, or is obeyed by a gateway that gets it in an answer.
func isRefused(name string) bool {
	if wire.IsForwardedUser(name) {
		return false
	}
	if whose := wire.NewFilter(nil, nil).Whose(name); whose == wire.Us || whose == wire.Nobody || wire.IsReserved(name) {
		return true
	}
	normal := wire.NormalName(name)
	for _, prefix := range [...]string{"accept", "cache-", "clerkgate-", "content-", "if-", "x-accel-", "x-original-", "x-sendfile"} {
		if strings.HasPrefix(normal, prefix) {
			return true
		}
	}
	switch normal {
	case "cookie2", "date", "location", "pragma", "priority", "range", "referer", "refresh", "server", "set-cookie", "set-cookie2",
		"user-agent", "vary", "via", "warning", "www-authenticate", "x-content-type-options", "x-csrf-token", "x-requested-with", "x-xsrf-token":
		return true
	}
	return false
}
