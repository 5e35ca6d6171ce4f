package routes

import (
	"errors"
	"net/url"
	"strings"

	"github.com/clerkgate/clerkgate/internal/urlpath"
)

// pattern is a route's Match.
type pattern struct {
	escaped string // canonical; with a slash at the end when below is set
	plain   string // escaped, decoded
	below   bool
}

// CheckPattern returns an error unless s can be a route's Match: an exact path, or a prefix
// that ends in /*.
func CheckPattern(s string) error {
	_, err := parsePattern(s)
	return err
}

func parsePattern(s string) (pattern, error) {
	if !strings.HasPrefix(s, "/") {
		return pattern{}, errors.New("does not begin with a slash")
	}
	prefix, below := strings.CutSuffix(s, "/*")
	if below {
		s = prefix + "/"
	}
	switch {
	case strings.Contains(s, "*"):
		return pattern{}, errors.New("has a * that is not a whole segment at the end")
	case strings.ContainsAny(s, "?#"):
		return pattern{}, errors.New("has a query or a fragment")
	case strings.Contains(s, ";"):
		return pattern{}, errors.New("has a semicolon, at which some servers cut paths off")
	}
	u, err := url.ParseRequestURI(s)
	if err != nil {
		return pattern{}, errors.New("has a bad escape")
	}
	path, ok := urlpath.Canonical(u)
	if !ok {
		return pattern{}, errors.New("can be read in more than one way: it has dot segments, empty segments, or an encoded slash, dot or control character")
	}
	p := newPattern(path, below)
	// A pattern that some servers would read as another one could never match.
	if all, ok := urlpath.Readings(path); !ok || !p.matchesAll(all) {
		return pattern{}, errors.New("can be read in more than one way: its escapes decode to further escapes, or to ? or #")
	}
	return p, nil
}

func newPattern(path string, below bool) pattern {
	return pattern{escaped: path, plain: urlpath.Decode(path), below: below}
}

// String returns the pattern in canonical form.
func (p pattern) String() string {
	if p.below {
		return p.escaped + "*"
	}
	return p.escaped
}

func (p pattern) matches(r urlpath.Reading) bool {
	want := p.plain
	if !r.Decoded {
		want = p.escaped
	}
	if p.below {
		return strings.HasPrefix(r.Text, want)
	}
	return r.Text == want
}

func (p pattern) matchesAll(all []urlpath.Reading) bool { return p.count(all) == len(all) }

func (p pattern) count(all []urlpath.Reading) int {
	n := 0
	for _, r := range all {
		if p.matches(r) {
			n++
		}
	}
	return n
}

// covers reports whether p matches everything that q matches.
func (p pattern) covers(q pattern) bool {
	return p.matches(urlpath.Reading{Text: q.plain, Decoded: true}) && (p.below || !q.below)
}

// withoutPrefix returns p without prefix, as the upstream gets it; ok is false unless prefix
// is whole segments at the start of p.
func (p pattern) withoutPrefix(prefix string) (q pattern, ok bool) {
	if prefix == "" {
		return p, true
	}
	rest, ok := cutSegments(p.escaped, prefix)
	if !ok || strings.HasSuffix(prefix, "/") {
		return pattern{}, false
	}
	return newPattern(rest, p.below), true
}

// cutSegments cuts prefix off path; what is left begins with a slash.
func cutSegments(path, prefix string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, prefix)
	switch {
	case !ok:
		return "", false
	case rest == "":
		return "/", true
	default:
		return rest, rest[0] == '/'
	}
}
