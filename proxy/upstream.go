package proxy

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/clerkgate/clerkgate/internal/http1"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// upstream passes judged requests to one application and brings its answers back.
//
// It does what [net/http/httputil.ReverseProxy] does, in one pass over the headers
// and without that type's second request and contexts: what a client says about
// the hop, about itself and about proxies goes (RFC 9110, section 7.6.1), and what
// clerkgate knows is written afterwards, so that nothing a client lists in its
// Connection header can remove it (GHSA-w9mr-28mw-j8hg).
type upstream struct {
	target    *url.URL // scheme and host of the outgoing URL
	transport http.RoundTripper
	direct    *http1.Transport // transport, where it is one; else nil
	buffers   bufferPool
	requests  outgoingPool
	idle      func()
	wait      time.Duration // for the answer to begin
}

func newUpstream(up routes.Upstream, opts transportOptions, transport http.RoundTripper) (*upstream, error) {
	target, err := url.Parse(up.URL)
	if err != nil {
		return nil, err
	}
	u := &upstream{
		target: target, transport: transport, idle: func() {},
		wait: up.ResponseTimeout,
	}
	if target.Scheme == "unix" {
		u.target = &url.URL{Scheme: "http", Host: "upstream"}
	}
	if transport == nil {
		own, err := newTransport(up, opts)
		if err != nil {
			return nil, err
		}
		u.transport, u.idle = own, own.CloseIdleConnections
	}
	u.direct, _ = u.transport.(*http1.Transport)
	return u, nil
}

func (u *upstream) close() { u.idle() }

// forward carries r there and the answer back. ps says what is known about r.
func (u *upstream) forward(w http.ResponseWriter, r *http.Request, ps *passage) {
	out := u.outgoing(r, ps)
	if out.Body != nil {
		// A transport may still be reading the body when it has an answer. The server
		// forbids that once this method returns.
		defer out.Body.Close()
		// Streams go both ways over HTTP/1 too: the answer may begin before the body
		// has ended.
		bothWays(w)
	}
	out.informational.w = w
	request, sent := u.send(&out.Request)
	res, err := u.roundTrip(request, &out.informational)
	sent()
	if err != nil {
		if cause := context.Cause(request.Context()); errors.Is(cause, errUpstreamTakesNothing) {
			err = cause // whatever the transport made of it
		}
		upstreamFailed(w, r, ps, err)
		return
	}
	ps.outcome.Status = res.StatusCode
	if res.StatusCode == http.StatusSwitchingProtocols {
		u.upgrade(w, r, &out.Request, res, ps)
		return
	}
	u.answer(w, r, res, ps)
	if u.direct != nil && out.Body == nil {
		u.requests.put(out) // the answer is over, and nobody holds its request
	}
}

// roundTrip has w told of informational answers on the way.
func (u *upstream) roundTrip(out *http.Request, w *informational) (*http.Response, error) {
	if u.direct != nil {
		return u.direct.RoundTripInformed(out, w)
	}
	defer w.stop()
	return u.transport.RoundTrip(w.watch(out))
}

func upstreamFailed(w http.ResponseWriter, r *http.Request, ps *passage, err error) {
	if broken := bodyFailure(r); broken != nil {
		ps.outcome.Err = broken // whatever the transport made of it
		broken.Refuse(w, r)
		return
	}
	ps.outcome.Err = err
	status, code := answer.RoundTripFailed(err)
	if context.Cause(r.Context()) != nil {
		w.WriteHeader(status) // the client has gone
		return
	}
	message := "The application could not be reached. Try again in a moment."
	if status == http.StatusGatewayTimeout {
		message = "The application took too long to answer. Try again in a moment."
	}
	answer.Refuse(w, r, status, code, message)
}

// bothWays lets an answer begin before the body of its request has ended, where the
// server allows that. It is not for any server: see [serve.Limit].
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

// bodyFailure is how to answer a request whose client did not send its body as it
// should have; nil when that is not what went wrong.
func bodyFailure(r *http.Request) *answer.Error {
	if body, ok := r.Body.(interface {
		Failure(context.Context) *answer.Error
	}); ok {
		return body.Failure(r.Context())
	}
	return nil
}
