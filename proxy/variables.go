package proxy

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

// The names, each written once.
const (
	envPublishableKey    = "CLERK_PUBLISHABLE_KEY"
	envSecretKey         = "CLERK_SECRET_KEY"
	envJWTKey            = "CLERK_JWT_KEY"
	envAPIURL            = "CLERK_API_URL"
	envAPIVersion        = "CLERK_API_VERSION"
	envFAPIURL           = "CLERK_FAPI_URL"
	envDomain            = "CLERK_DOMAIN"
	envIsSatellite       = "CLERK_IS_SATELLITE"
	envSatelliteAutoSync = "CLERK_SATELLITE_AUTO_SYNC"
	envProxyURL          = "CLERK_PROXY_URL"
	envSignInURL         = "CLERK_SIGN_IN_URL"
	envSignUpURL         = "CLERK_SIGN_UP_URL"
	envMachineSecretKey  = "CLERK_MACHINE_SECRET_KEY"
	envWebhookSecret     = "CLERK_WEBHOOK_SIGNING_SECRET"

	envListen             = "CLERKGATE_LISTEN"
	envAdminListen        = "CLERKGATE_ADMIN_LISTEN"
	envUpstream           = "CLERKGATE_UPSTREAM"
	envPolicy             = "CLERKGATE_POLICY"
	envPublicPaths        = "CLERKGATE_PUBLIC_PATHS"
	envAuthorizedParties  = "CLERKGATE_AUTHORIZED_PARTIES"
	envAudience           = "CLERKGATE_AUDIENCE"
	envClockSkew          = "CLERKGATE_CLOCK_SKEW"
	envTrustedProxies     = "CLERKGATE_TRUSTED_PROXIES"
	envAcceptsToken       = "CLERKGATE_ACCEPTS_TOKEN"
	envOrgPatterns        = "CLERKGATE_ORGANIZATION_PATTERNS"
	envPersonalPatterns   = "CLERKGATE_PERSONAL_ACCOUNT_PATTERNS"
	envTokenCacheSize     = "CLERKGATE_TOKEN_CACHE_SIZE"
	envSessionLookup      = "CLERKGATE_SESSION_LOOKUP"
	envSessionLookupTTL   = "CLERKGATE_SESSION_LOOKUP_TTL"
	envCSRF               = "CLERKGATE_CSRF"
	envTrustedOrigins     = "CLERKGATE_TRUSTED_ORIGINS"
	envForwardAuthPath    = "CLERKGATE_FORWARD_AUTH_PATH"
	envExtAuthzListen     = "CLERKGATE_EXT_AUTHZ_LISTEN"
	envLogLevel           = "CLERKGATE_LOG_LEVEL"
	envLogFormat          = "CLERKGATE_LOG_FORMAT"
	envTLSCertFile        = "CLERKGATE_TLS_CERT_FILE"
	envTLSKeyFile         = "CLERKGATE_TLS_KEY_FILE"
	envH2C                = "CLERKGATE_H2C"
	envReadHeaderTimeout  = "CLERKGATE_READ_HEADER_TIMEOUT"
	envBodyIdleTimeout    = "CLERKGATE_BODY_IDLE_TIMEOUT"
	envIdleTimeout        = "CLERKGATE_IDLE_TIMEOUT"
	envShutdownTimeout    = "CLERKGATE_SHUTDOWN_TIMEOUT"
	envMaxHeaderBytes     = "CLERKGATE_MAX_HEADER_BYTES"
	envMaxBodyBytes       = "CLERKGATE_MAX_BODY_BYTES"
	envMaxConnections     = "CLERKGATE_MAX_CONNECTIONS"
	envMaxStreams         = "CLERKGATE_MAX_STREAMS"
	envConnectTimeout     = "CLERKGATE_UPSTREAM_CONNECT_TIMEOUT"
	envUpstreamTimeout    = "CLERKGATE_UPSTREAM_TIMEOUT"
	envUpstreamProtocol   = "CLERKGATE_UPSTREAM_PROTOCOL"
	envUpstreamTransport  = "CLERKGATE_UPSTREAM_TRANSPORT"
	envUpstreamCAFile     = "CLERKGATE_UPSTREAM_CA_FILE"
	envUpstreamCertFile   = "CLERKGATE_UPSTREAM_CERT_FILE"
	envUpstreamKeyFile    = "CLERKGATE_UPSTREAM_KEY_FILE"
	envUpstreamServerName = "CLERKGATE_UPSTREAM_SERVER_NAME"
	envConfig             = "CLERKGATE_CONFIG"
	defaultListen         = ":8080"
	defaultAdminListen    = "127.0.0.1:9090"
	proxiedProductionFAPI = "https://frontend-api.clerk.dev"
)

