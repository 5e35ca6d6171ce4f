package gateway

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

const (
	// maxNginxCookies is how many cookies the recipe for nginx passes on. A handshake
	// of Clerk's sets up to ten.
	maxNginxCookies = 16
	// maxNginxBody bounds a JSON body that is sent in a header, in bytes.
	maxNginxBody = 2 << 10
)

// Headers for nginx, which the recipe translates.
const (
	headerNginxRedirect = "X-Clerk-Redirect"     // where to send the browser
	headerNginxAnswer   = "X-Clerk-Answer"       // the status for the client
	headerNginxBody     = "X-Clerk-Body"         // the JSON body for the client
	headerNginxCookie   = "X-Clerk-Set-Cookie-1" // and -2, and so on
)

// settleForNginx completes the answer for nginx's module auth_request, which lets a
// request pass after 2xx, denies it after 401 and 403, and takes everything else as an
// error. The module passes on neither body nor Location, and sees only the first of
// several headers with one name. All of that is therefore sent in separate headers,
// from which the recipe restores it.
func (a *Answer) settleForNginx() {
	a.complete()
	cookies := a.header["Set-Cookie"]
	if len(cookies) > maxNginxCookies {
		// Leaving some out could sign the browser in only partly, or cause a redirect
		// loop.
		a.fail("too_many_cookies", "There are more cookies than can be passed through nginx.")
		cookies = nil
	}
	h := a.header
	delete(h, "Set-Cookie")
	if vary := h["Vary"]; len(vary) > 1 {
		h["Vary"] = []string{strings.Join(vary, ", ")}
	}
	for i, cookie := range cookies {
		h[headerNginxCookie[:len(headerNginxCookie)-1]+strconv.Itoa(i+1)] = []string{cookie}
	}
	if a.granted {
		return
	}
	status := a.status
	switch location := h.Get("Location"); {
	case 300 <= status && status < 400 && location != "":
		h[headerNginxRedirect] = []string{location}
		delete(h, "Location")
		a.status = http.StatusUnauthorized
	case status != http.StatusUnauthorized && status < 500:
		a.status = http.StatusForbidden
	}
	h[headerNginxAnswer] = []string{strconv.Itoa(status)}
	if text, ok := inHeader(h, a.body.Bytes()); ok {
		h[headerNginxBody] = []string{text}
	}
}

// inHeader returns a JSON body on one line; ok is false if it cannot be sent in a header.
func inHeader(h http.Header, body []byte) (text string, ok bool) {
	if h.Get("Content-Type") != "application/json" {
		return "", false
	}
	var compact bytes.Buffer
	if json.Compact(&compact, body) != nil || compact.Len() > maxNginxBody {
		return "", false
	}
	for _, c := range compact.Bytes() {
		if c < ' ' || c > '~' {
			return "", false
		}
	}
	return compact.String(), true
}
