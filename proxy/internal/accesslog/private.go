package accesslog

import "strings"

const (
	// redacted takes the place of what looks like a credential.
	redacted = "[redacted]"
	// minSecret is the length from which a text with a prefix of secrets counts as one.
	minSecret = 16
	cut       = "..." // the end of a text that was too long
)

// secretPrefixes are how Clerk's keys and tokens begin. They count where a word begins.
var secretPrefixes = [...]string{"sk_", "ak_", "oat_", "mt_", "whsec_", "rk_", "__clerk_", "__session", "__refresh"} //nolint:gochecknoglobals // it never changes

// Bounded returns at most limit bytes of a text that a client chose, without what looks like
// a JWT or one of Clerk's keys. Such texts get into paths, user agents and referers by
// mistake, and logs are read by more people than may have them.
func Bounded(s string, limit int) string {
	if strings.Contains(s, "eyJ") || strings.Contains(s, "_") && hasSecretPrefix(s) {
		s = redact(s)
	}
	if len(s) > limit {
		s = s[:limit-len(cut)] + cut
	}
	return s
}

func hasSecretPrefix(s string) bool {
	for _, prefix := range secretPrefixes {
		if strings.Contains(s, prefix) {
			return true
		}
	}
	return false
}

// redact replaces each credential in s.
func redact(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		n := runLength(s[i:])
		switch {
		case n >= minSecret && beginsSecret(s, i):
			b.WriteString(redacted)
			i += n
		default:
			b.WriteByte(s[i])
			i++
		}
	}
	return b.String()
}

// beginsSecret reports whether a credential begins at s[i].
func beginsSecret(s string, i int) bool {
	if strings.HasPrefix(s[i:], "eyJ") {
		return true // wherever it begins: an escaped space may come before it
	}
	if i > 0 && isWord(s[i-1]) && s[i] != '_' {
		return false
	}
	for _, prefix := range secretPrefixes {
		if strings.HasPrefix(s[i:], prefix) {
			return true
		}
	}
	return false
}

// runLength returns how many bytes at the beginning of s may belong to a credential: those
// of base64, and of a percent-encoded or assigned one.
func runLength(s string) int {
	for i := range len(s) {
		if c := s[i]; !isWord(c) && !strings.ContainsRune("._-~+=%", rune(c)) {
			return i
		}
	}
	return len(s)
}

func isWord(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
}
