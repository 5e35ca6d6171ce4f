package settings

import "strings"

// Variable documents one environment variable.
type Variable struct {
	// Name is the variable's name.
	Name string
	// Default is what holds when it is not set; empty for nothing.
	Default string
	// Help says what it does, in one sentence.
	Help string
	// Required says that there is no start without it.
	Required bool
	// Unsupported says that this release refuses the variable.
	Unsupported bool
}

// The names of the variables.
const (
	EnvPublishableKey    = "CLERK_PUBLISHABLE_KEY"
	EnvSecretKey         = "CLERK_SECRET_KEY"
	EnvJWTKey            = "CLERK_JWT_KEY"
	EnvAPIURL            = "CLERK_API_URL"
	EnvAPIVersion        = "CLERK_API_VERSION"
	EnvFAPIURL           = "CLERK_FAPI_URL"
	EnvDomain            = "CLERK_DOMAIN"
	EnvIsSatellite       = "CLERK_IS_SATELLITE"
	EnvSatelliteAutoSync = "CLERK_SATELLITE_AUTO_SYNC"
	EnvProxyURL          = "CLERK_PROXY_URL"
	EnvSignInURL         = "CLERK_SIGN_IN_URL"
	EnvSignUpURL         = "CLERK_SIGN_UP_URL"
	EnvMachineSecretKey  = "CLERK_MACHINE_SECRET_KEY"
	EnvWebhookSecret     = "CLERK_WEBHOOK_SIGNING_SECRET"

	EnvListen             = "CLERKGATE_LISTEN"
	EnvAdminListen        = "CLERKGATE_ADMIN_LISTEN"
	EnvUpstream           = "CLERKGATE_UPSTREAM"
	EnvPolicy             = "CLERKGATE_POLICY"
	EnvPublicPaths        = "CLERKGATE_PUBLIC_PATHS"
	EnvAuthorizedParties  = "CLERKGATE_AUTHORIZED_PARTIES"
	EnvAudience           = "CLERKGATE_AUDIENCE"
	EnvClockSkew          = "CLERKGATE_CLOCK_SKEW"
	EnvTrustedProxies     = "CLERKGATE_TRUSTED_PROXIES"
	EnvAcceptsToken       = "CLERKGATE_ACCEPTS_TOKEN"
	EnvOrgPatterns        = "CLERKGATE_ORGANIZATION_PATTERNS"
	EnvPersonalPatterns   = "CLERKGATE_PERSONAL_ACCOUNT_PATTERNS"
	EnvTokenCacheSize     = "CLERKGATE_TOKEN_CACHE_SIZE"
	EnvSessionLookup      = "CLERKGATE_SESSION_LOOKUP"
	EnvSessionLookupTTL   = "CLERKGATE_SESSION_LOOKUP_TTL"
	EnvCSRF               = "CLERKGATE_CSRF"
	EnvTrustedOrigins     = "CLERKGATE_TRUSTED_ORIGINS"
	EnvForwardAuthPath    = "CLERKGATE_FORWARD_AUTH_PATH"
	EnvExtAuthzListen     = "CLERKGATE_EXT_AUTHZ_LISTEN"
	EnvLogLevel           = "CLERKGATE_LOG_LEVEL"
	EnvLogFormat          = "CLERKGATE_LOG_FORMAT"
	EnvTLSCertFile        = "CLERKGATE_TLS_CERT_FILE"
	EnvTLSKeyFile         = "CLERKGATE_TLS_KEY_FILE"
	EnvH2C                = "CLERKGATE_H2C"
	EnvReadHeaderTimeout  = "CLERKGATE_READ_HEADER_TIMEOUT"
	EnvBodyIdleTimeout    = "CLERKGATE_BODY_IDLE_TIMEOUT"
	EnvIdleTimeout        = "CLERKGATE_IDLE_TIMEOUT"
	EnvShutdownTimeout    = "CLERKGATE_SHUTDOWN_TIMEOUT"
	EnvMaxHeaderBytes     = "CLERKGATE_MAX_HEADER_BYTES"
	EnvMaxBodyBytes       = "CLERKGATE_MAX_BODY_BYTES"
	EnvMaxConnections     = "CLERKGATE_MAX_CONNECTIONS"
	EnvMaxStreams         = "CLERKGATE_MAX_STREAMS"
	EnvConnectTimeout     = "CLERKGATE_UPSTREAM_CONNECT_TIMEOUT"
	EnvUpstreamTimeout    = "CLERKGATE_UPSTREAM_TIMEOUT"
	EnvUpstreamProtocol   = "CLERKGATE_UPSTREAM_PROTOCOL"
	EnvUpstreamTransport  = "CLERKGATE_UPSTREAM_TRANSPORT"
	EnvUpstreamCAFile     = "CLERKGATE_UPSTREAM_CA_FILE"
	EnvUpstreamCertFile   = "CLERKGATE_UPSTREAM_CERT_FILE"
	EnvUpstreamKeyFile    = "CLERKGATE_UPSTREAM_KEY_FILE"
	EnvUpstreamServerName = "CLERKGATE_UPSTREAM_SERVER_NAME"
	EnvConfig             = "CLERKGATE_CONFIG"
)

