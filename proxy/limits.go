package proxy

import (
	"net/http"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// What no honest client sends: browsers keep less than 200 cookies for a site, and
// a request that came through several proxies has some 50 fields. Each costs an
// allocation here and everywhere behind (CVE-2025-58186).
const (
	maxFields  = 256
	maxCookies = 512
)

// limiter stands before everything that looks at a request. A request over
// HTTP/1 without a body, which most are, passes with one look at its header:
// [guardedConn] bounds its answer.
type limiter struct {
	next    http.Handler
	maxBody int64
	idle    time.Duration
}

func (l *limiter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Body == http.NoBody && r.ProtoMajor == 1 {
		l.serve(w, r)
		return
	}
	g := newGuard(w, r, l.idle, l.maxBody)
	defer g.finish()
	// A copy: net/http looks at its own request's body once more when the handler
	// is done, to find out whether the connection can be used again.
	guarded := r.WithContext(r.Context())
	if g.body != nil {
		guarded.Body = g.body
	}
	l.serve(g, guarded)
}

func (l *limiter) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case tooManyFields(r.Header):
		lastAnswer(w, r, http.StatusRequestHeaderFieldsTooLarge, "header_too_large", "The request has too many headers or cookies.")
	case l.maxBody > 0 && r.ContentLength > l.maxBody:
		lastAnswer(w, r, http.StatusRequestEntityTooLarge, "request_too_large", "What was sent is larger than this server takes.")
	default:
		l.next.ServeHTTP(w, r)
	}
}

// lastAnswer refuses a request whose rest nobody wants to read.
func lastAnswer(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
	answer.Refuse(w, r, status, code, message)
}

func tooManyFields(h http.Header) bool {
	fields, cookies := 0, 0
	for name, values := range h {
		fields += len(values)
		if name == "Cookie" {
			// HTTP/2 clients may send each cookie in a field of its own (RFC 9113,
			// section 8.2.3); net/http has joined them by now.
			for _, value := range values {
				cookies += 1 + strings.Count(value, ";")
			}
		}
	}
	return fields > maxFields || cookies > maxCookies
}
