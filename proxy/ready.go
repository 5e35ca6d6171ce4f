package proxy

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/internal/once"
	"github.com/clerkgate/clerkgate/internal/reach"
	"github.com/clerkgate/clerkgate/proxy/internal/serve"
)

// The states of a part that is not up.
const (
	partDown     = "down"
	partStarting = "starting" // a start waits for it
)

// Ready returns nil once requests can be judged and, as far as the configuration asks for
// that, applications accept connections.
func (p *Proxy) Ready(ctx context.Context) error {
	s := p.site.Load()
	var applications error
	if state := p.upstreamState(ctx, s); state != "" && state != serve.PartUp {
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
		"keys": partState(h.Keys), "backend_api": partState(h.BackendAPI),
		"machine_tokens": partState(h.MachineTokens), "frontend_api": partState(h.FrontendAPI),
	}
	if p.store != nil {
		parts["store"] = partState(h.Store)
	}
	if state := p.upstreamState(ctx, s); state != "" {
		parts["upstream"] = state
	}
	return parts
}

func partState(up bool) string {
	if up {
		return serve.PartUp
	}
	return partDown
}

// upstreamState returns how the applications of s are doing, all together; "" if
// readiness does not depend on them.
func (p *Proxy) upstreamState(ctx context.Context, s *site) string {
	for _, up := range s.settings {
		if waiting := p.startup[up.URL]; waiting != nil && waiting.Load() {
			return partStarting
		}
	}
	if p.connects == nil {
		return ""
	}
	return partState(p.connects.accepted(ctx, s))
}

// connectsTTL is how long it is believed that the applications accept connections, or do not.
const connectsTTL = time.Second

// connects finds out whether applications accept connections, for all probes at once.
type connects struct {
	results *once.Memory[*site, bool]
	now     func() time.Time
	logger  *slog.Logger

	mu   sync.Mutex
	told string // the applications that the log has last called unreachable
}

func newConnects(now func() time.Time, logger *slog.Logger) (*connects, error) {
	// A reload is the only reason for a second site.
	results, err := once.New(once.Config[*site, bool]{Entries: 2, Timeout: reach.Timeout, Now: now})
	if err != nil {
		return nil, err
	}
	return &connects{results: results, now: now, logger: logger}, nil
}

// accepted reports whether every application of s accepts connections, as of at most
// [connectsTTL] ago. A probe that is given up leaves the result to others.
func (c *connects) accepted(ctx context.Context, s *site) bool {
	ok, err := c.results.Do(context.WithoutCancel(ctx), s, func(ctx context.Context) (bool, time.Time) {
		failed := s.unreachable(ctx)
		c.tell(ctx, failed)
		return len(failed) == 0, c.now().Add(connectsTTL)
	})
	return ok && err == nil
}

// tell logs a change.
func (c *connects) tell(ctx context.Context, failed []string) {
	list := strings.Join(failed, ", ")
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case list == c.told:
		return
	case list == "":
		c.logger.LogAttrs(ctx, slog.LevelInfo, "every upstream accepts connections again")
	default:
		c.logger.LogAttrs(ctx, slog.LevelWarn, "not ready: an upstream accepts no connections", slog.String("upstream", list))
	}
	c.told = list
}

// unreachable returns the URLs of the applications that accept no connections.
func (s *site) unreachable(ctx context.Context) []string {
	var mu sync.Mutex
	var group sync.WaitGroup
	failed := make(map[string]bool)
	for _, up := range s.settings {
		group.Go(func() {
			target, err := url.Parse(up.URL)
			if err == nil && reach.AddressOf(target).Accepts(ctx) {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			failed[up.URL] = true
		})
	}
	group.Wait()
	return slices.Sorted(maps.Keys(failed))
}
