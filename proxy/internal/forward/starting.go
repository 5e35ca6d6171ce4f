package forward

import (
	"errors"
	"net/http"

	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

var errStarting = errors.New("the application is still starting")

// startingRetry is after how many seconds clients should try again while the application
// starts.
const startingRetry = "2"

// refuseWhileStarting answers in place of an application that accepts no connections yet.
// Nothing was sent to it, so that clients may send the request again, whatever its method.
func (u *Upstream) refuseWhileStarting(w http.ResponseWriter, in *http.Request, o *answer.Outcome) {
	const code, message = "upstream_starting", "The application is still starting. Try again in a moment."
	o.Err = errStarting
	h := w.Header()
	h.Set("Retry-After", startingRetry)
	if !u.pages.Wanted(in) {
		u.pages.Refuse(w, in, http.StatusServiceUnavailable, code, message)
		return
	}
	told := answer.Page{Status: http.StatusServiceUnavailable, Code: code, Message: message}
	if in.Method == http.MethodGet || in.Method == http.MethodHead {
		h.Set("Refresh", startingRetry)
		told.Reload = true
	}
	u.pages.Show(w, in, told)
}
