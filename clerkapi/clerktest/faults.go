package clerktest

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Fault makes endpoints misbehave. After Delay, the response is as Status, Code and Body say; if none of them is set,
// the endpoint responds as usual.
type Fault struct {
	// Method is the method as sent, such as "POST". Empty is any.
	Method string
	// Path is a pattern of path.Match ("/v1/sessions/*/refresh") or a prefix of whole segments ("/v1/sessions").
	// Empty is every path.
	Path string
	// Status is the status of the response. 0 means 500 with a Code, 200 with a Body.
	Status int
	// Code makes the response an error in Clerk's format. With an error Status, "" means a code that fits the status.
	Code string
	// Delay is the time before the response, in real time. It ends early if the client disconnects.
	Delay time.Duration
	// Hang sends no response: the request ends when the client disconnects or the server closes.
	Hang bool
	// Body is sent as it is, so it may be malformed JSON.
	Body string
	// ContentType is the type of Body. Empty means application/json.
	ContentType string
	// Times is how many requests the fault applies to. 0 means all, until it is removed.
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

// Fail adds a fault. If several match a request, the one added first applies. The returned function removes it; calling
// it twice is harmless, and requests that the fault already holds are not released.
func (c *Clerk) Fail(f Fault) (remove func()) {
	armed := &armedFault{Fault: f, left: f.Times}
	c.faults.mu.Lock()
	defer c.faults.mu.Unlock()
	c.faults.faults = append(c.faults.faults, armed)
	return func() { c.faults.remove(armed) }
}

func (fl *faultList) remove(f *armedFault) {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	fl.faults = slices.DeleteFunc(fl.faults, func(other *armedFault) bool { return other == f })
}

// take returns the fault for a request, or nil, and counts it.
func (fl *faultList) take(r *http.Request) *Fault {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	for i, f := range fl.faults {
		if (f.Method != "" && f.Method != r.Method) || !matchPath(f.Path, r.URL.Path) {
			continue
		}
		if f.Times > 0 {
			if f.left--; f.left == 0 {
				fl.faults = slices.Delete(fl.faults, i, i+1)
			}
		}
		hit := f.Fault
		return &hit
	}
	return nil
}

// act applies the fault and reports whether the request has been handled.
func (fa *Fault) act(w http.ResponseWriter, r *http.Request) bool {
	if fa.Hang {
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // closes the connection without a response
	}
	if !sleep(r.Context(), fa.Delay) {
		panic(http.ErrAbortHandler)
	}
	switch {
	case fa.Body != "":
		w.Header().Set("Content-Type", cmp.Or(fa.ContentType, "application/json"))
		w.WriteHeader(cmp.Or(fa.Status, http.StatusOK))
		_, _ = w.Write([]byte(fa.Body))
	case fa.Code != "" || fa.Status >= http.StatusBadRequest:
		status := cmp.Or(fa.Status, http.StatusInternalServerError)
		writeError(w, refuse(status, cmp.Or(fa.Code, codeFor(status)), "fault on request"))
	case fa.Status != 0:
		w.WriteHeader(fa.Status)
	default:
		return false
	}
	return true
}

// sleep waits in real time and reports whether ctx was still alive at the end.
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

// codeFor returns the code for a status in Clerk's table of errors.
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
