package exchange

import (
	"strconv"
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

func (k Key) valid() bool {
	return validSession(k.SessionID) && ValidTemplate(k.Template) && len(k.Version) <= maxVersion
}

// clone copies the texts, which may be parts of a whole token.
func (k Key) clone() Key {
	return Key{strings.Clone(k.SessionID), strings.Clone(k.Template), strings.Clone(k.Version)}
}

// flight names a shared call. Each part goes with its length, so that no two keys
// have one name.
func (k Key) flight(epoch uint64) string {
	b := make([]byte, 0, len(k.SessionID)+len(k.Template)+len(k.Version)+32)
	b = strconv.AppendUint(b, epoch, 10)
	for _, part := range []string{k.SessionID, k.Template, k.Version} {
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(len(part)), 10)
		b = append(b, ':')
		b = append(b, part...)
	}
	return string(b)
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
