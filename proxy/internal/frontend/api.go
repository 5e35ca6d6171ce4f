package frontend

import (
	"context"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/breaker"
	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/internal/forward"
)

// Limits on requests in flight to the Frontend API.
const (
	// maxInFlight is far more than people who sign in need at a time, and far fewer
	// than the file descriptors of a process.
	maxInFlight = 256
	// maxDuration bounds one request including its body; the largest are profile
	// images.
	maxDuration = time.Minute
)

// limits bound connecting to the Frontend API, the wait for a response, and how long a
// connection to it stays open between requests.
func limits() forward.Timeouts {
	return forward.Timeouts{Connect: 5 * time.Second, Response: 15 * time.Second, Idle: 90 * time.Second}
}

// Options configure an [API]. All fields but Transport, Now, Random and Pages are required.
type Options struct {
	// Path is where the API is served, such as /__clerk, without a trailing slash.
	Path string
	// ProxyURL is the URL of Path for browsers: an absolute URL, or a path that is
	// served on every host.
	ProxyURL string
	// Origin is where requests are sent: a scheme and a host.
	Origin *url.URL
	// SecretKey is sent with each request, to Origin and nowhere else.
	SecretKey string
	// Transport sends the requests; it must not follow redirects, and must not be
	// shared: [API.Close] closes its idle connections. Nil means a transport of its own.
	Transport http.RoundTripper
	// Origins sets the X-Forwarded-* headers.
	Origins *origin.Resolver
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Random returns a number in [0, 1), by which clients are told to come back at
	// different times; nil means [rand.Float64].
	Random func() float64
	// Pages answers people when the Frontend API cannot. May be nil: then all get JSON.
	Pages *answer.Pages
}

// API is the Frontend API under a path. It is safe for concurrent use.
type API struct {
	opts      Options
	host      string // of an absolute proxy URL; "" serves the path on every host
	transport *secretTransport
	places    chan struct{} // holds an element for each request in flight
	silent    *log.Logger   // discards messages that the access log has too
	filter    *wire.Filter  // of the client's headers
	breaker   *breaker.Breaker
}

// New returns an API. It does not check opts.
func New(opts Options) *API {
	opts.ProxyURL = strings.TrimRight(opts.ProxyURL, "/")
	if opts.Random == nil {
		opts.Random = rand.Float64
	}
	if opts.Transport == nil {
		opts.Transport = forward.NewTransport(opts.Origin, limits())
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	a := &API{
		opts:      opts,
		transport: &secretTransport{base: opts.Origin, secret: opts.SecretKey, next: opts.Transport},
		places:    make(chan struct{}, maxInFlight),
		silent:    log.New(io.Discard, "", 0),
		filter:    wire.NewFilter(nil, nil),
		breaker:   breaker.New(breaker.Config{Now: opts.Now}),
	}
	if u, err := url.Parse(opts.ProxyURL); err == nil {
		a.host = u.Host
	}
	return a
}

// Close closes idle connections.
func (a *API) Close() {
	if t, ok := a.opts.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// Breaker returns the state of the breaker between a and Clerk.
func (a *API) Breaker() breaker.State { return a.breaker.State() }

// Serves reports whether a request for a canonical path belongs to the Frontend API.
// public is its public URL: with an absolute proxy URL, the same path on another host
// belongs to the application.
func (a *API) Serves(public *origin.Public, path string) bool {
	if !a.matches(path) {
		return false
	}
	if a.host == "" {
		return true
	}
	_, host, _ := public.SchemeAndHost()
	return strings.EqualFold(host, a.host)
}

// matches reports whether a canonical path is Path or below it.
func (a *API) matches(path string) bool {
	rest, ok := strings.CutPrefix(path, a.opts.Path)
	return ok && (rest == "" || rest[0] == '/')
}

// Serve forwards r, whose path is canonical and whose public URL is public, and writes
// the response. It records the outcome in o.
func (a *API) Serve(w http.ResponseWriter, r *http.Request, public *origin.Public, o *answer.Outcome) {
	switch {
	case !a.matches(r.URL.EscapedPath()):
		a.opts.Pages.Refuse(w, r, http.StatusBadRequest, "proxy_path_mismatch", "The path is not below that of the Frontend API.")
		return
	case !public.Valid():
		a.opts.Pages.Refuse(w, r, http.StatusBadRequest, failedCode, invalidURL(public))
		return
	}
	select {
	case a.places <- struct{}{}:
		defer func() { <-a.places }()
	default:
		o.Err = errBusy
		w.Header().Set("Retry-After", "1")
		a.opts.Pages.Refuse(w, r, http.StatusServiceUnavailable, failedCode, "Too many requests are waiting for the Frontend API. Try again in a moment.")
		return
	}
	allowed, ok := a.breaker.Allow()
	if !ok {
		o.Err = errDown
		a.unavailable(w, r, unreachable)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), maxDuration)
	defer cancel()
	c := &call{API: a, public: public, outcome: o, in: r, says: breaker.Neither, began: a.opts.Now()}
	o.Address = a.opts.Origin.Host
	defer func() { a.breaker.Done(allowed, c.says) }() // also when the response breaks off
	proxy := httputil.ReverseProxy{
		Rewrite: c.rewrite, Transport: a.transport, ModifyResponse: c.modifyResponse, ErrorHandler: c.failed, ErrorLog: a.silent,
	}
	proxy.ServeHTTP(w, r.WithContext(ctx))
}

// invalidURL says why a request's URL is not valid.
func invalidURL(public *origin.Public) string {
	if public.TooLong() {
		return "The address is too long, or has too many slashes."
	}
	return "The request does not say which host it is for."
}
