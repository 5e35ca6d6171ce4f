package frontend

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// Bounds of what is under way to the Frontend API.
const (
	// maxInFlight is far above what people who sign in need at a time, and far below
	// the descriptors that a process has.
	maxInFlight = 256
	// maxDuration bounds one request as a whole, with its body; the largest are
	// pictures of a profile.
	maxDuration = time.Minute
)

// Options configure an [API]. Each field is required.
type Options struct {
	// Path is where the API is served, such as /__clerk, without a slash at the end.
	Path string
	// ProxyURL is the same as browsers know it: an absolute URL, or a path that is
	// served on every host.
	ProxyURL string
	// Origin is where requests are sent: a scheme and a host.
	Origin *url.URL
	// SecretKey goes with each request, to Origin and nowhere else.
	SecretKey string
	// Transport carries the requests; it must not follow redirects. It is the API's
	// own: [API.Close] closes its idle connections.
	Transport http.RoundTripper
	// Origins writes who the client is.
	Origins *origin.Resolver
}

// API is the Frontend API under a path. It is safe for concurrent use.
type API struct {
	opts      Options
	host      string // of an absolute proxy URL; "" serves the path on every host
	transport *secretTransport
	places    chan struct{} // one is taken by each request under way
	silent    *log.Logger   // the access log has what would be said
}

// New makes an API. It does not check opts.
func New(opts Options) *API {
	opts.ProxyURL = strings.TrimRight(opts.ProxyURL, "/")
	a := &API{
		opts:      opts,
		transport: &secretTransport{base: opts.Origin, secret: opts.SecretKey, next: opts.Transport},
		places:    make(chan struct{}, maxInFlight),
		silent:    log.New(io.Discard, "", 0),
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

// Serves says whether a request for a canonical path is the Frontend API's. public is
// its public URL: under an absolute proxy URL, the same path of another host is the
// application's.
func (a *API) Serves(public *origin.Public, path string) bool {
	if !a.matches(path) {
		return false
	}
	if a.host == "" {
		return true
	}
	_, host, _ := strings.Cut(public.Origin(), "://")
	return strings.EqualFold(host, a.host)
}

// matches looks at a canonical path; the prefix ends where a segment ends.
func (a *API) matches(path string) bool {
	rest, ok := strings.CutPrefix(path, a.opts.Path)
	return ok && (rest == "" || rest[0] == '/')
}

// Serve passes r on, whose path is canonical and whose public URL is public, and
// brings the answer back; o says what became of it.
func (a *API) Serve(w http.ResponseWriter, r *http.Request, public *origin.Public, o *answer.Outcome) {
	switch {
	case !a.matches(r.URL.EscapedPath()):
		answer.RefuseJSON(w, http.StatusBadRequest, "proxy_path_mismatch", "The path is outside the Frontend API's.")
		return
	case !public.Valid():
		answer.RefuseJSON(w, http.StatusBadRequest, "proxy_request_failed", "The request does not say which host it is for.")
		return
	}
	select {
	case a.places <- struct{}{}:
		defer func() { <-a.places }()
	default:
		o.Err = errBusy
		w.Header().Set("Retry-After", "1")
		answer.RefuseJSON(w, http.StatusServiceUnavailable, "proxy_request_failed", "Too many requests are waiting for the Frontend API. Try again in a moment.")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), maxDuration)
	defer cancel()
	c := &call{API: a, public: public, outcome: o}
	proxy := httputil.ReverseProxy{
		Rewrite: c.rewrite, Transport: a.transport, ModifyResponse: c.modifyResponse, ErrorHandler: c.failed, ErrorLog: a.silent,
	}
	proxy.ServeHTTP(w, r.WithContext(ctx))
}
