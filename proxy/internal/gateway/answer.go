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

// maxBody bounds what a judgement may write, in bytes; it writes short pages and JSON.
const maxBody = 64 << 10

// Answer is a judgement while it is being written, as to a client. It is a yes only if
// [Answer.Grant] said so: no status of anything else is ever taken for one.
type Answer struct {
	header  http.Header
	status  int // 0 until there is one
	body    bytes.Buffer
	granted bool
	tooLong bool
}

var _ http.ResponseWriter = (*Answer)(nil)

// NewAnswer makes an Answer that says nothing yet, which is not a yes.
func NewAnswer() *Answer { return &Answer{header: make(http.Header)} }

// Header implements [http.ResponseWriter].
func (a *Answer) Header() http.Header { return a.header }

// WriteHeader implements [http.ResponseWriter]. The first final status counts.
func (a *Answer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 {
		a.status = status
	}
}

// Write implements [http.ResponseWriter]. Of an answer that is too long nothing is told.
func (a *Answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.body.Len()+len(p) > maxBody {
		a.tooLong = true
		return len(p), nil
	}
	return a.body.Write(p)
}

// Grant says yes in place of the application, and tells the gateway what the
// application may see. w leads to a, perhaps through writers that add to its header. in
// is the header of the original request, out that which an upstream would get.
//
// Every identity header is in the answer, empty when there is nothing to tell: a
// gateway that copies them then overwrites whatever a client sent under the same
// name (CVE-2026-30851). Cookie and Authorization are as an upstream would get
// them: the session fresh, the refresh token gone. What else the upstream would
// get otherwise than it came, such as a header that the route adds, is there too.
func (a *Answer) Grant(w http.ResponseWriter, in, out http.Header) {
	h := w.Header()
	wire.Delete(h, wire.ClaimsIdentity) // what the middleware tells browsers
	for name, values := range out {
		if len(values) > 0 && !wire.ClaimsForwarded(name) && !slices.Equal(values, in[name]) {
			h[name] = []string{strings.Join(values, ", ")}
		}
	}
	for _, name := range identity.Headers() {
		h[name] = []string{strings.Join(out[name], ", ")}
	}
	h["Authorization"] = []string{strings.Join(out["Authorization"], ", ")}
	h["Cookie"] = []string{strings.Join(out["Cookie"], "; ")}
	a.granted = true
	w.WriteHeader(http.StatusOK)
}

// Granted says whether the answer is a yes. It is right once the answer is settled.
func (a *Answer) Granted() bool { return a.granted }

// Status is the answer's status, 0 if it has none.
func (a *Answer) Status() int { return a.status }

// Body is what the answer says to the client in place of the application.
func (a *Answer) Body() []byte { return a.body.Bytes() }

// Settle makes the answer fit to be told to gateways that take a grant alone for a yes
// and pass on everything else as it is: Envoy, and Caddy and HAProxy by their recipes.
func (a *Answer) Settle() {
	a.complete()
	if a.otherSuccess() && a.status != http.StatusNoContent {
		a.fail("no_grant", "The request was answered in place of the application, which this gateway cannot pass on.")
	}
}

// settleWithoutOtherSuccess is for gateways that take each 2xx for a yes and cannot
// pass one on: Traefik, and those that are not known.
func (a *Answer) settleWithoutOtherSuccess() {
	a.complete()
	if a.otherSuccess() {
		*a = *NewAnswer()
		answer.RefuseJSON(a, http.StatusForbidden, "preflight_not_supported",
			"This gateway cannot pass on the answer to a CORS preflight; let the gateway answer it.")
	}
}

// otherSuccess says that the answer is a 2xx which is no yes, such as that to a
// CORS preflight.
func (a *Answer) otherSuccess() bool { return !a.granted && a.status < 300 }

// complete makes an answer that is not whole a failure; none is ever cached.
func (a *Answer) complete() {
	if a.status == 0 || a.tooLong || a.granted && a.status != http.StatusOK {
		a.fail("incomplete_answer", "The request could not be judged.")
	}
	a.header.Set("Cache-Control", "no-store")
	a.header.Del("Content-Length")
}

// fail replaces the answer by a 500.
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