// Variables lists every environment variable that [LoadConfig] knows, in the
// order in which they are best explained.
func Variables() []Variable {
	return []Variable{
		{Name: envPublishableKey, Required: true, Help: "The instance's publishable key: pk_test_… or pk_live_…"},
		{Name: envSecretKey, Required: true, Help: "The instance's secret key: sk_test_… or sk_live_…, of the same kind."},
		{Name: envUpstream, Required: true, Help: "Where the application listens: http://host:port, https://host or unix:/path/to.sock; none when only gateways ask."},

		{Name: envListen, Default: defaultListen, Help: "Where clerkgate listens."},
		{Name: envAdminListen, Default: defaultAdminListen, Help: "Where /healthz and /readyz listen; keep it private."},
		{Name: envConfig, Help: "A routes file: which hosts and paths lead where, and what they ask for. `clerkgate check` reads it, `clerkgate explain` tells which route applies."},
		{Name: envPolicy, Default: string(PolicyRequired), Help: "required: signed-out requests are answered here. optional: they reach the upstream, marked."},
		{Name: envPublicPaths, Help: "Paths that need no session: exact (/health), or everything below (/assets/*). A list."},
		{Name: envAuthorizedParties, Help: "Origins whose tokens are accepted (claim azp). A list; set it in production."},
		{Name: envAudience, Help: "Audiences that are accepted (claim aud). A list."},
		{Name: envAcceptsToken, Default: "session_token", Help: "What may authenticate: session_token, api_key, m2m_token, oauth_token (a list), or any."},
		{Name: envTrustedProxies, Help: "Peers whose X-Forwarded-* headers are believed: CIDRs or addresses. A list; nobody by default."},
		{Name: envCSRF, Default: "on", Help: "on: pages of other sites cannot act with the user's cookies (POST and the like, WebSockets). off: the application sees to it."},
		{Name: envTrustedOrigins, Help: "Origins whose pages may act all the same. A list."},
		{Name: envForwardAuthPath, Help: "Where nginx, Traefik, Caddy, HAProxy and Envoy ask, trusted proxies only: " + defaultForwardAuthPath + " by default without an upstream, else nowhere."},
		{Name: envExtAuthzListen, Help: "Where Envoy asks over gRPC (ext_authz), such as 127.0.0.1:9191; nowhere by default."},
		{Name: envSessionLookup, Default: "off", Help: "cached: a live token's session is looked up at Clerk too, so that an ended session stops early."},
		{Name: envSessionLookupTTL, Default: "10s", Help: "How long a looked-up session is believed."},
		{Name: envClockSkew, Default: "5s", Help: "How far Clerk's clock and this one may differ."},
		{Name: envTokenCacheSize, Default: "100000", Help: "How many verified tokens are remembered."},
		{Name: envOrgPatterns, Help: "Path patterns (/orgs/:slug/(.*)) that name the organization which must be active. A list."},
		{Name: envPersonalPatterns, Help: "Path patterns where no organization may be active. A list."},
		{Name: envTLSCertFile, Help: "Serve HTTPS and HTTP/2 with this certificate and its chain (PEM); read again when it changes."},
		{Name: envTLSKeyFile, Help: "Its private key (PEM)."},
		{Name: envH2C, Default: "false", Help: "true: clients may begin with HTTP/2 without TLS."},
		{Name: envReadHeaderTimeout, Default: "10s", Help: "How long the header of a request may take."},
		{Name: envBodyIdleTimeout, Default: "1m", Help: "How long a client may send nothing of a body, or take nothing of an answer."},
		{Name: envIdleTimeout, Default: "2m", Help: "How long a connection stays open between requests."},
		{Name: envShutdownTimeout, Default: "20s", Help: "How long requests in flight may take to finish at the end."},
		{Name: envMaxHeaderBytes, Default: "64KiB", Help: "How large the header of a request may be."},
		{Name: envMaxBodyBytes, Help: "How large the body of a request may be, such as 10MiB; no limit by default."},
		{Name: envMaxConnections, Help: "How many connections may be open; no limit by default."},
		{Name: envMaxStreams, Default: "250", Help: "How many requests one connection of HTTP/2 may have at a time."},
		{Name: envConnectTimeout, Default: "10s", Help: "How long connecting to the application may take."},
		{Name: envUpstreamTimeout, Default: "1m", Help: "How long the application may take to begin its answer, or take nothing of a body."},
		{Name: envUpstreamProtocol, Help: "http1, http2 (over TLS) or h2c; by default HTTP/1.1, and what is negotiated over TLS."},
		{Name: envUpstreamCAFile, Help: "The authorities (PEM) that may have signed the application's certificate, in place of the system's."},
		{Name: envUpstreamCertFile, Help: "A client certificate for the application (PEM); read again when it changes."},
		{Name: envUpstreamKeyFile, Help: "Its private key (PEM)."},
		{Name: envUpstreamServerName, Help: "The name that the application's certificate must have; the host of its URL by default."},
		{Name: envUpstreamTransport, Default: string(TransportDirect), Help: "direct: HTTP/1.1 without TLS is spoken by clerkgate's own client. standard: by Go's."},
		{Name: envLogLevel, Default: "info", Help: "debug, info, warn or error."},
		{Name: envLogFormat, Default: "text", Help: "text or json."},

		{Name: envJWTKey, Help: "The instance's public key as PEM (\\n may stand for a line end): tokens are verified without a network call."},
		{Name: envProxyURL, Help: "Serve the Frontend API under this path of the application (/__clerk), or at this absolute URL."},
		{Name: envFAPIURL, Help: "Where the Frontend API is reached from here; derived from the publishable key."},
		{Name: envAPIURL, Default: "https://api.clerk.com", Help: "The Backend API."},
		{Name: envAPIVersion, Default: "v1", Help: "Its version."},
		{Name: envSignInURL, Help: "Where people sign in; the instance's account portal by default."},
		{Name: envSignUpURL, Help: "Where people sign up; the instance's account portal by default."},
		{Name: envDomain, Help: "A satellite's own domain."},
		{Name: envIsSatellite, Default: "false", Help: "true: sessions come from a primary domain."},
		{Name: envSatelliteAutoSync, Default: "false", Help: "true: a satellite asks the primary domain about first-time visitors too."},
		{Name: envMachineSecretKey, Help: "Verifies M2M tokens in place of the secret key: ak_…"},
		{Name: envWebhookSecret, Unsupported: true, Help: "Not supported by this release."},
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
