package settings

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/middleware"
)

// Load reads the configuration through lookup (os.LookupEnv). environ
// (os.environ) is only searched for names that nobody knows, which become
// warnings. Every problem is in the error, a [*Error]. A variable that is
// set to nothing counts as not set. No network call is made.
func Load(lookup func(string) (string, bool), environ []string) (Config, []Warning, error) {
	l := &loader{lookup: lookup}
	cfg := Config{
		Auth: middleware.Options{
			JWTKey:                  strings.ReplaceAll(l.text(EnvJWTKey), `\n`, "\n"),
			APIURL:                  l.httpURL(EnvAPIURL),
			APIVersion:              l.text(EnvAPIVersion),
			ProxyURL:                l.proxyURL(),
			Domain:                  l.text(EnvDomain),
			IsSatellite:             l.boolean(EnvIsSatellite),
			SatelliteAutoSync:       l.boolean(EnvSatelliteAutoSync),
			SignInURL:               l.text(EnvSignInURL),
			SignUpURL:               l.text(EnvSignUpURL),
			AuthorizedParties:       l.origins(EnvAuthorizedParties),
			Audience:                l.list(EnvAudience),
			ClockSkew:               l.clockSkew(),
			TrustedProxies:          l.prefixes(EnvTrustedProxies),
			AcceptsToken:            l.tokenTypes(),
			OrganizationPatterns:    l.list(EnvOrgPatterns),
			PersonalAccountPatterns: l.list(EnvPersonalPatterns),
			TokenCacheSize:          l.count(EnvTokenCacheSize),
			SessionLookupTTL:        l.duration(EnvSessionLookupTTL),
		},
		Upstream:           l.upstream(),
		FrontendAPI:        l.origin(EnvFAPIURL),
		Routes:             l.routesFile(),
		CSRF:               l.csrf(),
		PublicPaths:        l.publicPaths(),
		ForwardAuthPath:    l.ownPath(EnvForwardAuthPath, defaultForwardAuthPath),
		Listen:             l.address(EnvListen, defaultListen),
		AdminListen:        l.address(EnvAdminListen, defaultAdminListen),
		ExtAuthzListen:     l.address(EnvExtAuthzListen, ""),
		TLSCertificateFile: l.text(EnvTLSCertFile),
		TLSKeyFile:         l.text(EnvTLSKeyFile),
		H2C:                l.boolean(EnvH2C),
		Limits:             l.limits(),
		UpstreamSettings:   l.upstreamSettings(),
		UpstreamTransport:  l.upstreamTransport(),
		UpstreamTimeout:    l.duration(EnvUpstreamTimeout),
		ShutdownTimeout:    l.duration(EnvShutdownTimeout),
		Policy:             Policy(l.choice(EnvPolicy, string(PolicyRequired), string(PolicyOptional))),
		LogFormat:          l.choice(EnvLogFormat, "text", "json"),
	}
	l.keys(&cfg.Auth)
	if l.choice(EnvSessionLookup, "off", "cached") == "cached" {
		cfg.Auth.SessionLookup = middleware.LookupCached
	}
	// The choice is one of slog's own names, so that this cannot fail.
	_ = cfg.LogLevel.UnmarshalText([]byte(l.choice(EnvLogLevel, "info", "debug", "warn", "error")))
	l.contradictions(&cfg)
	l.routesContradictions(&cfg)
	l.files(&cfg)
	l.unsupported()
	l.askMiddleware(cfg.Auth)

	warnings := unknownVariables(environ)
	if strings.HasPrefix(cfg.Auth.PublishableKey, "pk_live_") && len(cfg.Auth.AuthorizedParties) == 0 {
		warnings = append(warnings, Warning{EnvAuthorizedParties, "not set, so that tokens made for any origin of the instance are accepted; list your own"})
	}
	if len(l.problems) > 0 {
		order := make(map[string]int)
		for i, v := range Variables() {
			order[v.Name] = i
		}
		slices.SortStableFunc(l.problems, func(a, b Problem) int { return order[a.Where] - order[b.Where] })
		return Config{}, warnings, &Error{Problems: l.problems}
	}
	return cfg, warnings, nil
}

