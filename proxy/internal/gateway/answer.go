package gateway

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/identity"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// maxBody bounds the body of an answer, in bytes. Bodies are short pages and JSON.
const maxBody = 64 << 10

// Answer is the answer to a gateway. It is written like a response to a client. It is
// positive only after [Answer.Grant]: a status alone never makes it so.
type Answer struct {
	header  http.Header
	status  int // 0 until it is written
	body    bytes.Buffer
	granted bool
	tooLong bool
	code    string // of the refusal
}

var _ http.ResponseWriter = (*Answer)(nil)

// NewAnswer returns an empty Answer, which is a refusal.
func NewAnswer() *Answer { return &Answer{header: make(http.Header)} }

// Header implements [http.ResponseWriter].
func (a *Answer) Header() http.Header { return a.header }

// WriteHeader implements [http.ResponseWriter]. The first final status counts.
func (a *Answer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 {
		a.status = status
	}
}

// Write implements [http.ResponseWriter]. If the body is too long, the answer becomes a
// failure.
func (a *Answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.body.Len()+len(p) > maxBody {
		a.tooLong = true
		return len(p), nil
	}
	return a.body.Write(p)
}

// Grant makes the answer positive, and sets the headers that the gateway copies to the
// application's request. w is a, or a writer that wraps a and may add headers. in is the
// header of the original request, out the header that an upstream would get.
//
// Every identity header is in the answer, empty if there is no value, so that a gateway
// that copies them overwrites what a client sent under the same name (CVE-2026-30851).
// Cookie and Authorization are as an upstream would get them: with the fresh session
// token, without the refresh token. Other headers that differ between in and out, such
// as those that the route adds, are in the answer too. told are names that are always in
// it, as the identity headers are.
func (a *Answer) Grant(w http.ResponseWriter, in, out http.Header, told ...string) {
	h := w.Header()
	wire.Delete(h, wire.ClaimsIdentity) // those that the middleware sets for browsers
	for name, values := range out {
		if len(values) > 0 && !wire.ClaimsForwarded(name) && !slices.Equal(values, in[name]) {
			h[name] = []string{strings.Join(values, ", ")}
		}
	}
	for _, name := range identity.Headers() {
		h[name] = []string{strings.Join(out[name], ", ")}
	}
	for _, name := range told {
		h[name] = []string{strings.Join(out[name], ", ")}
	}
	h["Authorization"] = []string{strings.Join(out["Authorization"], ", ")}
	h["Cookie"] = []string{strings.Join(out["Cookie"], "; ")}
	a.granted = true
	w.WriteHeader(http.StatusOK)
}

// Granted reports whether the answer is positive. It is reliable only after
// [Answer.Settle].
func (a *Answer) Granted() bool { return a.granted }

// Status returns the answer's status, or 0 if it has none.
func (a *Answer) Status() int { return a.status }

// Refused is called by package answer with the code of a refusal.
func (a *Answer) Refused(code string) { a.code = code }

// Code returns the code of the refusal, or "".
func (a *Answer) Code() string { return a.code }

// Body returns the body for the client.
func (a *Answer) Body() []byte { return a.body.Bytes() }

// Settle completes the answer for gateways that let a request pass only after a grant,
// and pass every other answer on to the client as it is: Envoy, and with our recipes
// Caddy and HAProxy.
func (a *Answer) Settle() {
	a.complete()
	if a.otherSuccess() && a.status != http.StatusNoContent {
		a.fail("no_grant", "The request has a response already, which this gateway cannot pass on.")
	}
}

// settleWithoutOtherSuccess completes the answer for gateways that let a request pass
// after any 2xx and cannot pass a 2xx on to the client: Traefik, and unknown ones.
func (a *Answer) settleWithoutOtherSuccess() {
	a.complete()
	if a.otherSuccess() {
		*a = *NewAnswer()
		answer.RefuseJSON(a, http.StatusForbidden, "preflight_not_supported",
			"This gateway cannot pass on the response to a CORS preflight; let the gateway respond to it.")
	}
}

// otherSuccess reports whether the answer is a 2xx without a grant, such as the response
// to a CORS preflight.
func (a *Answer) otherSuccess() bool { return !a.granted && a.status < 300 }

// complete turns an incomplete answer into a failure, and forbids caching.
func (a *Answer) complete() {
	if a.status == 0 || a.tooLong || a.granted && a.status != http.StatusOK {
		a.fail("incomplete_answer", "The request could not be judged.")
	}
	a.header.Set("Cache-Control", "no-store")
	a.header.Del("Content-Length")
}

// fail replaces the answer with a 500.
func (a *Answer) fail(code, message string) {
	*a = *NewAnswer()
	answer.RefuseJSON(a, http.StatusInternalServerError, code, message)
}

func (a *Answer) write(w http.ResponseWriter) {
	h := w.Header()
	for name, values := range a.header {
		h[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes())
}
