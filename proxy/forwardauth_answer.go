package proxy

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

const (
	// maxAnswerBody bounds what a judgement may write, in bytes; it writes short
	// pages and JSON.
	maxAnswerBody = 64 << 10
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

// gatewayAnswer is a judgement while it is being written. It is a yes only if grant
// said so: no status of anything else is ever taken for one.
type gatewayAnswer struct {
	header  http.Header
	status  int
	body    bytes.Buffer
	granted bool
	tooLong bool
}

func newGatewayAnswer() *gatewayAnswer { return &gatewayAnswer{header: make(http.Header)} }

func (a *gatewayAnswer) Header() http.Header { return a.header }

func (a *gatewayAnswer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 {
		a.status = status
	}
}

func (a *gatewayAnswer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.body.Len()+len(p) > maxAnswerBody {
		a.tooLong = true
		return len(p), nil
	}
	return a.body.Write(p)
}

// otherSuccess says that the answer is a 2xx which is no yes, such as that to a
// CORS preflight.
func (a *gatewayAnswer) otherSuccess() bool { return !a.granted && a.status < 300 }

// finish makes the answer fit to be told: never cached, and a failure when it is
// incomplete.
func (a *gatewayAnswer) finish() {
	if a.status == 0 || a.tooLong || a.granted && a.status != http.StatusOK {
		a.fail("incomplete_answer", "The request could not be judged.")
	}
	a.header.Set("Cache-Control", "no-store")
	a.header.Del("Content-Length")
}

// fail replaces the answer by a 500.
func (a *gatewayAnswer) fail(code, message string) {
	*a = *newGatewayAnswer()
	answer.RefuseJSON(a, http.StatusInternalServerError, code, message)
}

// sayPlainly is for gateways that take 200 alone for a yes and pass on everything
// else as it is: Envoy, and Caddy and HAProxy by their recipes.
func sayPlainly(w http.ResponseWriter, a *gatewayAnswer) {
	a.finish()
	if a.otherSuccess() && a.status != http.StatusNoContent {
		a.fail("no_grant", "The request was answered in place of the application, which this gateway cannot pass on.")
	}
	writeAnswer(w, a)
}

// sayWithoutOtherSuccess is for gateways that take each 2xx for a yes and cannot
// pass one on: Traefik, and who is not known.
func sayWithoutOtherSuccess(w http.ResponseWriter, a *gatewayAnswer) {
	a.finish()
	if a.otherSuccess() {
		*a = *newGatewayAnswer()
		answer.RefuseJSON(a, http.StatusForbidden, "preflight_not_supported",
			"This gateway cannot pass on the answer to a CORS preflight; let the gateway answer it.")
	}
	writeAnswer(w, a)
}

func writeAnswer(w http.ResponseWriter, a *gatewayAnswer) {
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes())
}

// sayToNginx translates for the module auth_request, to which 2xx is a yes, 401
// and 403 are a no, and the rest is an error. It hands on neither body nor
// Location, and of several headers of one name it sees the first: so all of that
// travels in headers of its own, which the recipe puts in place.
func sayToNginx(w http.ResponseWriter, a *gatewayAnswer) {
	a.finish()
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
	if !a.granted {
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
	writeAnswer(w, a)
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
