package routes

import (
	"time"

	"github.com/clerkgate/clerkgate/middleware"
)

// Config is a routes file without problems.
type Config struct {
	// Upstreams are the applications, by name. If the file declares none, every route leads
	// to the upstream of the environment.
	Upstreams map[string]Upstream
	// Assertion says how clerkgate signs assertions; nil if it signs none.
	Assertion *Assertion
	// Routes are tried in order; the first match wins. There is at least one.
	Routes []Route
}

// Upstream is an application: its address and the settings for requests to it. It is
// comparable, so that a reload can find out which upstreams have not changed.
type Upstream struct {
	// URL is http://host[:port], https://host[:port] or unix:/path, without a path
	// of its own.
	URL string
	// Protocol is the version of HTTP; "" means [ProtocolAuto].
	Protocol Protocol
	// CAFile holds the certificates that may sign the upstream's, in PEM; "" means
	// the system's. Relative names in a routes file count from its directory.
	CAFile string
	// CertificateFile and KeyFile are the client certificate, in PEM; both or none.
	CertificateFile, KeyFile string
	// ServerName is the name that the upstream's certificate must have; "" means
	// the URL's host.
	ServerName string
	// Host is the Host header that the upstream gets: [HostBrowser], [HostUpstream], or a
	// name with or without a port. "" means the environment's.
	Host string
	// ConnectTimeout bounds the connection's set-up, ResponseTimeout the wait for
	// the header of the answer. 0 means the environment's.
	ConnectTimeout, ResponseTimeout time.Duration
	// BodyIdleTimeout is how long the upstream may send nothing in the middle of an answer,
	// IdleTimeout how long a connection stays open between requests, MaxConnectionAge how
	// old it may become. 0 means the environment's.
	BodyIdleTimeout, IdleTimeout, MaxConnectionAge time.Duration
}

// AssertionKeysPath is where upstreams find the public keys of assertions.
const AssertionKeysPath = "/.well-known/clerkgate/jwks.json"

// Assertion says how clerkgate signs what it tells an upstream.
type Assertion struct {
	// KeyFiles hold private keys in PEM: the first signs, all are published. Never
	// empty.
	KeyFiles []string
	// Issuer is the claim iss, an http or https URL; "" leaves it to the signer.
	Issuer string
	// Lifetime is how long an assertion holds; 0 means the signer's default.
	Lifetime time.Duration
}

// Route says which requests it matches and what is done with them. The zero value of every
// field but Match is the safe default.
type Route struct {
	// Name is for logs and explanations, which show the line if it is "".
	Name string
	// Match is an exact path, or a prefix that ends in /*: everything below, not
	// the prefix itself. "/*" is every path. Paths are case-sensitive.
	Match string
	// Hosts are lower-case names without port, IPv6 addresses in brackets, or
	// *.example.com, which stands for exactly one label, as in certificates. None
	// means any.
	Hosts []string
	// Methods are upper-case; GET does not include HEAD. None means any.
	Methods []string

	// Auth says whether the user must be signed in.
	Auth Auth
	// Accepts are the kinds of token that may authenticate; none means those of the
	// environment.
	Accepts []middleware.TokenType
	// Require is what the user must have, and how signed-out requests are answered.
	Require middleware.Requirement

	// Upstream is a name in [Config.Upstreams]; "" means the environment's.
	Upstream string
	// StripPrefix is cut off the path that the upstream gets; it is whole segments
	// at the start of Match.
	StripPrefix string
	// AmbiguousPaths lets paths without a canonical form pass as they came, if every
	// reading of them leads to this route, even if another route is stricter. See
	// [Table.Match].
	AmbiguousPaths bool

	// CORS says which other origins may read answers; nil means none.
	CORS *CORS
	// CSRF guards unsafe methods that cookies authenticate.
	CSRF CSRF
	// Refresh says for which methods an expired session is renewed; "" means the
	// environment's, and [RefreshAuto] where that says nothing.
	Refresh Refresh
	// Streams says whether long connections end with their session.
	Streams Streams
	// AcceptPending counts sessions with unfinished tasks as signed in. See
	// [middleware.Options.AcceptPendingSessions].
	AcceptPending bool
	// Revocation says what becomes of signed-in requests while this replica cannot hear of
	// revocations at others.
	Revocation Revocation

	// KeepHeaders are headers that pass from every client, in this spelling alone,
	// though applications believe them. See [KeptHeader].
	KeepHeaders []string
	// RequestHeaders are set on the request for the upstream, by canonical name.
	RequestHeaders map[string]string
	// Identity are the identity headers that the upstream gets, by the names of
	// [IdentityNames]: nil means all, and empty means none.
	Identity []string
	// ClaimHeaders are set on the request for the upstream, made of the session's claims:
	// nil means those of the environment, and empty means none.
	ClaimHeaders []ClaimHeader
	// Enrich says what fills fields that the claims lack; "" means the environment's.
	Enrich Enrich
	// Authorization is what the upstream gets as its Authorization header.
	Authorization Authorization
	// TokenTemplate is the JWT template for AuthorizationTemplate.
	TokenTemplate string
	// Audience is the audience of the assertion that the upstream gets; "" means no
	// assertion.
	Audience string

	// Line is where the route begins in its file; 0 for routes of no file.
	Line int
}

// RefreshesEveryMethod reports whether an expired session is renewed for requests of
// every method, and not for GET only. It does not know the environment's Refresh.
func (r *Route) RefreshesEveryMethod() bool {
	switch r.Refresh {
	case RefreshAll:
		return true
	case RefreshDocuments:
		return false
	}
	// A page of another site can make a browser send the other methods. The guard refuses
	// that before anything is renewed.
	return !r.CSRF.Off
}

// CORS says which pages of other origins may call a route.
type CORS struct {
	// Origins are scheme://host[:port], or "*" alone. Never empty.
	Origins []string
	// Methods, Headers and Expose are what a preflight allows and an answer shows;
	// none means what browsers allow unasked. "*" alone in Headers is any.
	Methods, Headers, Expose []string
	// Credentials lets cookies come along; never with an origin or a header of "*".
	Credentials bool
	// MaxAge is how long a preflight is remembered; 0 leaves it to the browser.
	MaxAge time.Duration
}

// CSRF is the guard against requests that another site makes in a user's name.
type CSRF struct {
	// Off removes the guard. That is safe only if cookies do not authenticate requests.
	Off bool
	// TrustedOrigins may make such requests nevertheless.
	TrustedOrigins []string
}

// ClaimHeader is a header that the upstream gets, made of the session's claims.
type ClaimHeader struct {
	// Name is the header's, in net/http's canonical spelling.
	Name string
	// Value is the path of a claim, such as public_metadata.team, or a text with such
	// paths in braces, such as "{first_name} {last_name}".
	Value string
}

// Streams says what becomes of WebSockets, event streams and other long connections: ""
// means that they end with their session.
type Streams string

// StreamsFree lets them go on after their session.
const StreamsFree Streams = "free"

// Enrich says where ClaimHeaders get fields that the session's claims lack.
type Enrich string

const (
	// EnrichNone leaves them out.
	EnrichNone Enrich = "none"
	// EnrichUser takes them from Clerk's user, by GET /users/{id}.
	EnrichUser Enrich = "user"
)
