package exchange

import (
	"fmt"
	"strings"
)

const (
	sessionPrefix = "sess_"
	maxSessionID  = 128
	maxTemplate   = 128
	maxVersion    = 256
)

// Key is everything that a template's token depends on, apart from the time.
type Key struct {
	SessionID string // "sess_…"
	Template  string // the template's name
	// Version changes whenever earlier tokens become stale. It is the session's active
	// organization, because templates may use its claims. It is not sent to Clerk.
	Version string
}

// check refuses ids and names that must not become part of a URL.
func (k Key) check() error {
	switch {
	case !validSession(k.SessionID):
		return fmt.Errorf("malformed session id: %w", ErrNotFound)
	case !ValidTemplate(k.Template):
		return fmt.Errorf("malformed template name: %w", ErrNotFound)
	case len(k.Version) > maxVersion:
		return fmt.Errorf("version of %d bytes: %w", len(k.Version), ErrNotFound)
	}
	return nil
}

// clone copies the strings, which may be substrings of a whole token.
func (k Key) clone() Key {
	return Key{strings.Clone(k.SessionID), strings.Clone(k.Template), strings.Clone(k.Version)}
}

// ValidTemplate reports whether name can be the name of a JWT template: at most 128
// ASCII letters, digits, "-", "_" and ".", beginning with a letter or digit.
// Configurations are checked with it.
func ValidTemplate(name string) bool {
	if name == "" || len(name) > maxTemplate || !alphanumeric(name[0]) {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !alphanumeric(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

func validSession(id string) bool {
	rest, ok := strings.CutPrefix(id, sessionPrefix)
	if !ok || rest == "" || len(id) > maxSessionID {
		return false
	}
	for i := range len(rest) {
		if c := rest[i]; !alphanumeric(c) && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
