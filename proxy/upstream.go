package proxy

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/middleware"
)

// upstream passes judged requests to the application.
type upstream struct {
	target  *url.URL // scheme and host of the outgoing URL
	origins *origin.Resolver
	suffix  string // of this instance's cookies
	proxy   *httputil.ReverseProxy
	idle    func()
}

func newUpstream(cfg Config, transport http.RoundTripper, origins *origin.Resolver, suffix string) *upstream {
	u := &upstream{target: cfg.Upstream, origins: origins, suffix: suffix, idle: func() {}}
	if cfg.Upstream.Scheme == "unix" {
		u.target = &url.URL{Scheme: "http", Host: "upstream"}
	}
	if transport == nil {
		wait := cfg.UpstreamTimeout
		if wait == 0 {
			wait = defaultUpstreamWait
		}
		own := newTransport(cfg.Upstream, wait)
		transport, u.idle = own, own.CloseIdleConnections
	}
	u.proxy = &httputil.ReverseProxy{
		Rewrite:        u.rewrite,
		Transport:      transport,
		BufferPool:     &bufferPool{},
		ModifyResponse: modifyResponse,
		ErrorHandler:   upstreamFailed,
		ErrorLog:       log.New(io.Discard, "", 0), // the access log has it
	}
	return u
}

func (u *upstream) close() { u.idle() }

// ServeHTTP runs inside the middleware's Handler.
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	state, ok := middleware.StateFromContext(r.Context())
	if !ok {
		refuse(w, r, http.StatusInternalServerError, "not_authenticated", "This request was not judged.")
		return
	}
	if len(state.Header) > 0 {
		w = &headerKeeper{ResponseWriter: w, kept: state.Header}
	}
	u.proxy.ServeHTTP(w, r)
}

// rewrite makes the outgoing request. ReverseProxy has removed hop-by-hop headers
// by now, so that a client's Connection header cannot name what is set here
// (GHSA-w9mr-28mw-j8hg).
func (u *upstream) rewrite(pr *httputil.ProxyRequest) {
	in, out := pr.In, pr.Out
	out.URL.Scheme, out.URL.Host = u.target.Scheme, u.target.Host
	out.URL.User, out.URL.Opaque = nil, ""
	out.Host = in.Host
	// ReverseProxy drops parameters that Go cannot parse. No rule looks at the
	// query, so that the application may have it as it came.
	out.URL.RawQuery = privateQuery(in.URL.RawQuery)

	deleteHeaders(out.Header, func(name string) bool { return claimsIdentity(name) || claimsForwarded(name) })
	delete(out.Header, "Proxy") // CGI upstreams would read it as HTTP_PROXY
	onlyWebSocket(out.Header)
	setForwarded(out.Header, u.origins, in)
	forwardTrailers(in, out)

	state, _ := middleware.StateFromContext(in.Context())
	rewriteCookies(out.Header, u.suffix, freshToken(state))
	setIdentity(out.Header, state)
}

// onlyWebSocket drops an upgrade to anything else. After an upgrade to h2c a client
// would talk to the upstream directly, with identity headers of its own making.
func onlyWebSocket(h http.Header) {
	if upgrade := h["Upgrade"]; len(upgrade) > 0 && !strings.EqualFold(upgrade[0], "websocket") {
		delete(h, "Upgrade")
		delete(h, "Connection")
	}
}

// freshToken is the session token that came by a refresh or a handshake while
// this request was judged; "" when the request brought its own.
func freshToken(state *middleware.State) string {
	if state.Status == middleware.SignedIn && state.Token != "" &&
		state.TokenType == middleware.SessionToken && setsCookies(state) {
		return state.Token
	}
	return ""
}

func setsCookies(state *middleware.State) bool {
	return state.Refreshed || len(state.Header["Set-Cookie"]) > 0
}

// modifyResponse keeps an upstream from making an answer cacheable that carries
// Clerk's cookies: a cache would hand one person's session to another.
func modifyResponse(res *http.Response) error {
	ctx := res.Request.Context()
	if e := entryOf(ctx); e != nil {
		e.upstream = res.StatusCode
	}
	state, ok := middleware.StateFromContext(ctx)
	if ok && setsCookies(state) {
		forbidCaching(res.Header)
		if state.Header.Get("Cache-Control") == "" {
			res.Header.Set("Cache-Control", "no-store")
		}
	}
	return nil
}

// forbidCaching removes what an answer says to caches, shared ones included.
func forbidCaching(h http.Header) {
	for _, name := range []string{"Cache-Control", "Expires", "Pragma", "Surrogate-Control", "Cdn-Cache-Control"} {
		h.Del(name)
	}
}

func upstreamFailed(w http.ResponseWriter, r *http.Request, err error) {
	if e := entryOf(r.Context()); e != nil {
		e.failure = err
	}
	status, code := failure(err)
	message := "The application could not be reached. Try again in a moment."
	if status == http.StatusGatewayTimeout {
		message = "The application took too long to answer. Try again in a moment."
	}
	if context.Cause(r.Context()) != nil {
		w.WriteHeader(status) // the client has gone
		return
	}
	refuse(w, r, status, code, message)
}

// headerKeeper puts Clerk's headers back after an informational answer:
// ReverseProxy clears the header map behind each 1xx of the upstream, and the
// cookies of a refresh would be lost.
type headerKeeper struct {
	http.ResponseWriter
	kept   http.Header
	lost   bool
	header bool
}

// Unwrap lets [http.ResponseController] reach Flush and Hijack.
func (k *headerKeeper) Unwrap() http.ResponseWriter { return k.ResponseWriter }

func (k *headerKeeper) WriteHeader(status int) {
	if status < 200 && status != http.StatusSwitchingProtocols {
		k.lost = true
		for name := range k.kept {
			delete(k.Header(), name) // a cookie belongs to the final answer
		}
	} else {
		k.restore()
	}
	k.ResponseWriter.WriteHeader(status)
}

func (k *headerKeeper) Write(b []byte) (int, error) {
	k.restore()
	return k.ResponseWriter.Write(b)
}

func (k *headerKeeper) restore() {
	if k.lost && !k.header {
		h := k.Header()
		for name, values := range k.kept {
			h[name] = append(append([]string(nil), values...), h[name]...)
		}
	}
	k.header = true
}
