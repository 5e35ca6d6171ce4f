package clerktest

import (
	"bytes"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
)

const (
	maxCalls    = 4096     // older calls are dropped
	maxCallBody = 16 << 10 // bytes that are kept of each body
)

// Call is a recorded request.
type Call struct {
	Method string
	Path   string
	Query  url.Values
	Header http.Header // includes the secret key: do not print it
	Body   []byte      // at most the first 16 KiB
	Status int         // of the response; 0 if there is none yet, or was none
}

type callLog struct {
	mu    sync.Mutex
	calls []*Call
}

// Calls returns the last 4096 requests in the order of their arrival, including those without a response yet.
func (c *Clerk) Calls() []Call {
	c.calls.mu.Lock()
	defer c.calls.mu.Unlock()
	calls := make([]Call, len(c.calls.calls))
	for i, call := range c.calls.calls {
		calls[i] = *call
		calls[i].Header = call.Header.Clone()
		calls[i].Body = bytes.Clone(call.Body)
	}
	return calls
}

// CallCount counts the recorded requests by method ("" for any) and path. The path may be a prefix of whole segments
// ("/v1/client" is not a prefix of "/v1/clients") or a pattern of [path.Match] ("/v1/sessions/*/refresh").
func (c *Clerk) CallCount(method, pathPrefix string) int {
	c.calls.mu.Lock()
	defer c.calls.mu.Unlock()
	n := 0
	for _, call := range c.calls.calls {
		if (method == "" || call.Method == method) && matchPath(pathPrefix, call.Path) {
			n++
		}
	}
	return n
}

// ResetCalls deletes all recorded calls.
func (c *Clerk) ResetCalls() {
	c.calls.mu.Lock()
	defer c.calls.mu.Unlock()
	c.calls.calls = nil
}

func (lg *callLog) begin(r *http.Request, body []byte) *Call {
	call := &Call{
		Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Header: r.Header.Clone(),
		Body: bytes.Clone(body[:min(len(body), maxCallBody)]),
	}
	lg.mu.Lock()
	defer lg.mu.Unlock()
	if len(lg.calls) == maxCalls {
		lg.calls = slices.Delete(lg.calls, 0, 1)
	}
	lg.calls = append(lg.calls, call)
	return call
}

func (lg *callLog) end(call *Call, status int) {
	lg.mu.Lock()
	defer lg.mu.Unlock()
	call.Status = status
}

// matchPath reports whether p matches the pattern by path.Match, or begins with it, up to the end of a segment.
func matchPath(pattern, p string) bool {
	if ok, err := path.Match(pattern, p); err == nil && ok {
		return true
	}
	prefix := strings.TrimSuffix(pattern, "/")
	return p == prefix || strings.HasPrefix(p, prefix+"/")
}

// statusWriter records the status of a response.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
