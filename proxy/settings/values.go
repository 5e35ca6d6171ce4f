package settings

import (
	"cmp"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/crossorigin"
	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// maxTokenCacheSize bounds CLERKGATE_TOKEN_CACHE_SIZE; at about 1 KiB an entry it
// is 10 GiB, and more is a slip of the finger.
const maxTokenCacheSize = 10_000_000

// loader reads variables and collects what is wrong with them.
type loader struct {
	lookup   func(string) (string, bool)
	problems []Problem
}

func (l *loader) problem(name, found, expected string) {
	l.problems = append(l.problems, Problem{Where: name, Found: found, Want: expected})
}

// failed says whether a variable has a problem already.
func (l *loader) failed(name string) bool {
	return slices.ContainsFunc(l.problems, func(p Problem) bool { return p.Where == name })
}

// found describes a variable's value; of a secret, only what kind it is.
func (l *loader) found(name string) string {
	value := l.text(name)
	switch {
	case value == "":
		return "nothing"
	case name == EnvJWTKey:
		return "something that is no RSA public key in PEM"
	case name == EnvPublishableKey || name == EnvSecretKey || name == EnvMachineSecretKey:
		return foundKey(value)
	default:
		return quoteURL(value)
	}
}

func (l *loader) text(name string) string {
	value, _ := l.lookup(name)
	return strings.TrimSpace(value)
}

func (l *loader) list(name string) []string {
	var items []string
	for item := range strings.SplitSeq(l.text(name), ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// choice returns one of the allowed values; the first is the default.
func (l *loader) choice(name string, allowed ...string) string {
	value := l.text(name)
	if value == "" {
		return allowed[0]
	}
	if !slices.Contains(allowed, value) {
		l.problem(name, quote(value), strings.Join(allowed[:len(allowed)-1], ", ")+" or "+allowed[len(allowed)-1])
		return allowed[0]
	}
	return value
}

func (l *loader) boolean(name string) bool {
	switch value := l.text(name); strings.ToLower(value) {
	case "", "false", "0":
		return false
	case "true", "1":
		return true
	default:
		l.problem(name, quote(value), "true or false")
		return false
	}
}

// duration returns 0 when the variable is not set.
func (l *loader) duration(name string) time.Duration {
	value := l.text(name)
	if value == "" {
		return 0
	}
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		l.problem(name, quote(value), "a duration above zero, such as 5s or 1m30s")
		return 0
	}
	return d
}

// clockSkew is a duration that may be 0s, for no tolerance at all.
func (l *loader) clockSkew() time.Duration {
	if d, err := time.ParseDuration(l.text(EnvClockSkew)); err == nil && d == 0 {
		return middleware.NoClockSkew
	}
	return l.duration(EnvClockSkew)
}

func (l *loader) count(name string) int {
	value := l.text(name)
	if value == "" {
		return 0
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > maxTokenCacheSize {
		l.problem(name, quote(value), "a number from 1 to "+strconv.Itoa(maxTokenCacheSize))
		return 0
	}
	return n
}

func (l *loader) address(name, otherwise string) string {
	value := l.text(name)
	if value == "" {
		return otherwise
	}
	_, port, err := net.SplitHostPort(value)
	if n, convErr := strconv.Atoi(port); err != nil || convErr != nil || n < 0 || n > 65535 {
		l.problem(name, quote(value), "host:port or :port, such as "+cmp.Or(otherwise, "127.0.0.1:9191"))
	}
	return value
}

func (l *loader) prefixes(name string) []netip.Prefix {
	var prefixes []netip.Prefix
	for _, item := range l.list(name) {
		prefix, err := netip.ParsePrefix(item)
		if addr, addrErr := netip.ParseAddr(item); addrErr == nil {
			prefix, err = netip.PrefixFrom(addr.WithZone(""), addr.BitLen()), nil
		}
		if err != nil {
			l.problem(name, quote(item), "networks or addresses, such as 10.0.0.0/8, 192.0.2.7")
			continue
		}
		// ::ffff:10.0.0.0/104 and 10.0.0.0/8 are the same peers.
		if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
		}
		prefixes = append(prefixes, prefix.Masked())
	}
	return prefixes
}

func (l *loader) tokenTypes() []middleware.TokenType {
	known := []middleware.TokenType{middleware.SessionToken, middleware.APIKeyToken, middleware.M2MToken, middleware.OAuthToken, middleware.AnyToken}
	var types []middleware.TokenType
	items := l.list(EnvAcceptsToken)
	for _, item := range items {
		kind := middleware.TokenType(item)
		if !slices.Contains(known, kind) || kind == middleware.AnyToken && len(items) > 1 {
			l.problem(EnvAcceptsToken, quote(item), "session_token, api_key, m2m_token, oauth_token, or any alone")
			continue
		}
		types = append(types, kind)
	}
	return types
}

func (l *loader) publicPaths() []string {
	items := l.list(EnvPublicPaths)
	for _, item := range items {
		if routes.CheckPattern(item) != nil {
			l.problem(EnvPublicPaths, quote(item), "paths such as /health, or /assets/* for everything below; no dot segments, no encoded slashes, * only at the end")
		}
	}
	return items
}

// httpURL checks an http or https URL and returns it as it is.
func (l *loader) httpURL(name string) string {
	value := l.text(name)
	if value == "" {
		return ""
	}
	if u, err := url.Parse(value); err != nil || !isHTTP(u) || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		l.problem(name, quoteURL(value), "an http or https URL without user, query or fragment")
	}
	return value
}

// origin checks an http or https URL that has no path.
func (l *loader) origin(name string) *url.URL {
	value := l.text(name)
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	if err != nil || !isHTTP(u) || !isOrigin(u) {
		l.problem(name, quoteURL(value), "an http or https origin, such as https://clerk.example.com")
		return nil
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}
}

func (l *loader) proxyURL() string {
	value := l.text(EnvProxyURL)
	if value == "" {
		return ""
	}
	// Slashes at the end mean nothing, and Clerk's SDK takes them off as well.
	u, err := url.Parse(strings.TrimRight(value, "/"))
	ok := err == nil && u.User == nil && u.RawQuery == "" && u.Fragment == "" && !u.ForceQuery
	if ok && u.Path != "" {
		var path string
		path, ok = routes.Canonical(u)
		ok = ok && path == u.EscapedPath()
	}
	if ok {
		isPath := u.Scheme == "" && u.Host == "" && len(u.Path) > 1
		ok = isPath || isHTTP(u)
	}
	if !ok {
		l.problem(EnvProxyURL, quoteURL(value), "a path of the application such as /__clerk, or an absolute URL such as https://app.example.com/__clerk")
	}
	return value
}

func (l *loader) upstream() *url.URL {
	value := l.text(EnvUpstream)
	if value == "" || value == noUpstream {
		return nil
	}
	u, err := routes.ParseUpstream(value)
	if err != nil {
		l.problems = append(l.problems, problem.At(EnvUpstream, err))
	}
	return u
}

// origins reads a list of origins, each as browsers serialize it.
func (l *loader) origins(name string) []string {
	var list []string
	for _, item := range l.list(name) {
		o, err := crossorigin.Parse(item)
		if err != nil {
			l.problems = append(l.problems, problem.At(name, err))
			continue
		}
		list = append(list, o)
	}
	return list
}

// ownPath checks a path of this server that clerkgate keeps for itself.
func (l *loader) ownPath(name, example string) string {
	value := l.text(name)
	if value == "" {
		return ""
	}
	if routes.CheckPattern(value) != nil || len(value) < 2 || strings.HasSuffix(value, "*") || strings.HasSuffix(value, "/") {
		l.problem(name, quote(value), "a path such as "+example)
	}
	return value
}

// csrf is the guard where no routes file is.
func (l *loader) csrf() routes.CSRF {
	guard := routes.CSRF{Off: l.choice(EnvCSRF, "on", "off") == "off", TrustedOrigins: l.origins(EnvTrustedOrigins)}
	if guard.Off && len(guard.TrustedOrigins) > 0 {
		l.problem(EnvTrustedOrigins, "origins, while "+EnvCSRF+"=off trusts every one", "nothing, or "+EnvCSRF+"=on")
	}
	return guard
}

func isHTTP(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.Opaque == ""
}

func isOrigin(u *url.URL) bool {
	return (u.Path == "" || u.Path == "/") && u.User == nil && u.RawQuery == "" && u.Fragment == "" && !u.ForceQuery
}

const maxQuoted = 80

func quote(s string) string {
	if len(s) > maxQuoted {
		s = s[:maxQuoted] + "…"
	}
	return strconv.Quote(s)
}

// quoteURL shows a URL without the password and the query that it may hold.
func quoteURL(s string) string {
	if strings.ContainsAny(s, "@?") {
		return "a URL with a user or a query"
	}
	return quote(s)
}
