package outbound

import (
	"net/http"
	"net/url"
	"strings"
)

// privateCookie reports whether a cookie is between Clerk and the browser. The prefixes
// cover the suffixes of all instances.
func privateCookie(name string) bool {
	return strings.HasPrefix(name, "__refresh") ||
		strings.HasPrefix(name, "__clerk_handshake") ||
		strings.HasPrefix(name, "__clerk_db_jwt") ||
		name == "__clerk_redirect_count"
}

// rewriteCookies removes Clerk's private cookies. Unless fresh is empty, it replaces the
// session token under both of its names, the plain one and the one with the instance's
// suffix. Other cookies stay as they are, byte for byte. Names are read as the middleware
// reads them, so that the cookie it accepted is the one that is replaced.
func rewriteCookies(h http.Header, suffix, fresh string) {
	plain, suffixed := "__session", "__session_"+suffix
	replaced := fresh == ""
	lines := h["Cookie"]
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
		// A handshake has brought a session that the browser did not send.
		session := plain + "=" + fresh + "; " + suffixed + "=" + fresh
		if len(kept) > 0 {
			kept[0] += "; " + session
		} else {
			kept = append(kept, session)
		}
	}
	if len(kept) == 0 {
		delete(h, "Cookie")
		return
	}
	h["Cookie"] = kept
}

// publicQuery removes the parameters that Clerk passes to the middleware through the
// browser. The rest of the query stays as it is, byte for byte.
func publicQuery(raw string) string {
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

// WithoutSession returns r without the cookies of Clerk's session. An application that
// verified those itself would act for the page of another site.
func WithoutSession(r *http.Request) *http.Request {
	clone := *r
	clone.Header = r.Header.Clone()
	var kept []string
	for _, line := range r.Header["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			name, _, _ := strings.Cut(pair, "=")
			name = strings.Trim(name, " \t")
			if name != "" && !strings.HasPrefix(name, "__session") && !strings.HasPrefix(name, "__client_uat") {
				kept = append(kept, strings.Trim(pair, " \t"))
			}
		}
	}
	clone.Header.Del("Cookie")
	if len(kept) > 0 {
		clone.Header["Cookie"] = []string{strings.Join(kept, "; ")}
	}
	return &clone
}
