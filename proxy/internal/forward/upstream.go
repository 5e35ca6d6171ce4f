package forward

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/textproto"
	"net/url"
	"time"

	"github.com/clerkgate/clerkgate/internal/http1"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// Options say where an application is and how it is spoken to.
type Options struct {
	// Target is where the application listens: http or https with a host, or unix with
	// a path.
	Target *url.URL
	// Protocols are the versions of HTTP that it may be spoken to in.
	Protocols *http.Protocols
	// Direct uses [http1.Transport] for HTTP/1.1 without TLS.
	Direct bool
	// CAFile holds the authorities that may have signed its certificate, in place of
	// the system's; CertificateFile and KeyFile are the client certificate; "" means no file.
	CAFile, CertificateFile, KeyFile string
	// ServerName is the name in its certificate; "" means the host of Target.
	ServerName string
	// ConnectTimeout bounds making a connection, ResponseTimeout the wait for a response
	// to begin, and for the application to take anything of a body. Both must be set.
	ConnectTimeout, ResponseTimeout time.Duration
	// BodyIdleTimeout is how long the application may send nothing in the middle of an
	// response other than an event stream, IdleTimeout how long a connection stays open
	// between requests. Both must be set.
	BodyIdleTimeout, IdleTimeout time.Duration
	// MaxConnectionAge is how old a connection may be and still be used for another
	// request; 0 means no limit.
	MaxConnectionAge time.Duration

	// Starting reports whether the application has yet to accept its first connection;
	// requests are then answered with 503. It is called for each request. nil means that
	// it has.
	Starting func() bool

	// Transport is used in place of one of its own; nil makes one.
	Transport http.RoundTripper
	// Now is the clock; nil means time.Now.
	Now    func() time.Time
	Logger *slog.Logger
	// Pages answers in the application's place if the application cannot; nil means JSON
	// for everybody.
	Pages *answer.Pages
}

// Upstream is one application. It is safe for concurrent use.
type Upstream struct {
	target    *url.URL // scheme and host of outgoing URLs
	transport http.RoundTripper
	direct    *http1.Transport // transport, where it is one; else nil
	buffers   bufferPool
	pages     *answer.Pages
	starting  func() bool // may be nil
	now       func() time.Time
	address   string // for the log
	requests  requestPool
	idle      func()
	wait      time.Duration // for the response to begin
	stall     time.Duration // for the response to go on
}

// New makes an Upstream. Files that can't be used come as a [*certificate.Error]. No
// connection is made.
func New(o Options) (*Upstream, error) {
	u := &Upstream{target: o.Target, transport: o.Transport, idle: func() {}, wait: o.ResponseTimeout, stall: o.BodyIdleTimeout, pages: o.Pages, starting: o.Starting, now: o.Now}
	u.address = o.Target.Host
	if u.now == nil {
		u.now = time.Now
	}
	if o.Target.Scheme == "unix" {
		u.target, u.address = &url.URL{Scheme: "http", Host: "upstream"}, "unix:"+o.Target.Path
	}
	if o.Transport == nil {
		own, err := newTransport(o)
		if err != nil {
			return nil, err
		}
		u.transport, u.idle = own, own.CloseIdleConnections
	}
	u.direct, _ = u.transport.(*http1.Transport)
	return u, nil
}

// Close closes idle connections. Requests in flight keep theirs.
func (u *Upstream) Close() { u.idle() }

// Forward sends r to the application and the response to w, or answers with an error. It
// records the outcome in o, even when it panics with [http.ErrAbortHandler], which it
// does to cut short a response that has begun.
//
// r must be of u's own making, and must not be used afterwards.
func (u *Upstream) Forward(w http.ResponseWriter, r *Request, o *answer.Outcome) {
	if u.starting != nil && u.starting() {
		u.refuseWhileStarting(w, r.In, o)
		return
	}
	out := r.outgoing()
	if out.Body != nil {
		// A transport may still be reading the body when it has a response. The server
		// forbids that once this method returns.
		defer out.Body.Close()
		// Streams go both ways over HTTP/1 too: the response may begin before the body
		// has ended.
		bothWays(w)
	}
	r.informational.w, r.informational.mute = w, !r.In.ProtoAtLeast(1, 1)
	request, body := u.send(out)
	upload := r.watchUpload(w, body)
	defer upload.over()
	began := u.now()
	res, err := u.roundTrip(request, &r.informational)
	o.Address, o.Took = u.address, u.now().Sub(began)
	body.stop()
	if err != nil {
		if cause := context.Cause(request.Context()); errors.Is(cause, errUpstreamTakesNothing) || errors.Is(cause, errSessionEnded) {
			err = cause // whatever error the transport returned
		}
		u.failed(w, r.In, o, err)
		return
	}
	upload.over() // what ends it from now on is the response
	o.Status = res.StatusCode
	if res.StatusCode == http.StatusSwitchingProtocols {
		u.upgrade(w, r, res, o)
		return
	}
	u.respond(w, r, res, o)
	if u.direct != nil && out.Body == nil {
		u.requests.put(r) // the response is over, and nothing refers to its request
	}
}

// roundTrip passes informational responses to w meanwhile.
func (u *Upstream) roundTrip(out *http.Request, w *informational) (*http.Response, error) {
	if u.direct != nil {
		return u.direct.RoundTripInformed(out, w)
	}
	defer w.stop()
	return u.transport.RoundTrip(w.watch(out))
}

func (u *Upstream) failed(w http.ResponseWriter, in *http.Request, o *answer.Outcome, err error) {
	if errors.Is(err, errSessionEnded) {
		o.Err = err
		u.pages.Refuse(w, in, http.StatusUnauthorized, "session_ended", "The session has ended, or has to be renewed. Sign in, or try again.")
		return
	}
	if broken := bodyFailure(in); broken != nil {
		o.Err = broken // whatever error the transport returned
		u.pages.Refuse(w, in, broken.Status, broken.Code, broken.Message)
		return
	}
	o.Err = err
	status, code := answer.RoundTripFailed(err)
	if context.Cause(in.Context()) != nil {
		w.WriteHeader(status) // the client has gone
		return
	}
	message := "The application could not be reached. Try again in a moment."
	switch {
	case status == http.StatusGatewayTimeout:
		message = "The application took too long to answer. Try again in a moment."
	case malformed(err):
		code, message = "upstream_answer_malformed", "The application's answer is not valid HTTP and was not passed on. The log says what is wrong with it."
	}
	u.pages.Refuse(w, in, status, code, message)
}

// malformed reports whether the application sent a response that is not valid HTTP.
func malformed(err error) bool {
	var protocol textproto.ProtocolError // net/http's, of a header line
	return errors.Is(err, http1.ErrMalformedAnswer) || errors.As(err, &protocol)
}

// bothWays lets a response begin before the body of its request has ended, where the
// server allows that. A server that does has a ResponseWriter with this method.
func bothWays(w http.ResponseWriter) {
	for {
		switch inner := w.(type) {
		case interface{ BothWays() }:
			inner.BothWays()
			return
		case interface{ Unwrap() http.ResponseWriter }:
			w = inner.Unwrap()
		default:
			return
		}
	}
}

// bodyFailure returns the answer to a request whose client failed to send the body as it
// should have, or nil if something else failed.
func bodyFailure(r *http.Request) *answer.Error {
	if body, ok := r.Body.(interface {
		Failure(context.Context) *answer.Error
	}); ok {
		return body.Failure(r.Context())
	}
	return nil
}
