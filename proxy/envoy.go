package proxy

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/clerkgate/clerkgate/proxy/internal/gateway"
	"github.com/clerkgate/clerkgate/proxy/internal/gateway/envoy"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// checks answers Envoy over gRPC, by the same way as the other gateways.
func (p *Proxy) checks(cfg settings.Config) (*envoy.Server, error) {
	server, err := envoy.New(envoy.Options{
		Judge:          func(a *gateway.Answer, original *http.Request) { p.grant(a, original, &passage{}) },
		Trusted:        p.origins.Trusts,
		Setting:        settings.EnvTrustedProxies,
		MaxHeaderBytes: cfg.Limits.MaxHeaderBytes,
		Grace:          cfg.ShutdownTimeout,
		Logger:         p.logger,
	})
	if err != nil {
		return nil, fmt.Errorf("answer Envoy on %s: %w", strings.Join(cfg.ExtAuthzListen, ", "), err)
	}
	return server, nil
}
