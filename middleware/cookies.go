package middleware

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// The cookies of the protocol; most exist with and without the instance's suffix.
const (
	cookieSession        = "__session"
	cookieRefresh        = "__refresh"
	cookieClientUAT      = "__client_uat"
	cookieDevBrowser     = "__clerk_db_jwt"
	cookieHandshake      = "__clerk_handshake"
	cookieHandshakeNonce = "__clerk_handshake_nonce"
	cookieRedirectCount  = "__clerk_redirect_count"
)

// cookieNames are the names of one instance's suffixed cookies.
type cookieNames struct {
	session, refresh, clientUAT, devBrowser string
}

func newCookieNames(suffix string) cookieNames {
	return cookieNames{
		session:    cookieSession + "_" + suffix,
		refresh:    cookieRefresh + "_" + suffix,
		clientUAT:  cookieClientUAT + "_" + suffix,
		devBrowser: cookieDevBrowser + "_" + suffix,
	}
}

// cookies holds the values of the protocol's cookies. "" means absent or empty, which
// the protocol treats alike.
type cookies struct {
	session, sessionSuffixed       string
	clientUAT, clientUATSuffixed   string
	devBrowser, devBrowserSuffixed string
	refresh                        string // only the suffixed one counts
	handshake, handshakeNonce      string // never suffixed
	redirectCount                  string
}

// readCookies reads the Cookie headers as Clerk's SDK does: split at ";", spaces
// and tabs trimmed, the first cookie of a name wins even when it is empty, values
// (never names) are percent-decoded once, after the split, so that no value can
// forge a second cookie. net/http's own parser strips quotes and drops values
// that it finds invalid, which would lead to other decisions than the SDK's.
func readCookies(h http.Header, names *cookieNames) cookies {
	var (
		c    cookies
		seen uint16
	)
	for _, line := range h["Cookie"] {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			name, value, ok := strings.Cut(pair, "=")
			if !ok {
				continue
			}
			name = strings.Trim(name, " \t")
			if !strings.HasPrefix(name, "__") {
				continue
			}
			slot, bit := c.slot(name, names)
			if slot == nil || seen&bit != 0 {
				continue
			}
			seen |= bit
			*slot = decodeCookieValue(strings.Trim(value, " \t"))
		}
	}
	return c
}

func (c *cookies) slot(name string, names *cookieNames) (*string, uint16) {
	switch name {
	case cookieSession:
		return &c.session, 1 << 0
	case names.session:
		return &c.sessionSuffixed, 1 << 1
	case cookieClientUAT:
		return &c.clientUAT, 1 << 2
	case names.clientUAT:
		return &c.clientUATSuffixed, 1 << 3
	case cookieDevBrowser:
		return &c.devBrowser, 1 << 4
	case names.devBrowser:
		return &c.devBrowserSuffixed, 1 << 5
	case names.refresh:
		return &c.refresh, 1 << 6
	case cookieHandshake:
		return &c.handshake, 1 << 7
	case cookieHandshakeNonce:
		return &c.handshakeNonce, 1 << 8
	case cookieRedirectCount:
		return &c.redirectCount, 1 << 9
	}
	return nil, 0
}

// decodeCookieValue decodes like decodeURIComponent, and returns the value itself if that fails.
// Bytes above ASCII are Latin-1, as JavaScript reads headers.
func decodeCookieValue(v string) string {
	if !isASCII(v) {
		v = fromLatin1(v)
	}
	if strings.IndexByte(v, '%') < 0 {
		return v
	}
	decoded, err := url.PathUnescape(v)
	if err != nil || !utf8.ValidString(decoded) {
		return v
	}
	return decoded
}

func isASCII(s string) bool {
	for ; len(s) >= 8; s = s[8:] { // a session token has a hundred of these
		if (s[0]|s[1]|s[2]|s[3]|s[4]|s[5]|s[6]|s[7])&utf8.RuneSelf != 0 {
			return false
		}
	}
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func fromLatin1(s string) string {
	out := make([]rune, len(s))
	for i := range len(s) {
		out[i] = rune(s[i])
	}
	return string(out)
}

// cookieDirective splits one Set-Cookie line as Clerk's SDK does: the name up to
// the first "=", the value up to the second. ok is false without any "=".
func cookieDirective(line string) (name, value string, ok bool) {
	pair, _, _ := strings.Cut(line, ";")
	name, value, ok = strings.Cut(pair, "=")
	value, _, _ = strings.Cut(value, "=")
	return name, value, ok
}

// sessionDirective returns the token of the last directive whose name begins with
// __session. found is false when there is none; token is "" when that directive
// has no value.
func sessionDirective(lines []string) (token string, found bool) {
	for _, line := range lines {
		if name, value, _ := cookieDirective(line); strings.HasPrefix(name, cookieSession) {
			token, found = value, true
		}
	}
	return token, found
}

// validSetCookie reports whether a line received from Clerk can be the value of a
// header. Any other could add headers of its own.
func validSetCookie(lines []string) bool {
	for _, line := range lines {
		if strings.ContainsAny(line, "\r\n\x00") {
			return false
		}
	}
	return true
}

// setCookieHeaders turns lines received from Clerk into header values; ok is false
// if one of them cannot be a header.
func setCookieHeaders(lines []string) (headers []string, ok bool) {
	if !validSetCookie(lines) {
		return nil, false
	}
	headers = make([]string, len(lines))
	for i, line := range lines {
		if headers[i], ok = latin1(line); !ok {
			return nil, false
		}
	}
	return headers, true
}