// Variables lists every environment variable that [Load] knows, in the
// order in which they are best explained.
func Variables() []Variable {
	return []Variable{
		{Name: EnvPublishableKey, Required: true, Help: "The instance's publishable key: pk_test_… or pk_live_…"},
		{Name: EnvSecretKey, Required: true, Help: "The instance's secret key: sk_test_… or sk_live_…, of the same kind."},
		{Name: EnvUpstream, Required: true, Help: "Where the application listens: http://host:port, https://host or unix:/path/to.sock; none when only gateways ask."},

		{Name: EnvListen, Default: defaultListen, Help: "Where clerkgate listens."},
		{Name: EnvAdminListen, Default: defaultAdminListen, Help: "Where /healthz and /readyz listen; keep it private."},
		{Name: EnvConfig, Help: "A routes file: which hosts and paths lead where, and what they ask for. `clerkgate check` reads it, `clerkgate explain` tells which route applies."},
		{Name: EnvPolicy, Default: string(PolicyRequired), Help: "required: signed-out requests are answered here. optional: they reach the upstream, marked."},
		{Name: EnvPublicPaths, Help: "Paths that need no session: exact (/health), or everything below (/assets/*). A list."},
		{Name: EnvAuthorizedParties, Help: "Origins whose tokens are accepted (claim azp). A list; set it in production."},
		{Name: EnvAudience, Help: "Audiences that are accepted (claim aud). A list."},
		{Name: EnvAcceptsToken, Default: "session_token", Help: "What may authenticate: session_token, api_key, m2m_token, oauth_token (a list), or any."},
		{Name: EnvTrustedProxies, Help: "Peers whose X-Forwarded-* headers are believed: CIDRs or addresses. A list; nobody by default."},
		{Name: EnvCSRF, Default: "on", Help: "on: pages of other sites cannot act with the user's cookies (POST and the like, WebSockets). off: the application sees to it."},
		{Name: EnvTrustedOrigins, Help: "Origins whose pages may act all the same. A list."},
		{Name: EnvForwardAuthPath, Help: "Where nginx, Traefik, Caddy, HAProxy and Envoy ask, trusted proxies only: " + defaultForwardAuthPath + " by default without an upstream, else nowhere."},
		{Name: EnvExtAuthzListen, Help: "Where Envoy asks over gRPC (ext_authz), such as 127.0.0.1:9191; nowhere by default."},
		{Name: EnvSessionLookup, Default: "off", Help: "cached: a live token's session is looked up at Clerk too, so that an ended session stops early."},
		{Name: EnvSessionLookupTTL, Default: "10s", Help: "How long a looked-up session is believed."},
		{Name: EnvClockSkew, Default: "5s", Help: "How far Clerk's clock and this one may differ."},
		{Name: EnvTokenCacheSize, Default: "100000", Help: "How many verified tokens are remembered."},
		{Name: EnvOrgPatterns, Help: "Path patterns (/orgs/:slug/(.*)) that name the organization which must be active. A list."},
		{Name: EnvPersonalPatterns, Help: "Path patterns where no organization may be active. A list."},
		{Name: EnvTLSCertFile, Help: "Serve HTTPS and HTTP/2 with this certificate and its chain (PEM); read again when it changes."},
		{Name: EnvTLSKeyFile, Help: "Its private key (PEM)."},
		{Name: EnvH2C, Default: "false", Help: "true: clients may begin with HTTP/2 without TLS."},
		{Name: EnvReadHeaderTimeout, Default: "10s", Help: "How long the header of a request may take."},
		{Name: EnvBodyIdleTimeout, Default: "1m", Help: "How long a client may send nothing of a body, or take nothing of an answer."},
		{Name: EnvIdleTimeout, Default: "2m", Help: "How long a connection stays open between requests."},
		{Name: EnvShutdownTimeout, Default: "20s", Help: "How long requests in flight may take to finish at the end."},
		{Name: EnvMaxHeaderBytes, Default: "64KiB", Help: "How large the header of a request may be."},
		{Name: EnvMaxBodyBytes, Help: "How large the body of a request may be, such as 10MiB; no limit by default."},
		{Name: EnvMaxConnections, Help: "How many connections may be open; no limit by default."},
		{Name: EnvMaxStreams, Default: "250", Help: "How many requests one connection of HTTP/2 may have at a time."},
		{Name: EnvConnectTimeout, Default: "10s", Help: "How long connecting to the application may take."},
		{Name: EnvUpstreamTimeout, Default: "1m", Help: "How long the application may take to begin its answer, or take nothing of a body."},
		{Name: EnvUpstreamProtocol, Help: "http1, http2 (over TLS) or h2c; by default HTTP/1.1, and what is negotiated over TLS."},
		{Name: EnvUpstreamCAFile, Help: "The authorities (PEM) that may have signed the application's certificate, in place of the system's."},
		{Name: EnvUpstreamCertFile, Help: "A client certificate for the application (PEM); read again when it changes."},
		{Name: EnvUpstreamKeyFile, Help: "Its private key (PEM)."},
		{Name: EnvUpstreamServerName, Help: "The name that the application's certificate must have; the host of its URL by default."},
		{Name: EnvUpstreamTransport, Default: string(TransportDirect), Help: "direct: HTTP/1.1 without TLS is spoken by clerkgate's own client. standard: by Go's."},
		{Name: EnvLogLevel, Default: "info", Help: "debug, info, warn or error."},
		{Name: EnvLogFormat, Default: "text", Help: "text or json."},

		{Name: EnvJWTKey, Help: "The instance's public key as PEM (\\n may stand for a line end): tokens are verified without a network call."},
		{Name: EnvProxyURL, Help: "Serve the Frontend API under this path of the application (/__clerk), or at this absolute URL."},
		{Name: EnvFAPIURL, Help: "Where the Frontend API is reached from here; derived from the publishable key."},
		{Name: EnvAPIURL, Default: "https://api.clerk.com", Help: "The Backend API."},
		{Name: EnvAPIVersion, Default: "v1", Help: "Its version."},
		{Name: EnvSignInURL, Help: "Where people sign in; the instance's account portal by default."},
		{Name: EnvSignUpURL, Help: "Where people sign up; the instance's account portal by default."},
		{Name: EnvDomain, Help: "A satellite's own domain."},
		{Name: EnvIsSatellite, Default: "false", Help: "true: sessions come from a primary domain."},
		{Name: EnvSatelliteAutoSync, Default: "false", Help: "true: a satellite asks the primary domain about first-time visitors too."},
		{Name: EnvMachineSecretKey, Help: "Verifies M2M tokens in place of the secret key: ak_…"},
		{Name: EnvWebhookSecret, Unsupported: true, Help: "Not supported by this release."},
	}
}

// ownVariable says whether a name is in the name space that clerkgate watches
// for misspelled variables.
func ownVariable(name string) bool {
	return strings.HasPrefix(name, "CLERK_") || strings.HasPrefix(name, "CLERKGATE_")
}

// nearest returns the known name with the smallest edit distance to name.
func nearest(name string) string {
	best, bestDistance := "", -1
	for _, v := range Variables() {
		if d := editDistance(name, v.Name); bestDistance < 0 || d < bestDistance {
			best, bestDistance = v.Name, d
		}
	}
	return best
}

// editDistance is Levenshtein's, over bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
