package proxy

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// frontend passes a path of the application to Clerk's Frontend API, so that
// browsers find it under the application's own origin. It is outside the page
// protection: it is how people sign in.
//
// The secret key goes with each request, so that the target must not be movable:
// the outgoing URL is built from a fixed base, and the key is added only by
// [secretTransport], which looks at the target once more (CVE-2026-34076).
type frontend struct {
	prefix    string // such as /__clerk
	host      string // of an absolute proxy URL; "" serves the path on every host
	proxyURL  string // the configured one: absolute, or a path
	base      *url.URL
	origins   *origin.Resolver
	transport http.RoundTripper
	silent    *log.Logger // the access log has what would be said
	idle      func()
}

func frontendHost(proxyURL string) string {
	u, err := url.Parse(proxyURL)
	if err != nil {
		return ""
	}
	return u.Host
}

func newFrontend(cfg settings.Config, transport http.RoundTripper, origins *origin.Resolver) *frontend {
	f := &frontend{
		prefix:   cfg.FrontendPath(),
		proxyURL: strings.TrimRight(cfg.Auth.ProxyURL, "/"),
		base:     cfg.FrontendOrigin(),
		host:     frontendHost(cfg.Auth.ProxyURL),
		origins:  origins,
		silent:   log.New(io.Discard, "", 0),
		idle:     func() {},
	}
	if transport == nil {
		own := standardTransport(f.base, defaultConnectWait, defaultUpstreamWait)
		transport, f.idle = own, own.CloseIdleConnections
	}
	f.transport = &secretTransport{base: f.base, secret: cfg.Auth.SecretKey, next: transport}
	return f
}

func (f *frontend) close() { f.idle() }

// matches looks at a canonical path; the prefix ends where a segment ends.
func (f *frontend) matches(path string) bool {
	rest, ok := strings.CutPrefix(path, f.prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// serves says whether a request for path is the Frontend API's. Under an absolute
// proxy URL the same path of another host is the application's.
func (f *frontend) serves(public *origin.Public, path string) bool {
	if !f.matches(path) {
		return false
	}
	if f.host == "" {
		return true
	}
	_, host, _ := strings.Cut(public.Origin(), "://")
	return strings.EqualFold(host, f.host)
}

// serve passes r on and brings the answer back; o says what became of it.
func (f *frontend) serve(w http.ResponseWriter, r *http.Request, public *origin.Public, o *answer.Outcome) {
	if !f.matches(r.URL.EscapedPath()) {
		answer.RefuseJSON(w, http.StatusBadRequest, "proxy_path_mismatch", "The path is outside the Frontend API's.")
		return
	}
	if !public.Valid() {
		answer.RefuseJSON(w, http.StatusBadRequest, "proxy_request_failed", "The request does not say which host it is for.")
		return
	}
	c := &frontendCall{frontend: f, public: public, outcome: o}
	proxy := httputil.ReverseProxy{
		Rewrite: c.rewrite, Transport: f.transport, ModifyResponse: c.modifyResponse, ErrorHandler: c.failed, ErrorLog: f.silent,
	}
	proxy.ServeHTTP(w, r)
}

// frontendCall is one request to the Frontend API.
type frontendCall struct {
	*frontend
	public  *origin.Public
	outcome *answer.Outcome
}

func (c *frontendCall) rewrite(pr *httputil.ProxyRequest) {
	f, in, out := c.frontend, pr.In, pr.Out
	path := strings.TrimPrefix(in.URL.EscapedPath(), f.prefix)
	if path == "" {
		path = "/"
	}
	target := &url.URL{Scheme: f.base.Scheme, Host: f.base.Host, RawQuery: in.URL.RawQuery}
	routes.SetPath(target, path)
	out.URL, out.Host = target, f.base.Host
	out.Trailer = nil

	wire.Delete(out.Header, func(name string) bool {
		return wire.ClaimsForwarded(name) || wire.ClaimsIdentity(name) || claimsProxy(name)
	})
	out.Header.Del("Connection") // ReverseProxy kept it for an upgrade
	out.Header.Del("Upgrade")
	out.Header.Del("Te")
	f.origins.WriteForwarded(in, c.public, out.Header.Set)
	out.Header["Clerk-Proxy-Url"] = []string{c.publicURL()}
}

// claimsProxy finds a client's copies of what only a proxy may say.
func claimsProxy(name string) bool {
	return wire.HasNormalPrefix(name, "clerk-proxy-url") || wire.HasNormalPrefix(name, "clerk-secret-key")
}

// publicURL is the proxy URL as browsers know it.
func (c *frontendCall) publicURL() string {
	if strings.HasPrefix(c.proxyURL, "/") {
		return c.public.Origin() + c.proxyURL
	}
	return c.proxyURL
}

// modifyResponse maps a redirect to the Frontend API itself back under the proxy
// path; other redirects and all cookies stay as they are.
func (c *frontendCall) modifyResponse(res *http.Response) error {
	c.outcome.Status = res.StatusCode
	if len(res.Header["Set-Cookie"]) > 0 {
		wire.ForbidCaching(res.Header)
	}
	if location := res.Header.Get("Location"); location != "" {
		res.Header.Set("Location", c.mapLocation(location, c.publicURL()))
	}
	return nil
}

func (f *frontend) mapLocation(location, public string) string {
	u, err := url.Parse(location)
	if err != nil || u.Opaque != "" || u.User != nil {
		return location
	}
	own := u.Scheme == f.base.Scheme && strings.EqualFold(u.Host, f.base.Host)
	rooted := u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/") && !f.matches(u.EscapedPath())
	if !own && !rooted {
		return location
	}
	mapped := public + u.EscapedPath()
	if u.RawQuery != "" {
		mapped += "?" + u.RawQuery
	}
	if u.Fragment != "" {
		mapped += "#" + u.EscapedFragment()
	}
	return mapped
}

func (c *frontendCall) failed(w http.ResponseWriter, _ *http.Request, err error) {
	c.outcome.Err = err
	if errors.Is(err, errForeignTarget) {
		answer.RefuseJSON(w, http.StatusBadRequest, "proxy_request_failed", "The target of this request is not the Frontend API.")
		return
	}
	status, _ := answer.RoundTripFailed(err)
	answer.RefuseJSON(w, status, "proxy_request_failed", "The Frontend API could not be reached.")
}

var errForeignTarget = errors.New("the target is not the Frontend API")

// secretTransport adds the secret key to requests for one origin and refuses
// every other request. Like any RoundTripper it does not follow redirects.
type secretTransport struct {
	base   *url.URL
	secret string
	next   http.RoundTripper
}

func (t *secretTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	u := r.URL
	if u.Scheme != t.base.Scheme || u.Host != t.base.Host || r.Host != t.base.Host ||
		u.User != nil || u.Opaque != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.EscapedPath(), "//") {
		if r.Body != nil {
			_ = r.Body.Close() // a RoundTripper closes it in any case
		}
		return nil, errForeignTarget
	}
	clone := *r // as a RoundTripper must not alter its request
	clone.Header = r.Header.Clone()
	clone.Header["Clerk-Secret-Key"] = []string{t.secret}
	return t.next.RoundTrip(&clone)
}
