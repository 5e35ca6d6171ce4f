package proxy

import (
	"context"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clerkgate/clerkgate/internal/reach"
	"github.com/clerkgate/clerkgate/proxy/settings"
)

// startup says, for the URL of each application that a start waits for, whether it still
// does. A reload changes nothing in it: an application that it adds is not waited for.
type startup map[string]*atomic.Bool

// newStartup returns the startup of cfg. Nothing is waited for before [Proxy.await].
func newStartup(cfg settings.Config) startup {
	s := make(startup)
	if cfg.UpstreamWait > 0 {
		for _, up := range cfg.AllUpstreams() {
			s[up.URL] = &atomic.Bool{}
		}
	}
	return s
}

// of returns a function that reports whether the application at url is waited for, or nil
// if it never is.
func (s startup) of(url string) func() bool {
	if waiting := s[url]; waiting != nil {
		return waiting.Load
	}
	return nil
}

// await has requests to each application answered with 503 until it accepts a connection
// or wait has passed. It returns at once; stop ends the waiting.
func (p *Proxy) await(ctx context.Context, wait time.Duration) (stop func()) {
	// The end of ctx begins a shutdown, in which requests are still answered.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	began := p.now()
	var group sync.WaitGroup
	for target, waiting := range p.startup {
		waiting.Store(true)
		group.Go(func() {
			p.awaitOne(ctx, target, began, wait)
			waiting.Store(false)
		})
	}
	return func() {
		cancel()
		group.Wait()
	}
}

func (p *Proxy) awaitOne(ctx context.Context, target string, began time.Time, wait time.Duration) {
	u, err := url.Parse(target)
	if err != nil {
		return // New has parsed it
	}
	at, accepts := reach.AddressOf(u), false
	err = reach.Poll(ctx, func() bool {
		accepts = at.Accepts(ctx)
		return accepts || p.now().Sub(began) >= wait
	})
	attrs := []slog.Attr{slog.String("upstream", target), slog.Duration("after", p.now().Sub(began))}
	switch {
	case err != nil: // the server has stopped
	case accepts:
		p.logger.LogAttrs(ctx, slog.LevelInfo, "the application accepts connections", attrs...)
	default:
		p.logger.LogAttrs(ctx, slog.LevelWarn, "the application still accepts no connections; it is not waited for any longer", attrs...)
	}
}
