package settings

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/middleware"
)

// keys checks what can be said of the keys without the middleware: that they are
// there, and of one kind of instance.
func (l *loader) keys(opts *middleware.Options) {
	opts.PublishableKey, opts.SecretKey = l.text(EnvPublishableKey), l.text(EnvSecretKey)
	opts.MachineSecretKey = l.text(EnvMachineSecretKey)

	publishable := keyKind(opts.PublishableKey, "pk_test_", "pk_live_")
	if _, ok := keyHost(opts.PublishableKey); !ok {
		found := foundKey(opts.PublishableKey)
		if publishable != "" {
			found += " and holds no host of a Frontend API; was it copied whole?"
		}
		l.problem(EnvPublishableKey, found, "the instance's publishable key, pk_test_… or pk_live_… (Clerk dashboard, API keys)")
	}
	secret := keyKind(opts.SecretKey, "sk_test_", "sk_live_")
	machineOnly := slices.Equal(opts.AcceptsToken, []middleware.TokenType{middleware.M2MToken}) && opts.MachineSecretKey != ""
	switch {
	case opts.SecretKey == "" && machineOnly:
	case secret == "" || len(opts.SecretKey) == len("sk_test_"):
		l.problem(EnvSecretKey, foundKey(opts.SecretKey), "the instance's secret key, sk_test_… or sk_live_… (Clerk dashboard, API keys)")
	case publishable != "" && publishable[2:] != secret[2:]:
		l.problem(EnvSecretKey, "an "+secret+"… key beside a "+publishable+"… publishable key", "both keys of the same instance")
	}
}

func keyKind(key string, kinds ...string) string {
	for _, kind := range kinds {
		if strings.HasPrefix(key, kind) {
			return kind
		}
	}
	return ""
}

// foundKey describes a key without showing more of it than its kind.
func foundKey(key string) string {
	if key == "" {
		return "nothing"
	}
	if kind := keyKind(key, "pk_test_", "pk_live_", "sk_test_", "sk_live_", "ak_", "whsec_"); kind != "" {
		return "a key that begins with " + kind
	}
	return "something that is no key of Clerk's"
}

// keyHost is the Frontend API's host inside a publishable key.
func keyHost(key string) (string, bool) {
	kind := keyKind(key, "pk_test_", "pk_live_")
	encoded := strings.TrimRight(strings.TrimPrefix(key, kind), "=")
	decoded, err := base64.RawStdEncoding.DecodeString(encoded)
	host, ok := strings.CutSuffix(string(decoded), "$")
	if kind == "" || err != nil || !ok || strings.Contains(host, "$") || !strings.Contains(host, ".") {
		return "", false
	}
	u, err := url.Parse("https://" + host)
	return host, err == nil && u.Host == host
}
