package forward

import (
	"net/url"
	"strings"
)

// privateCookies are Clerk's own business with the browser: an upstream that
// holds a refresh token could act for the user long after the session token died.
// A name counts when it begins so, which covers every instance's suffix.
func privateCookie(name string) bool {
	return strings.HasPrefix(name, "__refresh") ||
		strings.HasPrefix(name, "__clerk_handshake") ||
		strings.HasPrefix(name, "__clerk_db_jwt") ||
		name == "__clerk_redirect_count"
}

// RewriteCookies removes Clerk's private cookies and, when fresh is not empty, puts it
// in place of the session token under both of its names: the plain one, and that with
// the instance's suffix. Every other cookie stays as it was, byte for byte. Names are
// read as the middleware reads them, so that what it believed is what is replaced.
func (h *Header) RewriteCookies(suffix, fresh string) {
	plain, suffixed := "__session", "__session_"+suffix
	replaced := fresh == ""
	lines := h.Map["Cookie"]
	kept := make([]string, 0, len(lines)+1)
	for _, line := range lines {
		if !strings.Contains(line, "__") {
			kept = append(kept, line)
			continue
		}
		var out []string
		changed := false
		for pair := range strings.SplitSeq(line, ";") {
			name, _, _ := strings.Cut(pair, "=")
			name = strings.Trim(name, " \t")
			switch {
			case privateCookie(name):
				changed = true
			case fresh != "" && (name == plain || name == suffixed):
				lead := pair[:len(pair)-len(strings.TrimLeft(pair, " \t"))]
				out = append(out, lead+name+"="+fresh)
				changed, replaced = true, true
			default:
				out = append(out, pair)
			}
		}
		if !changed {
			kept = append(kept, line)
			continue
		}
		if joined := strings.TrimLeft(strings.Join(out, ";"), " \t"); strings.Trim(joined, " \t;") != "" {
			kept = append(kept, joined)
		}
	}
	if !replaced {
		// A handshake has just brought a session that the browser did not send.
		session := plain + "=" + fresh + "; " + suffixed + "=" + fresh
		if len(kept) > 0 {
			kept[0] += "; " + session
		} else {
			kept = append(kept, session)
		}
	}
	if len(kept) == 0 {
		delete(h.Map, "Cookie")
		return
	}
	h.Map["Cookie"] = kept
}

// privateQuery removes the parameters in which Clerk hands over a browser; every
// other byte of the query stays, but for a number sign, which no target may have
// (RFC 9112, section 3.2) and at which some servers would end it.
func privateQuery(raw string) string {
	raw = strings.ReplaceAll(raw, "#", "%23")
	if !strings.Contains(raw, "clerk") && !strings.Contains(raw, "%") {
		return raw
	}
	var kept []string
	changed := false
	for pair := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		switch name {
		case "__clerk_db_jwt", "__clerk_handshake", "__clerk_handshake_nonce":
			changed = true
		default:
			kept = append(kept, pair)
		}
	}
	if !changed {
		return raw
	}
	return strings.Join(kept, "&")
}
