package weburl

import (
	"errors"
	"fmt"
	"strings"

	whatwg "github.com/nlnwa/whatwg-url/url"
)

// ErrInvalid is what [Parse] and [ParseRef] answer where JavaScript's
// constructor throws "Invalid URL". It is wrapped with the kind of the problem.
var ErrInvalid = errors.New("invalid URL")

// URL is a parsed URL. Its parts are kept as JavaScript would print them.
//
// All getters may be called at the same time from many goroutines. The methods
// that change a URL ([URL.SetPathname], [URL.Append], [URL.Set], [URL.Delete])
// may not run beside any other call on the same value; call [URL.Clone] first,
// which is cheap. The zero URL is not useful.
type URL struct {
	scheme   string
	userinfo string // "user:password@" or ""
	hostname string
	port     string // "" for the default port of the scheme
	pathname string
	query    string
	fragment string
	hasHost  bool
	hasQuery bool // "?" alone is kept in Href
	hasHash  bool
	opaque   bool // "mailto:x": the path is one piece of text
}

// Parse reads an absolute URL, like new URL(raw). The error wraps [ErrInvalid].
func Parse(raw string) (*URL, error) {
	return parse(raw, nil)
}

// ParseRef reads ref relative to base, like new URL(ref, base): base is looked
// at even when ref is absolute. The error wraps [ErrInvalid].
func ParseRef(ref, base string) (*URL, error) {
	b, err := parseLibrary(base, nil)
	if err != nil {
		return nil, fmt.Errorf("base: %w", err)
	}
	return parse(ref, b)
}

func parse(raw string, base *whatwg.Url) (*URL, error) {
	w, err := parseLibrary(raw, base)
	if err != nil {
		return nil, err
	}
	u := snapshot(w)
	if len(u.pathname) > maxLength-64 { // escaping triples; SetPathname must take what Pathname gave
		return nil, fmt.Errorf("%w: too long", ErrInvalid)
	}
	return u, nil
}

// snapshot takes the parts out of the library's value, whose own search
// parameters and clones write to shared state.
func snapshot(w *whatwg.Url) *URL {
	href := w.Href(false)
	u := &URL{
		scheme:   w.Scheme(),
		hostname: w.Hostname(),
		port:     w.Port(),
		pathname: w.Pathname(),
		query:    w.Query(),
		fragment: w.Fragment(),
		opaque:   w.OpaquePath(),
	}
	u.hasHost = !u.opaque && strings.HasPrefix(href[len(u.scheme)+1:], "//")
	if user, pass := w.Username(), w.Password(); pass != "" {
		u.userinfo = user + ":" + pass + "@"
	} else if user != "" {
		u.userinfo = user + "@"
	}
	before, _, hash := strings.Cut(href, "#")
	u.hasHash = hash
	u.hasQuery = strings.Contains(before, "?")
	return u
}

// Clone returns a copy that can be changed without touching u.
func (u *URL) Clone() *URL {
	c := *u
	return &c
}

// Href returns the whole URL.
func (u *URL) Href() string {
	var b strings.Builder
	b.WriteString(u.scheme)
	b.WriteByte(':')
	if u.hasHost {
		b.WriteString("//")
		b.WriteString(u.userinfo)
		b.WriteString(u.Host())
	} else if !u.opaque && strings.HasPrefix(u.pathname, "//") {
		// Without it the path would be read as a host next time.
		b.WriteString("/.")
	}
	b.WriteString(u.pathname)
	if u.hasQuery {
		b.WriteByte('?')
		b.WriteString(u.query)
	}
	if u.hasHash {
		b.WriteByte('#')
		b.WriteString(u.fragment)
	}
	return b.String()
}

// Origin returns scheme, host and port, or "null" for an opaque origin: that of
// every scheme but http, https, ws, wss and ftp. A blob: URL has the origin of
// the http or https URL inside.
func (u *URL) Origin() string {
	switch u.scheme {
	case "http", "https", "ws", "wss", "ftp":
		return u.scheme + "://" + u.Host()
	case "blob":
		if inner, err := Parse(u.pathname); err == nil && (inner.scheme == "http" || inner.scheme == "https") {
			return inner.Origin()
		}
	}
	return "null"
}

// Host returns host name and port; the port only if it is not the scheme's default.
func (u *URL) Host() string {
	if u.port == "" {
		return u.hostname
	}
	return u.hostname + ":" + u.port
}

// Hostname returns the host alone, an IPv6 address in brackets.
func (u *URL) Hostname() string { return u.hostname }

// Port returns the port in decimal, "" for none and for the scheme's default.
func (u *URL) Port() string { return u.port }

// Pathname returns the path, percent-encoded.
func (u *URL) Pathname() string { return u.pathname }

// Search returns the query with its question mark, "" when it is empty.
func (u *URL) Search() string {
	if u.query == "" {
		return ""
	}
	return "?" + u.query
}

// SetPathname replaces the path: dot segments are resolved, "?" and "#" become
// part of it, escaped. A URL with an opaque path stays as it is, and so does
// any URL when the new path is too long for [Parse].
func (u *URL) SetPathname(path string) {
	if u.opaque {
		return
	}
	path = strings.NewReplacer("?", "%3F", "#", "%23").Replace(path)
	scheme, host := u.scheme, "h"
	if scheme == "file" {
		host = ""
	}
	special := isSpecial(scheme)
	switch {
	case strings.HasPrefix(path, "/"), special && strings.HasPrefix(path, `\`):
	case path == "" && !special && u.hasHost: // "foo://host" may do without a path
	default:
		path = "/" + path
	}
	// The number sign keeps white space at the end from being trimmed.
	if n, err := Parse(scheme + "://" + host + path + "#"); err == nil {
		u.pathname = n.pathname
	}
}

func isSpecial(scheme string) bool {
	switch scheme {
	case "http", "https", "ws", "wss", "ftp", "file":
		return true
	}
	return false
}
