package proxy

import (
	"context"
	"errors"

	"github.com/clerkgate/clerkgate/proxy/internal/serve"
	"github.com/clerkgate/clerkgate/proxy/internal/upstreams"
)

// Ready returns nil once requests can be judged and, as far as the configuration asks for
// that, applications accept connections.
func (p *Proxy) Ready(ctx context.Context) error {
	s := p.site.Load()
	var applications error
	if state := p.watch.State(ctx, s.upstreams); state != upstreams.Unwatched && state != upstreams.Up {
		applications = serve.ErrUpstream
	}
	return errors.Join(applications, s.instance.Auth.Ready(ctx))
}

// Parts returns how each part of Clerk, and the shared store, is doing, as far as this
// process has noticed, and the applications, as far as the configuration asks for that.
func (p *Proxy) Parts(ctx context.Context) map[string]string {
	s := p.site.Load()
	h := s.instance.Auth.Health()
	parts := map[string]string{
		"keys": string(h.Keys), "backend_api": string(h.BackendAPI),
		"machine_tokens": string(h.MachineTokens), "frontend_api": string(h.FrontendAPI),
	}
	if p.store != nil {
		parts["store"] = string(h.Store)
	}
	if state := p.watch.State(ctx, s.upstreams); state != upstreams.Unwatched {
		parts["upstream"] = string(state)
	}
	return parts
}
