package settings

import (
	"cmp"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/frontend"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// Policy says what happens to signed-out requests.
type Policy string

const (
	// PolicyRequired refuses them, or sends them to the sign-in page. It is the default.
	PolicyRequired Policy = "required"
	// PolicyOptional forwards them; X-Clerk-Auth-Status tells them apart.
	PolicyOptional Policy = "optional"
)

// UpstreamTransport is an implementation of HTTP/1.1 without TLS, for requests to upstreams.
type UpstreamTransport string

const (
	// TransportDirect does its work in the goroutine of the request.
	TransportDirect UpstreamTransport = "direct"
	// TransportStandard is [net/http.Transport].
	TransportStandard UpstreamTransport = "standard"
)

// defaultForwardAuthPath is where gateways ask if there is no application.
const defaultForwardAuthPath = "/.clerkgate/auth"

// defaultSignOutPath is where people sign out; signOutOff turns that page off.
const (
	defaultSignOutPath = "/.clerkgate/sign-out"
	signOutOff         = "off"
)

// ReadyWhen says when a server is ready.
type ReadyWhen string

const (
	// ReadyWithKeys is once tokens can be verified. It is the default.
	ReadyWithKeys ReadyWhen = "keys"
	// ReadyAlways is from the start.
	ReadyAlways ReadyWhen = "always"
)

// Config is everything that clerkgate needs to know. [Load] makes one from the
// environment.
type Config struct {
	// Auth configures the middleware. The proxy sets its Now and Logger.
	Auth middleware.Options
	// Sources says for each variable that [Load] has read where it comes from. It changes
	// nothing but what [Config.InForce] returns.
	Sources map[string]Source

	// Upstream is the application: http, https, or unix with a path; nil if Routes name
	// others, or only gateways ask.
	Upstream *url.URL
	// FrontendAPI is the origin to which requests below the path of Auth.ProxyURL are
	// forwarded; nil means the one in the publishable key.
	FrontendAPI *url.URL
	// Routes say what is done with which request; nil leaves that to Upstream, Policy and
	// PublicPaths.
	Routes *routes.Config
	// CSRF guards unsafe requests that cookies authenticate. It is used without Routes.
	CSRF routes.CSRF
	// Refresh says for which methods an expired session is renewed, unless the route says
	// it; "" means [routes.RefreshAuto].
	Refresh routes.Refresh
	// Policy is what happens to signed-out requests; "" means PolicyRequired.
	Policy Policy
	// PublicPaths need no session: exact paths, or prefixes that end in /*.
	PublicPaths []string

	// Store is where replicas share what they do, in one of the forms of
	// [redisstore.Forms]; "" means nowhere. It may hold a password.
	Store string
	// StoreKeys are the keys that what is stored is encrypted with, in base64 and separated
	// by commas or white space: the first one encrypts, all decrypt. "" means a key that is
	// derived from the secret key.
	StoreKeys string

	// Pages is a folder with templates for the pages of refusals; "" means clerkgate's own
	// pages. It is read by the proxy, at the start and by each reload.
	Pages string

	// KeepHeaders are headers that pass from every client although applications believe
	// them. It is used without Routes. See [routes.KeptHeader].
	KeepHeaders []string

	// ClaimHeaders are headers made of the session's claims, where a route does not say
	// its own.
	ClaimHeaders []routes.ClaimHeader
	// Enrich says what fills fields that the claims lack, where a route does not say; ""
	// means nothing. EnrichTTL is how old what is known of a user may become; 0 means 5m.
	Enrich    routes.Enrich
	EnrichTTL time.Duration

	// ForwardAuthPath is where gateways ask; "" means /.clerkgate/auth if there is no
	// upstream, else nowhere.
	ForwardAuthPath string

	// SignOutPath is where people sign out without JavaScript; "" means
	// /.clerkgate/sign-out, "off" nowhere.
	SignOutPath string

	// WebhookSecrets are the signing secrets of Clerk's webhooks; nil means that none are
	// received. WebhookPath is where they are; "" means /.clerkgate/webhook.
	WebhookSecrets []string
	WebhookPath    string
	// StreamRecheck is how often the sessions of long connections are looked up; 0 means 1m.
	StreamRecheck time.Duration

	// Listen are the addresses of the server: host:port, :port, unix:/path/to.sock with or
	// without ?mode=0660, systemd or systemd:name; nil means :8080.
	Listen []string
	// ProxyProtocol makes the peers in Auth.TrustedProxies begin their connections to
	// Listen with a header of the PROXY protocol.
	ProxyProtocol bool
	// ExtAuthzListen is where Envoy asks over gRPC (ext_authz); nil means nowhere.
	ExtAuthzListen []string
	// AdminListen is where /healthz, /readyz and the pages for operators are; nil means
	// 127.0.0.1:9090.
	AdminListen []string
	// AdminPages says which of them there are; "" means AdminAll.
	AdminPages AdminPages
	// AdminToken is the bearer token that the pages for operators need, of at least 32
	// characters. AdminClientCAFile has authorities whose client certificates count too, and
	// makes the listener speak HTTPS with the certificate of TLSCertificateFile. If both are
	// empty, AdminListen must be loopback addresses or Unix sockets.
	AdminToken        string
	AdminClientCAFile string

	// LogLevel and LogFormat (text or json) are for the program that makes the logger.
	LogLevel  slog.Level
	LogFormat string

	// AccessLog is how the line of a request is written: text, json, common, combined, ecs or
	// off; "" means LogFormat. AccessLogFields are the names of its fields, which
	// docs/reference/logs.md lists; nil means those by default. AccessLogSample is the share
	// of successful requests that is logged; 0 means all. AccessLogTo (stderr or stdout) is
	// for the program that opens the log.
	AccessLog       string
	AccessLogFields []string
	AccessLogSample float64
	AccessLogTo     string
	// AuditLog is where the audit log goes: a file, stderr, stdout, or off, which "" means.
	AuditLog string
	// Profiles makes the admin listener serve those of net/http/pprof.
	Profiles bool

	// TLSCertificateFile and TLSKeyFile, both or none, make the public listener
	// speak HTTPS. They are read again when they change.
	TLSCertificateFile, TLSKeyFile string
	// H2C lets clients begin with HTTP/2 on a listener without TLS.
	H2C bool
	// Limits bound what a client can hold.
	Limits Limits

	// UpstreamSettings are the settings of Upstream. Its URL and ResponseTimeout are not
	// used: see Upstream and UpstreamTimeout.
	UpstreamSettings routes.Upstream
	// UpstreamTransport chooses between two implementations of HTTP/1.1 without TLS:
	// TransportDirect, or TransportStandard, which is net/http's. "" means
	// TransportDirect.
	UpstreamTransport UpstreamTransport
	// UpstreamTimeout is how long the upstream may take to begin its answer; 0
	// means 60s.
	UpstreamTimeout time.Duration
	// UpstreamWait is how long a start waits for applications that do not accept
	// connections yet: their requests get 503, and /readyz does. 0 means not at all. Only
	// [github.com/clerkgate/clerkgate/proxy.Run] waits.
	UpstreamWait time.Duration
	// ReadyUpstream makes /readyz answer 503 unless every upstream accepts connections.
	ReadyUpstream bool
	// ReadyWhen is when /readyz answers 200; "" means ReadyWithKeys.
	ReadyWhen ReadyWhen
	// ShutdownDelay is how long the server still serves new connections once it is told to
	// stop, while /readyz already answers 503.
	ShutdownDelay time.Duration
	// ShutdownTimeout is how long requests in flight and WebSockets may take to finish
	// after that; 0 means 20s.
	ShutdownTimeout time.Duration
}

// Limits bound what one client can use. A field that is zero or negative means the default
// that its comment names.
type Limits struct {
	// ReadHeaderTimeout is how long the header of a request may take, and the TLS
	// handshake before it; 0 means 10s.
	ReadHeaderTimeout time.Duration
	// BodyIdleTimeout is how long a client may send nothing of a body that is being
	// read, or take nothing of an answer that is being written; 0 means 1m. There
	// is no limit on the whole: streams and large files take as long as they take.
	BodyIdleTimeout time.Duration
	// IdleTimeout is how long a connection stays open between requests; 0 means 2m.
	IdleTimeout time.Duration
	// MaxHeaderBytes bounds the header of a request; 0 means 64 KiB. net/http gives
	// 4 KiB more to HTTP/1, and counts 32 bytes more for each field of HTTP/2.
	MaxHeaderBytes int
	// MaxBodyBytes bounds the body of a request; 0 means no limit.
	MaxBodyBytes int64
	// MaxConnections bounds the open connections; further ones wait in the
	// system's queue. 0 means no limit.
	MaxConnections int
	// MaxStreams bounds the requests at one time on a connection of HTTP/2; 0
	// means 250.
	MaxStreams int
}

// WithDefaults returns c with the default in each field that is empty, and in each number
// that is zero or negative.
func (c Config) WithDefaults() Config {
	for _, r := range c.table() {
		r.value.fallback()
	}
	return c
}

// ForwardAuthEndpoint returns the path where gateways ask, or "" for nowhere. Beside an
// upstream the endpoint must be configured: behind a trusted load balancer, browsers reach
// everything that clerkgate serves, and a response to a gateway holds cookies that scripts
// must not read.
func (c *Config) ForwardAuthEndpoint() string {
	if c.ForwardAuthPath == "" && len(c.AllUpstreams()) == 0 {
		return defaultForwardAuthPath
	}
	return c.ForwardAuthPath
}

// SignOut returns the path where people sign out, or "" for none.
func (c *Config) SignOut() string {
	if c.SignOutPath == signOutOff {
		return ""
	}
	return cmp.Or(c.SignOutPath, defaultSignOutPath)
}

// defaultWebhookPath is where webhooks are received.
const defaultWebhookPath = "/.clerkgate/webhook"

// Webhook is the path where webhooks are received, "" for none.
func (c *Config) Webhook() string {
	if len(c.WebhookSecrets) == 0 {
		return ""
	}
	return cmp.Or(c.WebhookPath, defaultWebhookPath)
}

// AllRoutes are those of the routes file, or what the environment says in their
// place: the public paths, the pages where people sign in and up, then one for
// everything. Each has its Refresh and ClaimHeaders.
func (c *Config) AllRoutes() []routes.Route {
	if c.Routes != nil {
		list := slices.Clone(c.Routes.Routes)
		for i := range list {
			list[i].Refresh = cmp.Or(list[i].Refresh, c.Refresh)
			list[i].Enrich = cmp.Or(list[i].Enrich, c.Enrich)
			if list[i].ClaimHeaders == nil {
				list[i].ClaimHeaders = c.ClaimHeaders
			}
		}
		return list
	}
	base := routes.Route{CSRF: c.CSRF, Refresh: c.Refresh, KeepHeaders: c.KeepHeaders, ClaimHeaders: c.ClaimHeaders, Enrich: c.Enrich}
	var list []routes.Route
	for _, path := range c.PublicPaths {
		public := base
		public.Match, public.Auth = path, routes.AuthPublic
		list = append(list, public)
	}
	if c.Policy == PolicyOptional {
		base.Auth = routes.AuthPublic
	} else {
		list = append(list, c.pageRoutes(base)...)
	}
	base.Match = "/*"
	return append(list, base)
}

// OneRule reports whether one rule is for every request. No path is looked at then, so
// that the application may have each as it came.
func (c *Config) OneRule() bool { return c.Routes == nil && len(c.AllRoutes()) == 1 }

// AllUpstreams returns the upstreams of the routes file, and that of the environment as "".
// Each has its timeouts.
func (c *Config) AllUpstreams() map[string]routes.Upstream {
	own := c.WithDefaults()
	all := make(map[string]routes.Upstream)
	if c.Routes != nil {
		for name, up := range c.Routes.Upstreams {
			up.ConnectTimeout = cmp.Or(up.ConnectTimeout, own.UpstreamSettings.ConnectTimeout)
			up.ResponseTimeout = cmp.Or(up.ResponseTimeout, own.UpstreamTimeout)
			up.Host = cmp.Or(up.Host, own.UpstreamSettings.Host)
			up.BodyIdleTimeout = cmp.Or(up.BodyIdleTimeout, own.UpstreamSettings.BodyIdleTimeout)
			up.IdleTimeout = cmp.Or(up.IdleTimeout, own.UpstreamSettings.IdleTimeout)
			up.MaxConnectionAge = cmp.Or(up.MaxConnectionAge, own.UpstreamSettings.MaxConnectionAge)
			all[name] = up
		}
	}
	if c.Upstream != nil {
		up := own.UpstreamSettings
		up.URL, up.ResponseTimeout = c.Upstream.String(), own.UpstreamTimeout
		all[""] = up
	}
	return all
}

// FrontendPath returns the path under which the Frontend API is served, such as /__clerk, or
// "" if it is not served.
func (c *Config) FrontendPath() string { return frontend.PathOf(c.Auth.ProxyURL) }

// FrontendOrigin returns the origin of the Frontend API.
func (c *Config) FrontendOrigin() *url.URL {
	if c.FrontendAPI != nil {
		return &url.URL{Scheme: c.FrontendAPI.Scheme, Host: c.FrontendAPI.Host}
	}
	return frontend.OriginOf(c.Auth.PublishableKey)
}
