package proxy

import (
	"net/http"
	"net/url"
	"sync"

	"github.com/clerkgate/clerkgate/internal/identity"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// outgoing is the request for an upstream, in one piece of memory.
type outgoing struct {
	http.Request
	url    url.URL
	values [18]string // of the headers that are added

	informational informational
}

// outgoing makes the request for the upstream. The copy shares what it does not
// change with in, which is only read.
func (u *upstream) outgoing(in *http.Request, ps *passage) *outgoing {
	out := u.requests.get()
	header := out.Header
	out.Request = *in // context included
	out.URL = &out.url
	out.url = url.URL{
		Scheme: u.target.Scheme, Host: u.target.Host,
		Path: in.URL.Path, RawPath: in.URL.RawPath,
		// No rule looks at the query, so that the application may have it as it came,
		// what Go cannot parse included.
		RawQuery: privateQuery(in.URL.RawQuery), ForceQuery: in.URL.ForceQuery,
	}
	if ps.rule.route.StripPrefix != "" {
		routes.SetPath(out.URL, ps.upstreamPath)
	}
	out.RequestURI, out.Close = "", false
	if ps.host != "" {
		out.Host = ps.host
	}
	if in.ContentLength == 0 {
		out.Body = nil // no body at all; a transport may then try again
	}
	out.Header = header
	ps.rule.addHeader(fields{h: header, values: out.values[:0]}, in, ps)
	out.Trailer = in.Trailer.Clone()
	wire.Delete(out.Trailer, ps.rule.claimsOwn)
	forwardTrailers(in, &out.Request)
	return out
}

// maxPooledHeader is how many headers a request may have had for its memory to be
// used again.
const maxPooledHeader = 64

// outgoingPool lends the memory of outgoing requests. It may come back only when
// nobody can hold the request any more: a transport of net/http may for a while, and
// every transport while a body is under way.
type outgoingPool struct{ pool sync.Pool }

func (p *outgoingPool) get() *outgoing {
	if out, ok := p.pool.Get().(*outgoing); ok {
		return out
	}
	return &outgoing{Request: http.Request{Header: make(http.Header, 24)}}
}

func (p *outgoingPool) put(out *outgoing) {
	header := out.Header
	if len(header) > maxPooledHeader {
		return
	}
	clear(header)
	*out = outgoing{Request: http.Request{Header: header}}
	p.pool.Put(out)
}

// claimsOwn says whether an upstream could read name as a header that the route
// sets (as CVE-2025-64484, for names that are not known beforehand).
func (u *rule) claimsOwn(name string) bool {
	for _, own := range u.ownNames {
		if wire.IsNormal(name, own) {
			return true
		}
	}
	return false
}

// header is what the upstream is told.
func (u *rule) header(in *http.Request, ps *passage) http.Header {
	h := make(http.Header, len(in.Header)+12)
	u.addHeader(fields{h: h}, in, ps)
	return h
}

// addHeader writes into an empty header what the upstream is told: the client's
// headers without those that are about the connection or claim what only a proxy may
// say, then ours.
func (u *rule) addHeader(f fields, in *http.Request, ps *passage) {
	h, listed := f.h, in.Header["Connection"]
	for name, values := range in.Header {
		if !wire.IsHopByHop(name) && !wire.ClaimsIdentity(name) && !wire.ClaimsForwarded(name) && !u.claimsOwn(name) && !wire.HasToken(listed, name) {
			h[name] = values
		}
	}
	if wire.HasToken(in.Header["Te"], "trailers") {
		f.set("Te", "trailers") // gRPC asks for it
	}
	if isWebSocket(in.Header) {
		f.set("Connection", "Upgrade")
		f.set("Upgrade", "websocket")
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = nil // keeps net/http from sending its own
	}
	u.origins.WriteForwarded(in, ps.public, f.set)
	f.set("X-Forwarded-Prefix", u.route.StripPrefix)
	if u.route.Authorization != routes.AuthorizationKeep {
		delete(h, "Authorization")
	}
	f.set("Authorization", ps.tokens.authorization)
	for name, values := range u.headers {
		h[name] = values
	}
	f.set(identity.Assertion, ps.tokens.assertion)
	u.identity.Write(ps.state, f.set)
	rewriteCookies(h, u.suffix, freshToken(ps.state))
}

// isWebSocket says whether a request or an answer switches to WebSocket. No other
// switch is let through: after one to h2c a client would talk to the upstream
// directly, with identity headers of its own making.
func isWebSocket(h http.Header) bool {
	upgrade := h["Upgrade"]
	return len(upgrade) == 1 && wire.EqualFold(upgrade[0], "websocket") && wire.HasToken(h["Connection"], "Upgrade")
}

// freshToken is the session token that came by a refresh or a handshake while
// this request was judged; "" when the request brought its own.
func freshToken(state *middleware.State) string {
	if state != nil && state.Status == middleware.SignedIn && state.Token != "" &&
		state.TokenType == middleware.SessionToken && setsCookies(state) {
		return state.Token
	}
	return ""
}

func setsCookies(state *middleware.State) bool {
	return state.Refreshed || len(state.Header["Set-Cookie"]) > 0
}

// fields adds headers with one value each. All values share one array, so that a
// header costs no allocation of its own.
type fields struct {
	h      http.Header
	values []string
}

// set writes a header; an empty value leaves it as it is.
func (f *fields) set(name, value string) {
	if value == "" {
		return
	}
	f.values = append(f.values, value)
	n := len(f.values)
	f.h[name] = f.values[n-1 : n : n]
}
