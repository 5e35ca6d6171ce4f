package wire

import (
	"net/http"
	"strings"
)

// HasNormalPrefix reports whether the normal form of name begins with prefix, which
// must be in that form itself.
func HasNormalPrefix(name, prefix string) bool {
	if len(name) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if normalByte(name[i]) != prefix[i] {
			return false
		}
	}
	return true
}

// IsNormal reports whether normal is the normal form of name.
func IsNormal(name, normal string) bool {
	return len(name) == len(normal) && HasNormalPrefix(name, normal)
}

// NormalName returns the normal form of a header's name: lower case, with a hyphen for
// every byte that is neither letter nor digit.
func NormalName(name string) string {
	normal := make([]byte, len(name))
	for i := range len(name) {
		normal[i] = normalByte(name[i])
	}
	return string(normal)
}

func normalByte(c byte) byte {
	switch {
	case 'A' <= c && c <= 'Z':
		return c + ('a' - 'A')
	case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		return c
	}
	return '-'
}

// ClaimsIdentity reports whether an upstream could read name as one of X-Clerk-*.
func ClaimsIdentity(name string) bool { return HasNormalPrefix(name, "x-clerk-") }

// ClaimsForwarded reports whether an upstream could read name as Forwarded, X-Real-IP
// or one of X-Forwarded-*, which are written anew at each proxy. The whole family
// counts: CVE-2026-35051 and similar attacks used members that nobody had listed.
func ClaimsForwarded(name string) bool {
	return HasNormalPrefix(name, "x-forwarded") && (len(name) == len("x-forwarded") || normalByte(name[len("x-forwarded")]) == '-') ||
		IsNormal(name, "forwarded") || IsNormal(name, "x-real-ip")
}

// IsForwardedUser reports whether name is one of the X-Forwarded-* headers that say who
// the user is, such as X-Forwarded-Email. The others say how a request came.
func IsForwardedUser(name string) bool {
	if !HasNormalPrefix(name, "x-forwarded-") {
		return false
	}
	switch NormalName(name[len("x-forwarded-"):]) {
	case "email", "groups", "name", "preferred-username", "roles", "user":
		return true
	}
	return false
}

// IsHopByHop reports whether a header in canonical spelling is about the connection
// (RFC 9110, section 7.6.1), or is Proxy, which CGI upstreams would read as the
// variable HTTP_PROXY.
func IsHopByHop(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
		"Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// DescribesBody reports whether a header in canonical spelling says how a message's
// body is framed or waited for. A gateway that asks about a request keeps the body, so
// that these headers do not describe the gateway's own request.
func DescribesBody(name string) bool {
	switch name {
	case "Content-Length", "Expect", "Te", "Trailer", "Transfer-Encoding":
		return true
	}
	return false
}

// IsReserved reports whether only clerkgate, the client or the connection may write a
// header, in any spelling, so that no configuration may set it.
func IsReserved(name string) bool {
	normal := NormalName(name)
	for _, prefix := range [...]string{"x-clerk-", "clerk-", "x-forwarded-", "proxy-", "sec-", "access-control-"} {
		if strings.HasPrefix(normal, prefix) {
			return true
		}
	}
	switch normal {
	case "authorization", "connection", "content-encoding", "content-length", "content-type", "cookie", "expect",
		"forwarded", "host", "http2-settings", "keep-alive", "origin", "proxy", "te", "trailer", "trailers",
		"transfer-encoding", "upgrade", "x-forwarded", "x-real-ip":
		return true
	}
	return false
}

// IsUnsafeTrailer reports whether a trailer must not be passed on, in any spelling: a
// server that merges trailers into headers would take it for identity, credentials,
// forwarding or framing (RFC 9110, section 6.5.1).
func IsUnsafeTrailer(name string) bool { return IsReserved(name) || IsNormal(name, "set-cookie") }

// ForbidCaching replaces everything that a response says to caches by no-store.
func ForbidCaching(h http.Header) {
	for _, name := range [...]string{"Cache-Control", "Expires", "Pragma", "Surrogate-Control", "Cdn-Cache-Control"} {
		delete(h, name)
	}
	h["Cache-Control"] = []string{"no-store"}
}

// Delete removes the headers whose names match.
func Delete(h http.Header, match func(name string) bool) {
	for name := range h {
		if match(name) {
			delete(h, name)
		}
	}
}

// WithoutClaims returns r without headers that claim an identity (see [ClaimsIdentity]),
// or r itself if it has none.
func WithoutClaims(r *http.Request) *http.Request {
	for name := range r.Header {
		if ClaimsIdentity(name) {
			clone := *r
			clone.Header = r.Header.Clone()
			Delete(clone.Header, ClaimsIdentity)
			return &clone
		}
	}
	return r
}
