package crossorigin

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/internal/wire"
)

// maxOrigin bounds an origin, in bytes: a host name has at most 253.
const maxOrigin = 320

// origin is scheme, host and port, in lower case and without the scheme's default port,
// so that equal origins are equal values.
type origin struct{ scheme, host, port string }

// parseOrigin reads an origin as browsers serialize it: scheme, "://", host, and an
// optional port. Other parts of a URL are not allowed, and neither are "null" and
// file:, which any document can have as its origin.
func parseOrigin(s string) (origin, bool) {
	scheme, authority, found := strings.Cut(s, "://")
	if !found || len(s) > maxOrigin || !isScheme(scheme) {
		return origin{}, false
	}
	host, port, ok := wire.CutPort(authority)
	if !ok {
		return origin{}, false
	}
	o := origin{scheme: strings.ToLower(scheme), port: port}
	if o.scheme == "http" && port == "80" || o.scheme == "https" && port == "443" {
		o.port = ""
	}
	if o.host, ok = canonicalHost(host); !ok {
		return origin{}, false
	}
	return o, true
}

// String returns the origin as browsers serialize it.
func (o origin) String() string {
	if o.port == "" {
		return o.scheme + "://" + o.host
	}
	return o.scheme + "://" + o.host + ":" + o.port
}

// Parse reads an origin from a configuration, and returns it as browsers serialize it.
// Every list of origins is checked with it, so that no entry is one that can never
// match. The error is a [*problem.Problem].
func Parse(s string) (string, error) {
	o, ok := parseOrigin(s)
	switch {
	case !ok:
		return "", misreadError(s)
	case o.port == "" && strings.HasSuffix(s, ":443"), o.port == "" && strings.HasSuffix(s, ":80"):
		return "", &problem.Problem{Found: problem.Quote(s) + ", with the scheme's default port, which browsers leave out", Want: o.String()}
	}
	return o.String(), nil
}

// misreadError returns the error of [Parse] for a text that is not an origin.
func misreadError(s string) error {
	found, want := misread(s)
	return &problem.Problem{Found: found, Want: want}
}

// misread says what is wrong with a text that is not an origin, and what to write.
func misread(s string) (found, want string) {
	const example = "an origin, such as https://app.example.com"
	found, want = problem.QuoteURL(s), example
	switch {
	case s == "null":
		found += ", the origin of every sandboxed document, which cannot be trusted"
	case strings.Contains(s, "*"):
		want = "each origin written out, such as https://app.example.com"
	case !strings.Contains(s, "://"):
		found += ", without a scheme"
		scheme := "https://"
		if name, _, _ := wire.CutPort(s); name == "localhost" || strings.HasPrefix(name, "127.") {
			scheme = "http://"
		}
		if o, ok := parseOrigin(scheme + s); ok {
			want = o.String()
		}
	case strings.ContainsFunc(s, func(r rune) bool { return r > 0x7e }):
		want = "the host as browsers send it, in ASCII (xn--…)"
	default:
		if o, ok := parseOrigin(strings.TrimRight(s, "/")); ok {
			want = o.String()
			break
		}
		want = "only scheme, host and optional port, such as https://app.example.com:8443"
	}
	return found, want
}

func isScheme(s string) bool {
	for i := range len(s) {
		switch c := s[i] | 0x20; {
		case c >= 'a' && c <= 'z':
		case i > 0 && (s[i] >= '0' && s[i] <= '9' || s[i] == '+' || s[i] == '-' || s[i] == '.'):
		default:
			return false
		}
	}
	return s != ""
}

// canonicalHost returns a DNS name or address in lower case. A final dot is kept,
// because to browsers it makes another origin.
func canonicalHost(s string) (string, bool) {
	base, dotted := s, false
	if !strings.HasPrefix(s, "[") {
		base, dotted = strings.CutSuffix(s, ".")
	}
	name, ok := wire.CanonicalName(base)
	if ok && dotted {
		name += "."
	}
	return name, ok
}

// origins is a list of origins from a configuration.
type origins struct {
	any      bool // "*"
	exact    map[origin]bool
	anyLabel []origin // for "https://*.example.com", host is ".example.com"
}

// has reports whether o is in the list.
func (l *origins) has(o origin) bool {
	return l.any || l.exact[o] || slices.ContainsFunc(l.anyLabel, func(w origin) bool {
		label, ok := strings.CutSuffix(o.host, w.host)
		return ok && o.scheme == w.scheme && o.port == w.port && label != "" && !strings.Contains(label, ".")
	})
}

// parseExact reads a list without wildcards. The error lists every invalid entry.
func parseExact(list []string) (origins, error) {
	l := origins{exact: make(map[origin]bool, len(list))}
	var problems []error
	for _, s := range list {
		o, ok := parseOrigin(s)
		if !ok {
			problems = append(problems, fmt.Errorf("origin %q: %w", s, misreadError(s)))
			continue
		}
		l.exact[o] = true
	}
	return l, errors.Join(problems...)
}

// parsePatterns reads a list that may also hold "*" and "https://*.example.com".
func parsePatterns(list []string) (origins, error) {
	var exact []string
	var l origins
	var problems []error
	for _, s := range list {
		scheme, rest, wild := strings.Cut(s, "://*.")
		switch {
		case s == "*":
			l.any = true
		case wild:
			o, ok := parseOrigin(scheme + "://" + rest)
			if !ok || !strings.Contains(strings.Trim(o.host, "."), ".") || strings.HasPrefix(o.host, "[") {
				problems = append(problems, fmt.Errorf("origin %q: *. must be followed by a domain with a dot, such as https://*.example.com", s))
				continue
			}
			o.host = "." + o.host
			l.anyLabel = append(l.anyLabel, o)
		default:
			exact = append(exact, s)
		}
	}
	e, err := parseExact(exact)
	l.exact = e.exact
	return l, errors.Join(append(problems, err)...)
}
