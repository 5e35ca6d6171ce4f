package settings

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/clerkgate/clerkgate/internal/certificate"
	"github.com/clerkgate/clerkgate/internal/clerkenv"
	"github.com/clerkgate/clerkgate/internal/problem"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
)

// wantUpstream says what is expected of CLERKGATE_UPSTREAM.
const wantUpstream = "where the application listens: http://127.0.0.1:3000, https://host or unix:/path/to.sock"

// together finds values that contradict each other, and files that cannot be used, so that
// these problems are found at the start and not by the first request.
func (l *loader) together() {
	l.keys()
	l.doors()
	l.admin()
	l.sessions()
	l.store()
	l.routes()
	l.pages()
	l.listenerTLS()
	l.upstreamTLS()
	l.upstreamState()
	l.logs()
	for _, p := range l.cfg.Problems() {
		if !l.failed(p.Where) {
			l.problems = append(l.problems, p)
		}
	}
}

// keys checks the keys more strictly than the middleware, which reports those that are
// missing.
func (l *loader) keys() {
	auth := &l.cfg.Auth
	for _, key := range []struct {
		variable, text string
		check          func(string) error
	}{
		{EnvPublishableKey, auth.PublishableKey, clerkenv.CheckPublishableKey},
		{EnvSecretKey, auth.SecretKey, clerkenv.CheckSecretKey},
	} {
		if key.text == "" {
			continue
		}
		if err := key.check(key.text); err != nil {
			l.report(l.source(key.variable), err)
		}
	}
}

// doors checks the places where requests and the questions of gateways arrive.
func (l *loader) doors() {
	cfg := &l.cfg
	l.listeners()
	if len(cfg.Auth.TrustedProxies) == 0 && !l.failed(EnvTrustedProxies) {
		switch {
		case cfg.ProxyProtocol:
			l.problem(EnvTrustedProxies, "nothing, while "+EnvProxyProtocol+"=on is about those in it", "the address of the proxy, such as 127.0.0.1")
		case len(cfg.ExtAuthzListen) > 0:
			l.problem(EnvTrustedProxies, "nothing, so that nobody may ask at "+EnvExtAuthzListen, "the address of Envoy, such as 127.0.0.1")
		case l.text(EnvUpstream) == noUpstream && len(cfg.AllUpstreams()) == 0:
			l.problem(EnvTrustedProxies, "nothing, while "+EnvUpstream+"=none is for gateways alone, of which none may ask", "the address of the gateway, such as 127.0.0.1")
		}
	}
	if cfg.FrontendAPI != nil && cfg.Auth.ProxyURL == "" && !l.failed(EnvProxyURL) {
		l.problem(EnvFAPIURL, problem.Quote(cfg.FrontendAPI.String())+", without "+EnvProxyURL,
			"nothing, or "+EnvProxyURL+" with the path under which to serve it, such as /__clerk")
	}
}

// listeners finds addresses that are used twice.
func (l *loader) listeners() {
	used := make(map[string]string)
	for _, v := range []struct {
		name      string
		addresses []string
	}{{EnvListen, l.cfg.Listen}, {EnvAdminListen, l.cfg.AdminListen}, {EnvExtAuthzListen, l.cfg.ExtAuthzListen}} {
		for _, address := range v.addresses {
			place, _, _ := strings.Cut(address, "?")
			other, taken := used[place]
			if used[place] = v.name; !taken || strings.HasSuffix(place, ":0") {
				continue
			}
			if other == v.name {
				l.problem(v.name, problem.Quote(address)+" twice", "each address once")
			} else {
				l.problem(v.name, problem.Quote(address)+", the address of "+other+" too", "an address of its own, such as 127.0.0.1:9090")
			}
		}
	}
}

// sessions checks options of the middleware that depend on each other.
func (l *loader) sessions() {
	auth := &l.cfg.Auth
	l.afterSignOut()
	if err := clerkenv.CheckSatellite(auth.SatelliteAutoSync, auth.IsSatellite); err != nil {
		l.report(EnvSatelliteAutoSync, err)
	}
	if l.given(EnvSessionLookupTTL) && auth.SessionLookup == middleware.LookupOff && !l.failed(EnvSessionLookup) && !l.failed(EnvSessionLookupTTL) {
		l.problem(EnvSessionLookupTTL, auth.SessionLookupTTL.String()+", while look-ups are off", "nothing, or "+EnvSessionLookup+"=cached")
	}
}

// afterSignOut finds a page at an origin that no other variable names.
func (l *loader) afterSignOut() {
	u, err := url.Parse(l.cfg.Auth.AfterSignOutURL)
	if err != nil || u.Host == "" || l.failed(EnvAuthorizedParties) || l.failed(EnvTrustedOrigins) {
		return // the middleware reports what is wrong with it
	}
	at := strings.ToLower(u.Scheme + "://" + u.Host)
	if !slices.Contains(l.cfg.Auth.AuthorizedParties, at) && !slices.Contains(l.cfg.CSRF.TrustedOrigins, at) {
		l.problem(EnvAfterSignOutURL, problem.QuoteURL(l.cfg.Auth.AfterSignOutURL),
			"a path of the application, or a URL of an origin in "+EnvAuthorizedParties+" or "+EnvTrustedOrigins)
	}
}

