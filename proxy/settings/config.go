package settings

import (
	"cmp"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// What holds where nothing is said.
const (
	defaultListen          = ":8080"
	defaultAdminListen     = "127.0.0.1:9090"
	defaultForwardAuthPath = "/.clerkgate/auth"
	defaultUpstreamTimeout = time.Minute
	defaultConnectTimeout  = 10 * time.Second
	defaultShutdownTimeout = 20 * time.Second
)

// proxiedFrontendHost serves the Frontend API of every production instance that
// is proxied.
const proxiedFrontendHost = "frontend-api.clerk.dev"

// Policy says what happens to requests that nobody is signed in to.
type Policy string

const (
	// PolicyRequired answers them here. It is the default.
	PolicyRequired Policy = "required"
	// PolicyOptional lets them through; X-Clerk-Auth-Status tells them apart.
	PolicyOptional Policy = "optional"
)

// Config is everything that clerkgate needs to know. [Load] makes one from the
// environment.
type Config struct {
	// Auth configures the middleware. its Now and Logger are left to the proxy.
	Auth middleware.Options

	// Upstream is the application: http, https, or unix with a path; nil where Routes
	// name their own, or only gateways ask.
	Upstream *url.URL
	// FrontendAPI is the origin that the path of Auth.ProxyURL is passed to; nil
	// means that it is derived from the publishable key.
	FrontendAPI *url.URL
	// Routes say what becomes of which request; nil leaves it to Upstream, Policy and
	// PublicPaths.
	Routes *routes.Config
	// CSRF guards unsafe methods that cookies authenticate, where no Routes are.
	CSRF routes.CSRF
	// Policy is what happens to signed-out requests; "" means PolicyRequired.
	Policy Policy
	// PublicPaths need no session: exact paths, or prefixes that end in /*.
	PublicPaths []string

	// ForwardAuthPath is where gateways ask; "" means /.clerkgate/auth where there is
	// no upstream, else nowhere.
	ForwardAuthPath string

	// Listen is the public address; "" means :8080.
	Listen string
	// ExtAuthzListen is where Envoy asks over gRPC (ext_authz); "" means nowhere.
	ExtAuthzListen string
	// AdminListen is the address of /healthz and /readyz; "" means 127.0.0.1:9090.
	AdminListen string

	// LogLevel and LogFormat (text or json) are for whoever makes the logger.
	LogLevel  slog.Level
	LogFormat string

	// TLSCertificateFile and TLSKeyFile, both or none, make the public listener
	// speak HTTPS. They are read again when they change.
	TLSCertificateFile, TLSKeyFile string
	// H2C lets clients begin with HTTP/2 on a listener without TLS.
	H2C bool
	// Limits bound what a client can hold.
	Limits Limits

	// UpstreamSettings say how Upstream is spoken to. Its URL and ResponseTimeout
	// are left to Upstream and UpstreamTimeout.
	UpstreamSettings routes.Upstream
	// UpstreamTransport chooses between two implementations of HTTP/1.1 without TLS:
	// TransportDirect, or TransportStandard, which is net/http's. "" means
	// TransportDirect.
	UpstreamTransport UpstreamTransport
	// UpstreamTimeout is how long the upstream may take to begin its answer; 0
	// means 60s.
	UpstreamTimeout time.Duration
	// ShutdownTimeout is how long requests in flight may take to finish once the
	// server is told to stop; 0 means 20s.
	ShutdownTimeout time.Duration
}

// WithDefaults is cfg with the default in each field that is empty or not above
// zero, as far as the field's comment names one.
func (cfg Config) WithDefaults() Config {
	cfg.Listen = cmp.Or(cfg.Listen, defaultListen)
	cfg.AdminListen = cmp.Or(cfg.AdminListen, defaultAdminListen)
	cfg.Policy = cmp.Or(cfg.Policy, PolicyRequired)
	cfg.Limits = cfg.Limits.WithDefaults()
	cfg.UpstreamTransport = cmp.Or(cfg.UpstreamTransport, TransportDirect)
	cfg.UpstreamTimeout = positive(cfg.UpstreamTimeout, defaultUpstreamTimeout)
	cfg.ShutdownTimeout = positive(cfg.ShutdownTimeout, defaultShutdownTimeout)
	return cfg
}

// upstreamSettings are those of the one upstream that the environment names.
func (cfg *Config) upstreamSettings() routes.Upstream {
	settings := cfg.UpstreamSettings
	settings.URL, settings.ResponseTimeout = cfg.Upstream.String(), cfg.UpstreamTimeout
	return settings
}

// ForwardAuthEndpoint is where gateways ask, "" for nowhere. An endpoint beside an
// upstream must be asked for: behind a load balancer that is trusted, browsers
// reach whatever clerkgate serves, and an answer to a gateway holds cookies that
// scripts must not read.
func (cfg *Config) ForwardAuthEndpoint() string {
	if cfg.ForwardAuthPath == "" && len(cfg.AllUpstreams()) == 0 {
		return defaultForwardAuthPath
	}
	return cfg.ForwardAuthPath
}

// AllRoutes are those of the routes file, or what the environment says in their
// place: the public paths, then one for everything.
func (cfg *Config) AllRoutes() []routes.Route {
	if cfg.Routes != nil {
		return cfg.Routes.Routes
	}
	base := routes.Route{CSRF: cfg.CSRF}
	var list []routes.Route
	for _, path := range cfg.PublicPaths {
		public := base
		public.Match, public.Auth = path, routes.AuthPublic
		list = append(list, public)
	}
	base.Match = "/*"
	if cfg.Policy == PolicyOptional {
		base.Auth = routes.AuthPublic
	}
	return append(list, base)
}

// AllUpstreams are those of the routes file, and that of the environment as "". Each
// has its timeouts.
func (cfg *Config) AllUpstreams() map[string]routes.Upstream {
	all := make(map[string]routes.Upstream)
	if cfg.Routes != nil {
		for name, up := range cfg.Routes.Upstreams {
			all[name] = cfg.timed(up)
		}
	}
	if cfg.Upstream != nil {
		all[""] = cfg.timed(cfg.upstreamSettings())
	}
	return all
}

// timed is up with the times that hold where it names none.
func (cfg *Config) timed(up routes.Upstream) routes.Upstream {
	up.ConnectTimeout = positive(up.ConnectTimeout, defaultConnectTimeout)
	up.ResponseTimeout = positive(up.ResponseTimeout, positive(cfg.UpstreamTimeout, defaultUpstreamTimeout))
	return up
}

// FrontendPath is the path under which the Frontend API is served here, such as
// /__clerk; "" means that it is not.
func (cfg *Config) FrontendPath() string {
	u, err := url.Parse(cfg.Auth.ProxyURL)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.EscapedPath(), "/")
}

// FrontendOrigin is where the Frontend API is reached. A production instance that
// is proxied has no host of its own in the DNS, so that Clerk serves all of them
// at one; the headers say which instance is meant.
func (cfg *Config) FrontendOrigin() *url.URL {
	if cfg.FrontendAPI != nil {
		return &url.URL{Scheme: cfg.FrontendAPI.Scheme, Host: cfg.FrontendAPI.Host}
	}
	host, ok := keyHost(cfg.Auth.PublishableKey)
	if !ok || strings.HasPrefix(cfg.Auth.PublishableKey, "pk_live_") {
		host = proxiedFrontendHost
	}
	return &url.URL{Scheme: "https", Host: host}
}
