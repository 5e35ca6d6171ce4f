package middleware

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/clerkgate/clerkgate/internal/once"
)

const (
	// probeEvery is the least time between two probes of the Frontend API, and probeMemory
	// how long it counts as down while the next is made.
	probeEvery  = 5 * time.Second
	probeMemory = time.Minute
	// probeTimeout bounds a probe.
	probeTimeout = 2 * time.Second
	// probePath is the path that a probe requests. It needs no session and, unlike the
	// public keys, is not served from a cache while the server behind it is down.
	probePath = "v1/environment"
	// proxiedFrontendAPI serves the production instances that have a proxy (docs/protocol.md, 2.10).
	proxiedFrontendAPI = "https://frontend-api.clerk.dev"
)

// frontendProbe finds out whether the Frontend API answers browsers. It is used only after
// the Backend API has failed.
type frontendProbe struct {
	url       string
	transport http.RoundTripper
	now       func() time.Time
	results   *once.Memory[string, probed]
}

// probed is the result of a probe.
type probed struct {
	answers bool
	renew   time.Time // when to probe again
}

func newFrontendProbe(o *Options, in *instance) (*frontendProbe, error) {
	results, err := once.New(once.Config[string, probed]{Entries: 1, Timeout: probeTimeout, Now: o.Now})
	if err != nil {
		return nil, err
	}
	target, err := frontendURL(probedBase(o, in), probePath)
	if err != nil {
		return nil, fmt.Errorf("URL of the Frontend API: %w", err)
	}
	p := &frontendProbe{url: target.Href(), transport: o.Transport, now: o.Now, results: results}
	if p.transport == nil {
		p.transport = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConns: 1, IdleConnTimeout: probeMemory}
	}
	return p, nil
}

// probedBase returns where the Frontend API is probed: where browsers reach it, but not through a
// path of this application, which might be this process.
func probedBase(o *Options, in *instance) string {
	switch {
	case o.FrontendAPIURL != "":
		return o.FrontendAPIURL
	case in.frontendAPI != "":
		return in.frontendAPI
	case in.production:
		return proxiedFrontendAPI
	}
	return in.keyHost
}

// answers reports whether the Frontend API answers. Requests wait for a probe if none has found it
// down of late: what has answered some time ago is no place to send a browser to. While it
// is down they get the last result, while the next probe is made.
func (p *frontendProbe) answers(ctx context.Context) bool {
	known, ok := p.results.Remembered(p.url)
	switch {
	case ok && p.now().Before(known.renew):
	case ok:
		p.results.Renew(ctx, p.url, p.probe)
	default:
		var err error
		if known, err = p.results.Do(ctx, p.url, p.probe); err != nil {
			return true // the request is over, or the authenticator is being closed
		}
	}
	return known.answers
}

func (p *frontendProbe) probe(ctx context.Context) (probed, time.Time) {
	answers := p.ask(ctx)
	now := p.now()
	if answers {
		return probed{answers: true, renew: now.Add(probeEvery)}, now.Add(probeEvery)
	}
	return probed{renew: now.Add(probeEvery)}, now.Add(probeMemory)
}

// ask makes the probe. A server that refuses it, or limits this address, still answers browsers.
func (p *frontendProbe) ask(ctx context.Context) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url, http.NoBody)
	if err != nil {
		return true // it says nothing about the Frontend API
	}
	response, err := p.transport.RoundTrip(r)
	if err != nil || response == nil {
		return false
	}
	_ = response.Body.Close() // only the status counts
	return response.StatusCode < http.StatusInternalServerError
}

func (p *frontendProbe) close() {
	p.results.Close()
	if t, ok := p.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
