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

// Key is all that a template's token depends on besides the time.
type Key struct {
	SessionID string // "sess_…"
	Template  string // the template's name
	// Version is whatever, if it changes, makes tokens made before stale: the
	// session's active organization, whose claims a template may hold. It is not
	// sent anywhere.
	Version string
}

// check refuses what must not enter a URL.
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

// clone copies the texts, which may be parts of a whole token.
func (k Key) clone() Key {
	return Key{strings.Clone(k.SessionID), strings.Clone(k.Template), strings.Clone(k.Version)}
}

// ValidTemplate reports whether name can be that of a JWT template: ASCII letters,
// digits, "-", "_" and ".", the first a letter or digit, at most 128 bytes. A
// configuration is checked by it.
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
