package routes

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"

	"github.com/clerkgate/clerkgate/internal/identity"
	"github.com/clerkgate/clerkgate/middleware"
)

// Protocol is the version of HTTP that an upstream speaks.
type Protocol string

// The protocols. ProtocolAuto is HTTP/1.1 for http and unix, and what the two ends
// agree on for https.
const (
	ProtocolAuto  Protocol = ""
	ProtocolHTTP1 Protocol = "http1"
	ProtocolHTTP2 Protocol = "http2"
	ProtocolH2C   Protocol = "h2c"
)

// Versions returns the versions of HTTP that p stands for, with TLS or without.
func (p Protocol) Versions(tls bool) (*http.Protocols, error) {
	versions := &http.Protocols{}
	switch p {
	case ProtocolAuto:
		versions.SetHTTP1(true)
		versions.SetHTTP2(tls) // negotiated
	case ProtocolHTTP1:
		versions.SetHTTP1(true)
	case ProtocolHTTP2:
		if !tls {
			return nil, errors.New("http2 needs TLS and an https URL; without TLS it is h2c")
		}
		versions.SetHTTP2(true)
	case ProtocolH2C:
		if tls {
			return nil, errors.New("h2c is HTTP/2 without TLS; for an https URL it is http2")
		}
		versions.SetUnencryptedHTTP2(true)
	default:
		return nil, fmt.Errorf("unknown protocol %q", p)
	}
	return versions, nil
}

// Words for the Host header that an upstream gets.
const (
	// HostBrowser is the host that the browser wrote. It is the default.
	HostBrowser = "browser"
	// HostUpstream is the host of the upstream's URL, or localhost for a Unix socket.
	HostUpstream = "upstream"
)

// Auth says whether a route needs somebody to be signed in.
type Auth string

const (
	// AuthRequired refuses signed-out requests. It is the default.
	AuthRequired Auth = ""
	// AuthPublic authenticates requests, but lets signed-out ones pass.
	AuthPublic Auth = "public"
	// AuthNone does not authenticate requests; the upstream gets no identity.
	AuthNone Auth = "none"
)

// String returns the word in a routes file.
func (a Auth) String() string { return cmp.Or(string(a), "required") }

// Refresh says which requests with an expired token may get a new one.
type Refresh string

const (
	// RefreshAuto refreshes for every method behind the CSRF guard, and without it for
	// GET only. It is the default.
	RefreshAuto Refresh = "auto"
	// RefreshDocuments refreshes for GET only, as Clerk's SDK does.
	RefreshDocuments Refresh = "documents"
	// RefreshAll refreshes for every method, even without the guard.
	RefreshAll Refresh = "all"
)

// Revocation says what becomes of signed-in requests while a replica cannot hear of
// revocations at others.
type Revocation string

const (
	// RevocationKnown lets them pass by the revocations that are known. It is the default.
	RevocationKnown Revocation = ""
	// RevocationStrict answers 503.
	RevocationStrict Revocation = "strict"
)

// Authorization is what an upstream gets as its Authorization header.
type Authorization string

const (
	// AuthorizationKeep is the client's own header. It is the default.
	AuthorizationKeep Authorization = ""
	// AuthorizationRemove is no header.
	AuthorizationRemove Authorization = "remove"
	// AuthorizationSession is the fresh session token, as a bearer token.
	AuthorizationSession Authorization = "session"
	// AuthorizationTemplate is a token of the route's JWT template.
	AuthorizationTemplate Authorization = "template"
)

// String returns the word in a routes file.
func (a Authorization) String() string { return cmp.Or(string(a), "keep") }

// IdentityNames returns the names of the identity headers that a route can select: user_id
// for X-Clerk-User-Id, and so on. X-Clerk-Auth-Status and X-Clerk-Auth-Reason are not among
// them, because they do not identify anybody.
func IdentityNames() []string {
	return identity.Words()
}

// methods returns the request methods that a route may name. CONNECT is not among them: it
// is refused before any route is tried.
func methods() []string {
	return []string{
		"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY",
		"COPY", "LOCK", "MKCOL", "MOVE", "PROPFIND", "PROPPATCH", "REPORT", "SEARCH", "UNLOCK",
	}
}

func tokenTypes() []string {
	return []string{string(middleware.SessionToken), string(middleware.APIKeyToken), string(middleware.M2MToken), string(middleware.OAuthToken)}
}
