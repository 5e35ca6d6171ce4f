package frontend

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// maxRefusal is how much of an error of Clerk's is read, in bytes.
const maxRefusal = 64 << 10

// failedCode stands where the Frontend API gave no usable answer.
const failedCode = "proxy_request_failed"

// refusal is an error of the Frontend API, in JSON, that a person would get to see.
type refusal struct {
	status int
	code   string
	header http.Header // what of Clerk's header the browser still needs
}

// Error makes the refusal an error, for net/http/httputil to hand it to [call.failed].
func (e *refusal) Error() string { return "the Frontend API answered " + http.StatusText(e.status) }

// isJSON reports whether a response is for programs.
func isJSON(res *http.Response) bool {
	kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), "application/json")
}

// refusalOf reads an error of Clerk's. Its code is kept if it can be read, for people to
// tell; its messages are for those who wrote the program.
func refusalOf(res *http.Response) *refusal {
	e := &refusal{status: res.StatusCode, code: "clerk_refused", header: make(http.Header)}
	for _, name := range []string{"Set-Cookie", "Retry-After"} {
		if values := res.Header[name]; len(values) > 0 {
			e.header[name] = values
		}
	}
	var body struct {
		Errors []struct{ Code string }
	}
	if e.status >= http.StatusInternalServerError {
		e.status, e.code = http.StatusServiceUnavailable, failedCode
		return e
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxRefusal))
	if err == nil && json.Unmarshal(text, &body) == nil && len(body.Errors) > 0 {
		if code := body.Errors[0].Code; regexp.MustCompile(`^[a-z0-9_]{1,64}$`).MatchString(code) {
			e.code = code
		}
	}
	return e
}

func (e *refusal) show(w http.ResponseWriter, r *http.Request, api *API) {
	for name, values := range e.header {
		w.Header()[name] = values
	}
	if e.status == http.StatusServiceUnavailable {
		api.unavailable(w, r, "The sign-in service could not answer.")
		return
	}
	message := "The sign-in service did not accept this request."
	switch {
	case e.status == http.StatusNotFound:
		message = "There is nothing at this address."
	case e.status == http.StatusTooManyRequests:
		message = "The sign-in service has been asked too often. Wait a minute, then try again."
	}
	api.opts.Pages.Refuse(w, r, e.status, e.code, message)
}
