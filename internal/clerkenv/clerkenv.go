// Package clerkenv reads the values of the environment variables that Clerk's SDKs
// share, such as CLERK_SECRET_KEY. The middleware and the sidecar both use it, so that
// the same environment means the same to both.
//
// Each function gets a value that is not empty. Its error is a [*problem.Problem]
// without a place, and never holds a secret.
package clerkenv

import (
	"net/url"
	"strings"

	"github.com/clerkgate/clerkgate/clerkapi"
	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/internal/urlpath"
	"github.com/clerkgate/clerkgate/internal/wire"
)

const fromDashboard = "Copy it from the API keys page of the Clerk dashboard."

// Bool reads true or false, in any case, or 1 or 0.
func Bool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "false", "0":
		return false, nil
	case "true", "1":
		return true, nil
	}
	return false, &problem.Problem{Found: problem.Quote(s), Want: "true or false"}
}

// CheckPublishableKey says what is wrong with a publishable key.
func CheckPublishableKey(s string) error {
	if _, err := clerkapi.ParsePublishableKey(s); err != nil {
		return &problem.Problem{
			Found: "text that is not a publishable key: it " + err.Error(),
			Want:  "the instance's publishable key, pk_test_… or pk_live_…", Remedy: fromDashboard,
		}
	}
	return nil
}

// CheckSecretKey says what is wrong with a secret key. It is stricter than the Backend
// API's client, which takes keys of any prefix: in a variable, another text is a mistake.
func CheckSecretKey(s string) error {
	if rest, ok := cutEither(s, "sk_test_", "sk_live_"); ok && rest != "" {
		return nil
	}
	found := "text that is not a secret key"
	if _, publishable := cutEither(s, "pk_test_", "pk_live_"); publishable {
		found = "a publishable key"
	}
	return &problem.Problem{Found: found, Want: "the instance's secret key, sk_test_… or sk_live_…", Remedy: fromDashboard}
}

func cutEither(s, one, other string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(s, one); ok {
		return rest, true
	}
	return strings.CutPrefix(s, other)
}

// JWTKey reads a key in PEM as it is, but for line ends that had to be written out.
func JWTKey(s string) (string, error) {
	if isFileName(s) {
		return "", &problem.Problem{
			Found: "the name of a file", Want: "the instance's public key itself, in PEM",
			Remedy: `Set it to what the file holds, such as CLERK_JWT_KEY="$(cat clerk.pem)". The sidecar reads the file that CLERK_JWT_KEY_FILE names.`,
		}
	}
	return strings.ReplaceAll(s, `\n`, "\n"), nil
}

// isFileName tells the name of a file from a key, which has no dot and begins with
// a dash or, in base64, with MII.
func isFileName(s string) bool {
	return !strings.HasPrefix(s, "-----") && (strings.HasPrefix(s, "/") || strings.HasPrefix(s, "~/") || strings.Contains(s, "."))
}

// CheckSatellite says what is wrong with CLERK_SATELLITE_AUTO_SYNC beside
// CLERK_IS_SATELLITE.
func CheckSatellite(autoSync, isSatellite bool) error {
	if autoSync && !isSatellite {
		return &problem.Problem{Found: "true, without CLERK_IS_SATELLITE", Want: "true on a satellite only"}
	}
	return nil
}

// ProxyURL reads where browsers reach the Frontend API: a path of the application, or an
// absolute URL.
func ProxyURL(s string) (string, error) {
	// Slashes at the end mean nothing, and Clerk's SDK takes them off as well.
	u, err := url.Parse(strings.TrimRight(s, "/"))
	ok := err == nil && u.User == nil && u.RawQuery == "" && u.Fragment == "" && !u.ForceQuery
	if ok && u.Path != "" {
		var path string
		path, ok = urlpath.Canonical(u)
		ok = ok && path == u.EscapedPath()
	}
	if ok {
		isPath := u.Scheme == "" && u.Host == "" && len(u.Path) > 1
		ok = isPath || IsHTTP(u)
	}
	if !ok {
		return "", &problem.Problem{
			Found: problem.QuoteURL(s),
			Want:  "a path of the application such as /__clerk, or an absolute URL such as https://app.example.com/__clerk",
		}
	}
	return s, nil
}

// Origin reads an http or https URL that has no path.
func Origin(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || !IsOrigin(u) {
		return nil, &problem.Problem{Found: problem.QuoteURL(s), Want: "an http or https origin, such as https://clerk.example.com"}
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// IsHTTP reports whether u is an http or https URL with a valid host.
func IsHTTP(u *url.URL) bool {
	_, _, ok := wire.CanonicalHost(u.Host)
	return (u.Scheme == "http" || u.Scheme == "https") && ok && u.Opaque == ""
}

// IsOrigin reports whether u is an http or https URL that has no path.
func IsOrigin(u *url.URL) bool {
	return IsHTTP(u) && (u.Path == "" || u.Path == "/") && u.User == nil && u.RawQuery == "" && u.Fragment == "" && !u.ForceQuery
}
