package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/clerkgate/clerkgate/internal/assertion"
	"github.com/clerkgate/clerkgate/internal/origin"
	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/internal/answer"
	"github.com/clerkgate/clerkgate/proxy/internal/frontend"
	"github.com/clerkgate/clerkgate/proxy/internal/instance"
	"github.com/clerkgate/clerkgate/proxy/internal/outbound"
	"github.com/clerkgate/clerkgate/proxy/internal/streams"
	"github.com/clerkgate/clerkgate/proxy/internal/upstreams"
	"github.com/clerkgate/clerkgate/proxy/routes"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// site is the routes with everything that they need. It is immutable; a reload replaces it.
type site struct {
	// table is nil if one rule is for all requests. Paths are not looked at then, and the
	// upstream gets each as it came.
	table     *routes.Table
	resources *routes.Table // finds the metadata of OAuth resources; never nil
	rules     []*rule       // in the order of the table
	upstreams *upstreams.Set
	signer    *assertion.Signer // nil without assertions
	jwks      http.Handler
	webhooks  http.Handler // nil if none are received
	streams   *streams.Registry
	instance  *instance.Instance
	origins   *origin.Resolver
	pages     *answer.Pages

	claimNames []string     // of the headers that any route makes of claims
	filter     *wire.Filter // of a client's headers, for most routes
}

// newSite returns the site of cfg. It keeps the parts of old that have not changed.
func (p *Proxy) newSite(cfg settings.Config, old *site) (s *site, err error) {
	var inst *instance.Instance
	if old != nil && old.instance.HasSecretsOf(&cfg.Auth) {
		inst = old.instance
	} else if inst, err = p.newInstance(cfg, old); err != nil {
		return nil, err
	}
	if s, err = p.newRoutes(cfg, inst, old); err != nil && (old == nil || inst != old.instance) {
		inst.Close()
	}
	return s, err
}

// newInstance returns everything that has the secrets of cfg. It makes no network call.
func (p *Proxy) newInstance(cfg settings.Config, old *site) (*instance.Instance, error) {
	opts := instance.Options{Auth: cfg.Auth, UserTTL: cfg.WithDefaults().EnrichTTL}
	if old != nil {
		opts.Former = old.instance
	}
	if p.store != nil {
		opts.Auth.Store, opts.Auth.StoreKeys = p.store, p.storeKeys
	}
	opts.Auth.Now, opts.Auth.Logger, opts.Auth.ErrorHandler = p.now, p.logger, p.turnAway
	if path := cfg.FrontendPath(); path != "" {
		opts.Auth.FrontendAPIURL = cfg.FrontendOrigin().String() // browsers reach it through this process
		opts.Frontend = &frontend.Options{
			Path: path, ProxyURL: cfg.Auth.ProxyURL, Origin: cfg.FrontendOrigin(), SecretKey: cfg.Auth.SecretKey,
			Transport: p.frontendTransport, Origins: p.origins, Pages: p.pages, Now: p.now,
		}
	}
	inst, err := instance.New(opts)
	if err != nil {
		return nil, settings.OptionsError(err)
	}
	return inst, nil
}

// newRoutes returns a site with inst.
func (p *Proxy) newRoutes(cfg settings.Config, inst *instance.Instance, old *site) (*site, error) {
	s := &site{instance: inst, origins: p.origins, pages: p.pages}
	err := s.sign(cfg, p)
	if err != nil {
		return nil, err
	}
	if err := s.receiveWebhooks(cfg); err != nil {
		return nil, err
	}
	list := cfg.AllRoutes()
	if s.resources, err = routes.NewTable(list); err != nil {
		return nil, err
	}
	if !cfg.OneRule() {
		s.table = s.resources
	}

	if s.upstreams, err = p.newUpstreams(cfg, old); err != nil {
		return nil, err
	}
	s.claimNames = outbound.ClaimNames(list)
	s.filter = wire.NewFilter(s.claimNames, nil)
	for i := range list {
		rule, err := p.newRule(&list[i], s)
		if err != nil {
			s.upstreams.Retire(old.applications())
			return nil, err
		}
		if same := old.ruleLike(rule); same != nil {
			rule.requests = same.requests
		}
		s.rules = append(s.rules, rule)
	}
	s.count(p.monitor)
	return s, nil
}

// newUpstreams returns the applications of cfg.
func (p *Proxy) newUpstreams(cfg settings.Config, old *site) (*upstreams.Set, error) {
	set, err := upstreams.New(cfg.AllUpstreams(), upstreams.Options{
		Former: old.applications(), Direct: cfg.UpstreamTransport != settings.TransportStandard, Transport: p.transport,
		Watch: p.watch, Pages: p.pages, Logger: p.logger, Now: p.now,
	})
	if failed, ok := errors.AsType[*upstreams.Error](err); ok {
		return nil, settings.UpstreamError(failed.Name, failed.Upstream, failed.Err)
	}
	return set, err
}

// ruleLike returns the rule of s for a route of the same name or, without one, for the same
// requests; nil if there is none.
func (s *site) ruleLike(rl *rule) *rule {
	if s == nil {
		return nil
	}
	for _, other := range s.rules {
		a, b := rl.route, other.route
		if a.Name == b.Name && (a.Name != "" || a.Match == b.Match && slices.Equal(a.Hosts, b.Hosts) && slices.Equal(a.Methods, b.Methods)) {
			return other
		}
	}
	return nil
}

// applications returns those of s, which may be nil.
func (s *site) applications() *upstreams.Set {
	if s == nil {
		return nil
	}
	return s.upstreams
}

func (s *site) sign(cfg settings.Config, p *Proxy) error {
	if cfg.Routes == nil || cfg.Routes.Assertion == nil {
		return nil
	}
	keys, err := assertion.Load(cfg.Routes.Assertion.KeyFiles)
	if err != nil {
		return settings.NewError(settings.EnvConfig, fmt.Errorf("assertion: %w", err))
	}
	for _, warning := range keys.Warnings() {
		p.logger.Warn("assertion key", "warning", warning)
	}
	s.jwks = keys.Handler()
	s.signer, err = assertion.NewSigner(assertion.Options{
		Keys: keys, Issuer: cfg.Routes.Assertion.Issuer, Lifetime: cfg.Routes.Assertion.Lifetime, Now: p.now,
	})
	if err != nil {
		return settings.NewError(settings.EnvConfig, fmt.Errorf("assertion: %w", err))
	}
	return nil
}

func (s *site) receiveWebhooks(cfg settings.Config) (err error) {
	if len(cfg.WebhookSecrets) == 0 {
		return nil
	}
	if s.webhooks, err = s.instance.Auth.WebhookHandler(cfg.WebhookSecrets...); err != nil {
		return settings.NewError(settings.EnvWebhookSecret, err)
	}
	return nil
}
