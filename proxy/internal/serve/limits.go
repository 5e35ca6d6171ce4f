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
	// read, or take nothing of an answer that is being written.
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
	// MaxStreams bounds the requests at one time on a connection of HTTP/2.
	MaxStreams int
}

// What no honest client sends: browsers keep less than 200 cookies for a site, and
// a request that came through several proxies has some 50 fields. Each costs an
// allocation here and everywhere behind (CVE-2025-58186).
const (
	maxFields  = 256
	maxCookies = 512
)

// maxURI bounds the target of a request that shows credentials, in bytes. It leaves
// room for the scheme and the longest host in the 32 KiB of a URL that can still be
// judged. Without credentials there is nothing to judge: what is public passes.
const maxURI = 32<<10 - 512

// limiter is what [Limit] makes.
type limiter struct {
	next    http.Handler
	maxBody int64
	idle    time.Duration
}

// Limit stands before everything that looks at a request. A request over HTTP/1
// without a body, which most are, passes with one look at its header: the
// connection of [Run] bounds its answer.
//
// The ResponseWriter that next gets has a method BothWays(), to be called before an
// answer may begin while the body is still being read; the body has a method
// Failure(context.Context) *answer.Error, which says how to answer a request whose
// body could not be read.
func Limit(next http.Handler, limits Limits) http.Handler {
	return &limiter{next: next, maxBody: limits.MaxBodyBytes, idle: limits.BodyIdleTimeout}
}

func (l *limiter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Body == http.NoBody && r.ProtoMajor == 1 {
		l.serve(w, r)
		return
	}
	bw := newBoundedWriter(w, r, l.idle, l.maxBody)
	defer bw.finish(r.Context())
	// A copy: net/http looks at its own request's body once more when the handler
	// is done, to find out whether the connection can be used again.
	bounded := r.WithContext(r.Context())
	if bw.body != nil {
		bounded.Body = bw.body
	}
	l.serve(bw, bounded)
}

func (l *limiter) serve(w http.ResponseWriter, r *http.Request) {
	switch {
	case malformed(r):
		lastAnswer(w, r, http.StatusBadRequest, "request_malformed", "This is not a valid request.")
	case len(r.RequestURI) > maxURI && showsCredentials(r.Header):
		lastAnswer(w, r, http.StatusRequestURITooLong, "uri_too_long", "This address is too long.")
	case tooManyFields(r.Header):
		lastAnswer(w, r, http.StatusRequestHeaderFieldsTooLarge, "header_too_large", "The request has too many headers or cookies.")
	case l.maxBody > 0 && r.ContentLength > l.maxBody:
		lastAnswer(w, r, http.StatusRequestEntityTooLarge, "request_too_large", "What was sent is larger than this server takes.")
	default:
		l.next.ServeHTTP(w, r)
	}
}

// showsCredentials says whether somebody may be signed in.
func showsCredentials(h http.Header) bool { return len(h["Cookie"]) > 0 || len(h["Authorization"]) > 0 }

// lastAnswer refuses a request whose rest nobody wants to read.
func lastAnswer(w http.ResponseWriter, r *http.Request, status int, code, message string) {
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
	}
	answer.Refuse(w, r, status, code, message)
}

// malformed finds what net/http lets through and upstreams may not. It does not look
// at the method of a request over HTTP/2, and takes a Content-Length with leading
// zeros, which some read as an octal number.
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
