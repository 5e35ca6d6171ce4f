package frontend

import (
	"net/http"
	"strconv"
	"time"
)

const unreachable = "The Frontend API could not be reached."

// leastWait is the least time after which a client should come again.
const leastWait = 2 * time.Second

// unavailable answers in the place of a Frontend API that is down, always with 503: Clerk's
// front-end library tries again after that, but signs the user out after a 403 or a 500,
// and fails on a body that is not JSON.
func (a *API) unavailable(w http.ResponseWriter, r *http.Request, message string) {
	h := w.Header()
	if h.Get("Retry-After") == "" {
		h.Set("Retry-After", a.wait())
	}
	if r.Method == http.MethodGet && a.opts.Pages.Wanted(r) {
		h.Set("Refresh", a.wait())
	}
	a.opts.Pages.Refuse(w, r, http.StatusServiceUnavailable, failedCode, message)
}

// wait is how long clients should wait, in seconds: until the next call may be made, and a
// random time more, so that not all come back together.
func (a *API) wait() string {
	least := max(a.breaker.State().Next, leastWait)
	return strconv.Itoa(int((least + time.Duration(a.opts.Random()*float64(2*least))).Seconds()) + 1)
}

// hold makes a failure of Clerk's one after which its front-end library tries again. What
// is not for programs is replaced.
func (c *call) hold(res *http.Response) error {
	if c.opts.Pages.Wanted(c.in) || !isJSON(res) {
		return refusalOf(res)
	}
	if res.StatusCode == http.StatusInternalServerError {
		res.StatusCode, res.Status = http.StatusServiceUnavailable, ""
	}
	if res.Header.Get("Retry-After") == "" {
		res.Header.Set("Retry-After", c.wait())
	}
	return nil
}
