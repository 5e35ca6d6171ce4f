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
	maxCalls    = 4096     // older calls are forgotten
	maxCallBody = 16 << 10 // of each body, this much is kept
)

// Call is a request that this Clerk got.
type Call struct {
	Method string
	Path   string
	Query  url.Values
	Header http.Header // as it came, the secret key included: do not print it
	Body   []byte      // at most the first 16 KiB
	Status int         // of the answer; 0 while it is on its way, or when there was none
}

type callLog struct {
	mu    sync.Mutex
	calls []*Call
}

// Calls are the last 4096 requests in the order in which they came, also those that are not answered yet.
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

// CallCount counts the remembered requests by method (empty: any) and path, which may be a prefix of whole segments
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

// ResetCalls forgets all calls so far.
func (c *Clerk) ResetCalls() {
	c.calls.mu.Lock()
	defer c.calls.mu.Unlock()
	c.calls.calls = nil
}

func (l *callLog) begin(r *http.Request, body []byte) *Call {
	call := &Call{
		Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Header: r.Header.Clone(),
		Body: bytes.Clone(body[:min(len(body), maxCallBody)]),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.calls) == maxCalls {
		l.calls = slices.Delete(l.calls, 0, 1)
	}
	l.calls = append(l.calls, call)
	return call
}

func (l *callLog) end(call *Call, status int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	call.Status = status
}

// matchPath is true for a pattern that path.Match accepts, and for a prefix that ends where a segment ends.
func matchPath(pattern, p string) bool {
	if ok, err := path.Match(pattern, p); err == nil && ok {
		return true
	}
	prefix := strings.TrimSuffix(pattern, "/")
	return p == prefix || strings.HasPrefix(p, prefix+"/")
}

// statusWriter remembers the status that was sent.
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
