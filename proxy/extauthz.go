package proxy

import (
	"fmt"
	"net/http"

	"github.com/clerkgate/clerkgate/internal/wire"
	"github.com/clerkgate/clerkgate/proxy/extauthz"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// checks answers Envoy over gRPC, by the same chain as the other gateways.
func (p *Proxy) checks(cfg settings.Config) (*extauthz.Server, error) {
	server, err := extauthz.New(extauthz.Options{
		Handler:        http.HandlerFunc(p.check),
		Trusted:        p.origins.Trusts,
		Identity:       wire.ClaimsIdentity,
		Upstream:       func(name string) bool { return !wire.ClaimsForwarded(name) },
		MaxHeaderBytes: cfg.Limits.MaxHeaderBytes,
		Grace:          cfg.ShutdownTimeout,
		Logger:         p.logger,
	})
	if err != nil {
		return nil, fmt.Errorf("answer Envoy on %s: %w", cfg.ExtAuthzListen, err)
	}
	return server, nil
}

// check judges one request that Envoy asks about.
func (p *Proxy) check(w http.ResponseWriter, r *http.Request) {
	a := newGatewayAnswer()
	p.grant(a, r, &passage{})
	sayPlainly(w, a)
}