// contradictions finds values that are fine alone and wrong together.
func (l *loader) contradictions(cfg *Config) {
	if cfg.Listen == cfg.AdminListen && !strings.HasSuffix(cfg.Listen, ":0") {
		l.problem(EnvAdminListen, quote(cfg.AdminListen)+", the address of "+EnvListen+" too", "an address of its own, such as "+defaultAdminListen)
	}
	if cfg.ExtAuthzListen != "" && len(cfg.Auth.TrustedProxies) == 0 && !l.failed(EnvTrustedProxies) {
		l.problem(EnvTrustedProxies, "nothing, so that nobody may ask at "+EnvExtAuthzListen, "the address of Envoy, such as 127.0.0.1")
	}
	if cfg.Auth.SatelliteAutoSync && !cfg.Auth.IsSatellite {
		l.problem(EnvSatelliteAutoSync, "true, without "+EnvIsSatellite, "true on a satellite only")
	}
	if cfg.Auth.SessionLookupTTL != 0 && cfg.Auth.SessionLookup == middleware.LookupOff && !l.failed(EnvSessionLookup) {
		l.problem(EnvSessionLookupTTL, cfg.Auth.SessionLookupTTL.String()+", while look-ups are off", "nothing, or "+EnvSessionLookup+"=cached")
	}
	if cfg.FrontendAPI != nil && cfg.Auth.ProxyURL == "" && !l.failed(EnvProxyURL) {
		l.problem(EnvFAPIURL, quote(cfg.FrontendAPI.String())+", without "+EnvProxyURL, "nothing, or "+EnvProxyURL+" with the path under which to serve it, such as /__clerk")
	}
	if cfg.Policy == PolicyOptional && len(cfg.PublicPaths) > 0 {
		l.problem(EnvPublicPaths, "paths, while "+EnvPolicy+"=optional makes every path public", "nothing, or "+EnvPolicy+"=required")
	}
	if cfg.FrontendPath() != "" && cfg.Auth.SecretKey == "" && !l.failed(EnvSecretKey) {
		l.problem(EnvSecretKey, "nothing", "the secret key, because "+EnvProxyURL+" needs it")
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

// askMiddleware has the middleware check what only it can judge.
func (l *loader) askMiddleware(opts middleware.Options) {
	a, err := middleware.New(opts)
	if err == nil {
		a.Close()
		return
	}
	var invalid *Error
	if !errors.As(OptionsError(err), &invalid) {
		l.problem(EnvPublishableKey, "", err.Error())
		return
	}
	for _, p := range invalid.Problems {
		if !l.failed(p.Where) {
			l.problems = append(l.problems, p)
		}
	}
}

func fieldVariables() map[string]string {
	return map[string]string{
		"PublishableKey": EnvPublishableKey, "SecretKey": EnvSecretKey, "MachineSecretKey": EnvMachineSecretKey,
		"JWTKey": EnvJWTKey, "APIURL": EnvAPIURL, "APIVersion": EnvAPIVersion, "ProxyURL": EnvProxyURL,
		"Domain": EnvDomain, "IsSatellite": EnvIsSatellite, "SatelliteAutoSync": EnvSatelliteAutoSync,
		"SignInURL": EnvSignInURL, "SignUpURL": EnvSignUpURL, "AuthorizedParties": EnvAuthorizedParties,
		"Audience": EnvAudience, "ClockSkew": EnvClockSkew, "TrustedProxies": EnvTrustedProxies,
		"AcceptsToken": EnvAcceptsToken, "OrganizationPatterns": EnvOrgPatterns,
		"PersonalAccountPatterns": EnvPersonalPatterns, "TokenCacheSize": EnvTokenCacheSize,
		"SessionLookup": EnvSessionLookup, "SessionLookupTTL": EnvSessionLookupTTL,
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
