package clerktest

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Fault makes endpoints misbehave. After Delay it answers as Status, Code and Body say; when none of them is set the
// endpoint answers as usual, only later.
type Fault struct {
	// Method is the method as sent, such as "POST". Empty is any.
	Method string
	// Path is a pattern of path.Match ("/v1/sessions/*/refresh") or a prefix of whole segments ("/v1/sessions").
	// Empty is every path.
	Path string
	// Status of the answer. 0 with a Code is 500, 0 with a Body is 200.
	Status int
	// Code makes the answer an error in Clerk's shape. Empty with an error Status is the code that fits the status.
	Code string
	// Delay comes before the answer, on real time. It ends early when the client leaves.
	Delay time.Duration
	// Hang never answers: the request ends when the client leaves or the server closes.
	Hang bool
	// Body is sent as it is, so that it can be broken JSON.
	Body string
	// ContentType goes with Body. Empty means application/json.
	ContentType string
	// Times is how many requests are hit. 0 means all until the fault is removed.
	Times int
}

type faultList struct {
	mu     sync.Mutex
	faults []*armedFault
}

type armedFault struct {
	Fault
	left int
}

// Fail arms a fault. Of several that fit a request, the one armed first acts. The returned function disarms it; calling
// that twice is harmless, and requests already held by the fault stay so.
func (c *Clerk) Fail(f Fault) (remove func()) {
	armed := &armedFault{Fault: f, left: f.Times}
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	c.faults.faults = append(c.faults.faults, armed)
	return func() { c.faults.remove(armed) }
}

func (l *faultList) remove(f *armedFault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = slices.DeleteFunc(l.faults, func(other *armedFault) bool { return other == f })
}

// take finds the fault for a request and counts it.
func (l *faultList) take(r *http.Request) *Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, f := range l.faults {
		if (f.Method != "" && f.Method != r.Method) || !matchPath(f.Path, r.URL.Path) {
			continue
		}
		if f.Times > 0 {
			if f.left--; f.left == 0 {
				l.faults = slices.Delete(l.faults, i, i+1)
			}
		}
		hit := f.Fault
		return &hit
	}
	return nil
}

// act does what the fault says and reports whether the request is dealt with.
func (f *Fault) act(w http.ResponseWriter, r *http.Request) bool {
	if f.Hang {
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}
	if !sleep(r.Context(), f.Delay) {
		panic(http.ErrAbortHandler)
	}
	switch {
	case f.Body != "":
		w.Header().Set("Content-Type", cmp.Or(f.ContentType, "application/json"))
		w.WriteHeader(cmp.Or(f.Status, http.StatusOK))
		_, _ = w.Write([]byte(f.Body))
	case f.Code != "" || f.Status >= http.StatusBadRequest:
		status := cmp.Or(f.Status, http.StatusInternalServerError)
		writeError(w, refuse(status, cmp.Or(f.Code, codeFor(status)), "fault on request"))
	case f.Status != 0:
		w.WriteHeader(f.Status)
	default:
		return false
	}
	return true
}

// sleep waits on real time and says whether the wait was not cut short.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// codeFor is the code that Clerk's table of errors has for a status.
func codeFor(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "authentication_invalid"
	case http.StatusForbidden:
		return "authorization_invalid"
	case http.StatusNotFound:
		return "resource_not_found"
	case http.StatusConflict:
		return "conflict"
	case http.StatusUnprocessableEntity:
		return "form_param_value_invalid"
	case http.StatusTooManyRequests:
		return "too_many_requests"
	}
	if status < http.StatusInternalServerError {
		return "request_body_invalid"
	}
	return "internal_clerk_error"
}
