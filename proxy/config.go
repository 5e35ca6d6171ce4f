package proxy

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// Policy says what happens to requests that nobody is signed in to.
type Policy string

const (
	// PolicyRequired answers them here. It is the default.
	PolicyRequired Policy = "required"
	// PolicyOptional lets them through; X-Clerk-Auth-Status tells them apart.
	PolicyOptional Policy = "optional"
)

// Config is everything that a [Proxy] and [Run] need. [LoadConfig] makes one from
// the environment.
type Config struct {
	// Auth configures the middleware. [New] sets its Now and Logger.
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

// upstreamSettings are those of the one upstream that the environment names.
func (cfg *Config) upstreamSettings() routes.Upstream {
	settings := cfg.UpstreamSettings
	settings.URL, settings.ResponseTimeout = cfg.Upstream.String(), cfg.UpstreamTimeout
	return settings
}

// LoadConfig reads the configuration through lookup (os.LookupEnv). environ
// (os.Environ) is only searched for names that nobody knows, which become
// warnings. Every problem is in the error, a [*ConfigError]. A variable that is
// set to nothing counts as not set. No network call is made.
func LoadConfig(lookup func(string) (string, bool), environ []string) (Config, []Warning, error) {
	l := &loader{lookup: lookup}
	cfg := Config{
		Auth: middleware.Options{
			JWTKey:                  strings.ReplaceAll(l.text(envJWTKey), `\n`, "\n"),
			APIURL:                  l.httpURL(envAPIURL),
			APIVersion:              l.text(envAPIVersion),
			ProxyURL:                l.proxyURL(),
			Domain:                  l.text(envDomain),
			IsSatellite:             l.boolean(envIsSatellite),
			SatelliteAutoSync:       l.boolean(envSatelliteAutoSync),
			SignInURL:               l.text(envSignInURL),
			SignUpURL:               l.text(envSignUpURL),
			AuthorizedParties:       l.list(envAuthorizedParties),
			Audience:                l.list(envAudience),
			ClockSkew:               l.clockSkew(),
			TrustedProxies:          l.prefixes(envTrustedProxies),
			AcceptsToken:            l.tokenTypes(),
			OrganizationPatterns:    l.list(envOrgPatterns),
			PersonalAccountPatterns: l.list(envPersonalPatterns),
			TokenCacheSize:          l.count(envTokenCacheSize),
			SessionLookupTTL:        l.duration(envSessionLookupTTL),
		},
		Upstream:           l.upstream(),
		FrontendAPI:        l.origin(envFAPIURL),
		Routes:             l.routesFile(),
		CSRF:               l.csrf(),
		PublicPaths:        l.publicPaths(),
		ForwardAuthPath:    l.ownPath(envForwardAuthPath, defaultForwardAuthPath),
		Listen:             l.address(envListen, defaultListen),
		AdminListen:        l.address(envAdminListen, defaultAdminListen),
		ExtAuthzListen:     l.address(envExtAuthzListen, ""),
		TLSCertificateFile: l.text(envTLSCertFile),
		TLSKeyFile:         l.text(envTLSKeyFile),
		H2C:                l.boolean(envH2C),
		Limits:             l.limits(),
		UpstreamSettings:   l.upstreamSettings(),
		UpstreamTransport:  l.upstreamTransport(),
		UpstreamTimeout:    l.duration(envUpstreamTimeout),
		ShutdownTimeout:    l.duration(envShutdownTimeout),
		Policy:             Policy(l.choice(envPolicy, string(PolicyRequired), string(PolicyOptional))),
		LogFormat:          l.choice(envLogFormat, "text", "json"),
	}
	l.keys(&cfg.Auth)
	if l.choice(envSessionLookup, "off", "cached") == "cached" {
		cfg.Auth.SessionLookup = middleware.LookupCached
	}
	// The choice is one of slog's own names, so that this cannot fail.
	_ = cfg.LogLevel.UnmarshalText([]byte(l.choice(envLogLevel, "info", "debug", "warn", "error")))
	l.contradictions(&cfg)
	l.routesContradictions(&cfg)
	l.files(&cfg)
	l.unsupported()
	l.askMiddleware(cfg.Auth)

	warnings := unknownVariables(environ)
	if strings.HasPrefix(cfg.Auth.PublishableKey, "pk_live_") && len(cfg.Auth.AuthorizedParties) == 0 {
		warnings = append(warnings, Warning{envAuthorizedParties, "not set, so that tokens made for any origin of the instance are accepted; list your own"})
	}
	if len(l.problems) > 0 {
		order := make(map[string]int)
		for i, v := range Variables() {
			order[v.Name] = i
		}
		slices.SortStableFunc(l.problems, func(a, b Problem) int { return order[a.Variable] - order[b.Variable] })
		return Config{}, warnings, &ConfigError{Problems: l.problems}
	}
	return cfg, warnings, nil
}

// contradictions finds values that are fine alone and wrong together.
func (l *loader) contradictions(cfg *Config) {
	if cfg.Listen == cfg.AdminListen && !strings.HasSuffix(cfg.Listen, ":0") {
		l.problem(envAdminListen, quote(cfg.AdminListen)+", the address of "+envListen+" too", "an address of its own, such as "+defaultAdminListen)
	}
	if cfg.ExtAuthzListen != "" && len(cfg.Auth.TrustedProxies) == 0 && !l.failed(envTrustedProxies) {
		l.problem(envTrustedProxies, "nothing, so that nobody may ask at "+envExtAuthzListen, "the address of Envoy, such as 127.0.0.1")
	}
	if cfg.Auth.SatelliteAutoSync && !cfg.Auth.IsSatellite {
		l.problem(envSatelliteAutoSync, "true, without "+envIsSatellite, "true on a satellite only")
	}
	if cfg.Auth.SessionLookupTTL != 0 && cfg.Auth.SessionLookup == middleware.LookupOff && !l.failed(envSessionLookup) {
		l.problem(envSessionLookupTTL, cfg.Auth.SessionLookupTTL.String()+", while look-ups are off", "nothing, or "+envSessionLookup+"=cached")
	}
	if cfg.FrontendAPI != nil && cfg.Auth.ProxyURL == "" && !l.failed(envProxyURL) {
		l.problem(envFAPIURL, quote(cfg.FrontendAPI.String())+", without "+envProxyURL, "nothing, or "+envProxyURL+" with the path under which to serve it, such as /__clerk")
	}
	if cfg.Policy == PolicyOptional && len(cfg.PublicPaths) > 0 {
		l.problem(envPublicPaths, "paths, while "+envPolicy+"=optional makes every path public", "nothing, or "+envPolicy+"=required")
	}
	if servesFrontend(cfg.Auth.ProxyURL) && cfg.Auth.SecretKey == "" && !l.failed(envSecretKey) {
		l.problem(envSecretKey, "nothing", "the secret key, because "+envProxyURL+" needs it")
	}
}

// unsupported refuses what later releases will know: a variable that is set and
// does nothing would be worse than an error.
func (l *loader) unsupported() {
	for _, v := range Variables() {
		if v.Unsupported && l.text(v.Name) != "" {
			l.problem(v.Name, "a value", "nothing: this release does not support it yet")
		}
	}
}

// askMiddleware has the middleware check what only it can judge, and translates
// its fields into variables.
func (l *loader) askMiddleware(opts middleware.Options) {
	a, err := middleware.New(opts)
	if err == nil {
		a.Close()
		return
	}
	var invalid *middleware.OptionsError
	if !errors.As(err, &invalid) {
		l.problem(envPublishableKey, "", err.Error())
		return
	}
	for _, p := range invalid.Problems {
		name, ok := fieldVariables()[p.Where]
		if !ok {
			name = p.Where
		}
		if !l.failed(name) {
			l.problem(name, p.Found, wanted(p))
		}
	}
}

// wanted is what a problem says is expected, with its remedy.
func wanted(p middleware.Problem) string {
	if p.Remedy == "" {
		return p.Want
	}
	return p.Want + ". " + p.Remedy
}

func fieldVariables() map[string]string {
	return map[string]string{
		"PublishableKey": envPublishableKey, "SecretKey": envSecretKey, "MachineSecretKey": envMachineSecretKey,
		"JWTKey": envJWTKey, "APIURL": envAPIURL, "APIVersion": envAPIVersion, "ProxyURL": envProxyURL,
		"Domain": envDomain, "IsSatellite": envIsSatellite, "SatelliteAutoSync": envSatelliteAutoSync,
		"SignInURL": envSignInURL, "SignUpURL": envSignUpURL, "AuthorizedParties": envAuthorizedParties,
		"Audience": envAudience, "ClockSkew": envClockSkew, "TrustedProxies": envTrustedProxies,
		"AcceptsToken": envAcceptsToken, "OrganizationPatterns": envOrgPatterns,
		"PersonalAccountPatterns": envPersonalPatterns, "TokenCacheSize": envTokenCacheSize,
		"SessionLookup": envSessionLookup, "SessionLookupTTL": envSessionLookupTTL,
	}
}

// unknownVariables warns of names in our name space that nobody knows. Values are
// not looked at: a misspelled secret is a secret.
func unknownVariables(environ []string) []Warning {
	known := make(map[string]bool)
	for _, v := range Variables() {
		known[v.Name] = true
	}
	var warnings []Warning
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if ownVariable(name) && !known[name] {
			warnings = append(warnings, Warning{Variable: name, Message: fmt.Sprintf("not a variable of clerkgate and ignored; did you mean %s?", nearest(name))})
		}
	}
	return warnings
}
