package weburl

import (
	"errors"
	"fmt"
	"strings"

	whatwg "github.com/nlnwa/whatwg-url/url"
)

// ErrInvalid is the error of [Parse] and [ParseRef] where JavaScript's constructor
// throws "Invalid URL". It is wrapped with the kind of problem.
var ErrInvalid = errors.New("invalid URL")

// ErrTooLong is the error for a URL that would take too long to parse: it is too long, or
// has too many slashes. It wraps [ErrInvalid].
var ErrTooLong = fmt.Errorf("%w: too long, or too many slashes", ErrInvalid)

// URL is a parsed URL. Its parts are stored as JavaScript prints them.
//
// The getters are safe for concurrent use. The methods that change a URL
// ([URL.SetPathname], [URL.Append], [URL.Set], [URL.Delete]) must not run concurrently
// with any other method of the same value; call [URL.Clone] first, which is cheap. The
// zero URL is not useful.
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

// ParseRef reads ref relative to base, like new URL(ref, base): base must be valid
// even if ref is absolute. The error wraps [ErrInvalid].
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
	if len(u.pathname) > maxLength-64 { // escaping triples it; SetPathname must accept what Pathname returned
		return nil, ErrTooLong
	}
	return u, nil
}

// snapshot copies the parts of the library's value, whose search parameters and clones
// share state that they write to.
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
		// Without it the path would be parsed as a host.
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

// Origin returns scheme, host and port, or "null" for an opaque origin, which URLs of
// every scheme but http, https, ws, wss and ftp have. A blob: URL has the origin of
// the http or https URL inside it.
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

// Host returns the host name and, unless it is the scheme's default, the port.
func (u *URL) Host() string {
	if u.port == "" {
		return u.hostname
	}
	return u.hostname + ":" + u.port
}

// Hostname returns the host without port; an IPv6 address is in brackets.
func (u *URL) Hostname() string { return u.hostname }

// Port returns the port in decimal, or "" if it is absent or the scheme's default.
func (u *URL) Port() string { return u.port }

// Pathname returns the path, percent-encoded.
func (u *URL) Pathname() string { return u.pathname }

// Search returns the query with its question mark, or "" if it is empty.
func (u *URL) Search() string {
	if u.query == "" {
		return ""
	}
	return "?" + u.query
}

// SetPathname replaces the path. Dot segments are resolved; "?" and "#" are escaped and
// become part of it. It does nothing if the URL has an opaque path, or if the new path
// is too long for [Parse].
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
	case path == "" && !special && u.hasHost: // "foo://host" needs no path
	default:
		path = "/" + path
	}
	// The fragment keeps white space at the end of the path from being trimmed.
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
