package proxy

import (
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// outgoing makes the request for the upstream. The copy shares what it does not
// change with in, which is only read.
func (u *upstream) outgoing(in *http.Request, e *entry) *http.Request {
	out := in.WithContext(in.Context())
	out.URL = &url.URL{
		Scheme: u.target.Scheme, Host: u.target.Host,
		Path: in.URL.Path, RawPath: in.URL.RawPath,
		// No rule looks at the query, so that the application may have it as it came,
		// what Go cannot parse included.
		RawQuery: privateQuery(in.URL.RawQuery), ForceQuery: in.URL.ForceQuery,
	}
	if e.rule.route.StripPrefix != "" {
		routes.SetPath(out.URL, e.upstreamPath)
	}
	out.RequestURI, out.Close = "", false
	if e.host != "" {
		out.Host = e.host
	}
	if in.ContentLength == 0 {
		out.Body = nil // no body at all; a transport may then try again
	}
	out.Header = e.rule.header(in, e)
	out.Trailer = in.Trailer.Clone()
	deleteHeaders(out.Trailer, e.rule.claimsOwn)
	forwardTrailers(in, out)
	return out
}

// claimsOwn says whether an upstream could read name as a header that the route
// sets (as CVE-2025-64484, for names that are not known beforehand).
func (u *rule) claimsOwn(name string) bool {
	for _, own := range u.ownNames {
		if len(own) == len(name) && hasNormalPrefix(name, own) {
			return true
		}
	}
	return false
}

// header is what the upstream is told: the client's headers without those that are
// about the connection or claim what only a proxy may say, then ours.
func (u *rule) header(in *http.Request, e *entry) http.Header {
	h := make(http.Header, len(in.Header)+12)
	listed := in.Header["Connection"]
	for name, values := range in.Header {
		if !hopByHop(name) && !claimsIdentity(name) && !claimsForwarded(name) && !u.claimsOwn(name) && !isListed(listed, name) {
			h[name] = values
		}
	}
	f := fields{h: h, values: make([]string, 0, 18)}
	if hasToken(in.Header["Te"], "trailers") {
		f.set("Te", "trailers") // gRPC asks for it
	}
	if isWebSocket(in.Header) {
		f.set("Connection", "Upgrade")
		f.set("Upgrade", "websocket")
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = nil // keeps net/http from sending its own
	}
	f.setForwarded(u.origins, in)
	f.set("X-Forwarded-Prefix", u.route.StripPrefix)
	if u.route.Authorization != routes.AuthorizationKeep {
		delete(h, "Authorization")
	}
	f.set("Authorization", e.authorization)
	for name, values := range u.headers {
		h[name] = values
	}
	f.set(headerAssertion, e.assertion)
	fresh := ""
	if e.state != nil {
		fresh = freshToken(e.state)
		f.setIdentity(u.identity, e.state)
	}
	rewriteCookies(h, u.suffix, fresh)
	return h
}

// hopByHop says whether a header in canonical spelling is about the connection
// (RFC 9110, section 7.6.1), or Proxy, which CGI upstreams would read as the
// variable HTTP_PROXY.
func hopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// isListed says whether the values of a Connection header name another header.
func isListed(connection []string, name string) bool {
	for _, line := range connection {
		for item := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(textproto.TrimString(item), name) {
				return true
			}
		}
	}
	return false
}

// hasToken says whether a list header has an item, without its parameters.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			item, _, _ = strings.Cut(item, ";")
			if strings.EqualFold(textproto.TrimString(item), token) {
				return true
			}
		}
	}
	return false
}

// isWebSocket says whether a request or an answer switches to WebSocket. No other
// switch is let through: after one to h2c a client would talk to the upstream
// directly, with identity headers of its own making.
func isWebSocket(h http.Header) bool {
	upgrade := h["Upgrade"]
	return len(upgrade) == 1 && strings.EqualFold(upgrade[0], "websocket") && isListed(h["Connection"], "Upgrade")
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
