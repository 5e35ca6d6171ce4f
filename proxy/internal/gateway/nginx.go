package gateway

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
)

const (
	// maxNginxCookies is how many cookies the recipe for nginx passes on. A handshake
	// of Clerk's sets up to ten.
	maxNginxCookies = 16
	// maxNginxBody bounds a JSON body that travels in a header.
	maxNginxBody = 2 << 10
)

// What is told to nginx beside the status.
const (
	headerNginxRedirect = "X-Clerk-Redirect"     // where to send the browser
	headerNginxAnswer   = "X-Clerk-Answer"       // the status that the client should get
	headerNginxBody     = "X-Clerk-Body"         // the JSON to go with it
	headerNginxCookie   = "X-Clerk-Set-Cookie-1" // and -2, and so on
)

// settleForNginx translates for the module auth_request, to which 2xx is a yes, 401
// and 403 are a no, and the rest is an error. It hands on neither body nor
// Location, and of several headers of one name it sees the first: so all of that
// travels in headers of its own, which the recipe puts in place.
func (a *Answer) settleForNginx() {
	a.complete()
	cookies := a.header["Set-Cookie"]
	if len(cookies) > maxNginxCookies {
		// To leave some out could sign the browser in by halves, or send it round in
		// circles.
		a.fail("too_many_cookies", "There are more cookies than can be told to nginx.")
		cookies = nil
	}
	h := a.header
	delete(h, "Set-Cookie")
	for i, cookie := range cookies {
		h[headerNginxCookie[:len(headerNginxCookie)-1]+strconv.Itoa(i+1)] = []string{cookie}
	}
	if a.granted {
		return
	}
	said := a.status
	switch location := h.Get("Location"); {
	case 300 <= said && said < 400 && location != "":
		h[headerNginxRedirect] = []string{location}
		delete(h, "Location")
		a.status = http.StatusUnauthorized
	case said != http.StatusUnauthorized && said < 500:
		a.status = http.StatusForbidden
	}
	h[headerNginxAnswer] = []string{strconv.Itoa(said)}
	if text, ok := inHeader(h, a.body.Bytes()); ok {
		h[headerNginxBody] = []string{text}
	}
}

// inHeader is a JSON body on one line, if it can travel in a header.
func inHeader(h http.Header, body []byte) (string, bool) {
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
