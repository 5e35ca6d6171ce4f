package serve

import (
	"net/http"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// Limits bound what one client can hold of a server.
type Limits struct {
	// ReadHeaderTimeout is how long the header of a request may take, and the TLS
	// handshake before it.
	ReadHeaderTimeout time.Duration
	// BodyIdleTimeout is how long a client may send nothing of a body that is being
	// read, or accept nothing of a response that is being written.
	BodyIdleTimeout time.Duration
	// IdleTimeout is how long a connection stays open between requests.
	IdleTimeout time.Duration
	// MaxHeaderBytes bounds the header of a request. net/http gives 4 KiB more to
	// HTTP/1, and counts 32 bytes more for each field of HTTP/2.
	MaxHeaderBytes int
	// MaxBodyBytes bounds the body of a request; 0 means no limit.
	MaxBodyBytes int64
	// MaxConnections bounds the open connections; further ones wait in the
	// system's queue. 0 means no limit.
	MaxConnections int
	// MaxStreams bounds the concurrent requests of an HTTP/2 connection.
	MaxStreams int
}

// No honest client exceeds these: browsers keep fewer than 200 cookies for a site, and
// a request that came through several proxies has some 50 fields. Each costs an
// allocation, here and in the application (CVE-2025-58186).
const (
	maxFields  = 256
	maxCookies = 512
)

// maxURI bounds the target of a request with credentials, in bytes. Only URLs of up to
// 32 KiB can be authenticated; this leaves room for the scheme and the longest host.
// Requests without credentials need no authentication, so that no limit applies.
const maxURI = 32<<10 - 512

// limiter is the handler that [Limit] returns.
type limiter struct {
	next    http.Handler
	pages   *answer.Pages
	maxBody int64
	idle    time.Duration
}

// Limit applies limits to each request before next sees it. For most requests, those
// over HTTP/1 without a body, it only checks the header: the connections of [Run]
// bound the response. Requests over a limit are refused by pages.
//
// The ResponseWriter that next gets has a method BothWays(), which allows the response
// to begin while the body is still being read. The body has a method
// Failure(context.Context) *answer.Error, which returns the response to a request whose
// body could not be read.
func Limit(next http.Handler, limits Limits, pages *answer.Pages) http.Handler {
	return &limiter{next: next, pages: pages, maxBody: limits.MaxBodyBytes, idle: limits.BodyIdleTimeout}
}

func (l *limiter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Body == http.NoBody && r.ProtoMajor == 1 {
		l.serve(w, r)
		return
	}
	bw := newBoundedWriter(w, r, l.idle, l.maxBody)
	defer bw.finish(r.Context())
	// A copy, because net/http checks the body of its own request after the handler has
	// returned, to find out whether the connection can be reused.
	bounded := r.WithContext(r.Context())
	if bw.body != nil {
		bounded.Body = bw.body
	}
	l.serve(bw, bounded)
}

func (l *limiter) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case malformed(r):
		l.lastAnswer(w, r, http.StatusBadRequest, "request_malformed", "This is not a valid request.")
	case len(r.RequestURI) > maxURI && showsCredentials(r.Header):
		l.lastAnswer(w, r, http.StatusRequestURITooLong, "uri_too_long", "This address is too long.")
	case tooManyFields(r.Header):
		l.lastAnswer(w, r, http.StatusRequestHeaderFieldsTooLarge, "header_too_large", "The request has too many headers or cookies.")
	case l.maxBody > 0 && r.ContentLength > l.maxBody:
		l.lastAnswer(w, r, http.StatusRequestEntityTooLarge, "request_too_large", "What was sent is larger than this server accepts.")
	default:
		l.next.ServeHTTP(w, r)
	}
}

// showsCredentials reports whether a request has something to authenticate with.
func showsCredentials(h http.Header) bool { return len(h["Cookie"]) > 0 || len(h["Authorization"]) > 0 }

// lastAnswer refuses a request whose body is not going to be read.
func (l *limiter) lastAnswer(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
	l.pages.Refuse(w, r, status, code, message)
}

// malformed reports what net/http accepts and upstreams may not: an invalid method over
// HTTP/2, and a Content-Length with leading zeros, which some parse as octal.
func malformed(r *http.Request) bool {
	if r.ProtoMajor > 1 && !wire.IsToken(r.Method) {
		return true
	}
	length := r.Header["Content-Length"]
	return len(length) > 0 && len(length[0]) > 1 && length[0][0] == '0'
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