// routes finds variables that contradict each other or the routes file, and routes without
// an upstream.
func (l *loader) routes() {
	cfg := &l.cfg
	if cfg.CSRF.Off && len(cfg.CSRF.TrustedOrigins) > 0 {
		l.problem(EnvTrustedOrigins, "origins, while "+EnvCSRF+"=off trusts every one", "nothing, or "+EnvCSRF+"=on")
	}
	if cfg.Policy == PolicyOptional && len(cfg.PublicPaths) > 0 {
		l.problem(EnvPublicPaths, "paths, while "+EnvPolicy+"=optional makes every path public", "nothing, or "+EnvPolicy+"=required")
	}
	l.claimHeaders()
	if !l.given(EnvConfig) {
		if !l.given(EnvUpstream) {
			l.problem(EnvUpstream, "nothing", wantUpstream)
		}
		return
	}
	for _, name := range []string{EnvPolicy, EnvPublicPaths, EnvCSRF, EnvTrustedOrigins, EnvKeepHeaders} {
		if l.given(name) && !l.failed(name) {
			l.problem(name, "a value, while "+EnvConfig+" names a routes file", "nothing: the routes say it")
		}
	}
	if cfg.Routes == nil {
		return
	}
	l.shutPages()
	if l.given(EnvUpstream) {
		return
	}
	for _, route := range cfg.Routes.Routes {
		if route.Upstream == "" {
			l.problem(EnvUpstream, fmt.Sprintf("nothing, while the route in line %d of %s names no upstream", route.Line, l.text(EnvConfig)),
				wantUpstream+", or "+noUpstream+" when only gateways ask")
			return
		}
	}
}

// pages reads the templates to find what is wrong with them.
func (l *loader) pages() {
	if l.cfg.Pages == "" {
		return
	}
	if _, err := answer.LoadTemplates(l.cfg.Pages); err != nil {
		var invalid *Error
		if errors.As(PagesError(err), &invalid) {
			l.problems = append(l.problems, invalid.Problems...)
		}
	}
}

func (l *loader) listenerTLS() {
	cfg := &l.cfg
	l.pair(cfg.TLSCertificateFile, cfg.TLSKeyFile, EnvTLSCertFile, EnvTLSKeyFile)
	if cfg.H2C && cfg.TLSCertificateFile != "" {
		l.problem(EnvH2C, "true, while "+EnvTLSCertFile+" makes it HTTPS", "nothing: HTTP/2 is negotiated over TLS")
	}
}

func (l *loader) upstreamTLS() {
	cfg := &l.cfg
	if cfg.Upstream == nil {
		return
	}
	up := cfg.UpstreamSettings
	secure := cfg.Upstream.Scheme == "https"
	if _, err := up.Protocol.Versions(secure); err != nil && !l.failed(EnvUpstreamProtocol) {
		l.problem(EnvUpstreamProtocol, problem.Quote(string(up.Protocol)), "another protocol, or another URL: "+err.Error())
	}
	if !secure {
		for _, name := range []string{EnvUpstreamCAFile, EnvUpstreamCertFile, EnvUpstreamKeyFile, EnvUpstreamServerName} {
			if l.given(name) {
				l.problem(name, "a value, while "+EnvUpstream+" is spoken to without TLS", "nothing, or an https URL in "+EnvUpstream)
			}
		}
		return
	}
	if up.CAFile != "" {
		if _, err := certificate.Authorities(up.CAFile); err != nil {
			l.problems = append(l.problems, fileProblem(err, EnvUpstreamCAFile, ""))
		}
	}
	l.pair(up.CertificateFile, up.KeyFile, EnvUpstreamCertFile, EnvUpstreamKeyFile)
}

// upstreamState finds variables about the state of an application where there is none.
func (l *loader) upstreamState() {
	if l.text(EnvUpstream) != noUpstream || l.failed(EnvConfig) || len(l.cfg.AllUpstreams()) > 0 {
		return
	}
	const want = "nothing, or the application in " + EnvUpstream
	if l.cfg.UpstreamWait > 0 {
		l.problem(EnvUpstreamWait, l.cfg.UpstreamWait.String()+", while "+EnvUpstream+"=none means that there is no application", want)
	}
	if l.cfg.ReadyUpstream {
		l.problem(EnvReadyUpstream, "true, while "+EnvUpstream+"=none means that there is no application", want)
	}
}

// pair checks that a certificate and its key belong together, and that neither is missing.
func (l *loader) pair(certFile, keyFile, certVariable, keyVariable string) {
	switch {
	case certFile == "" && keyFile == "":
	case certFile == "":
		l.problem(certVariable, "nothing, beside "+keyVariable, "the file of the certificate that the key belongs to, in PEM")
	case keyFile == "":
		l.problem(keyVariable, "nothing, beside "+certVariable, "the file of the certificate's private key, in PEM")
	default:
		if _, err := certificate.Load(certificate.Options{CertificateFile: certFile, KeyFile: keyFile}); err != nil {
			l.problems = append(l.problems, fileProblem(err, certVariable, keyVariable))
		}
	}
}
