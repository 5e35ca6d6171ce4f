package proxy

import (
	"context"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/clerkgate/clerkgate/internal/exposition"
	"github.com/clerkgate/clerkgate/internal/identity"
	"github.com/clerkgate/clerkgate/proxy/internal/gateway"
	"github.com/clerkgate/clerkgate/proxy/internal/monitor"
	"github.com/clerkgate/clerkgate/proxy/internal/serve"
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// Metrics serves the metrics for Prometheus. [Run] does so at the admin listener. They are for
// operators, so a program that serves them elsewhere must see to who can read them.
func (p *Proxy) Metrics() http.Handler { return p.monitor.Handler(p.logger) }

// newMonitor returns the monitor of a proxy, which says which version of this module runs.
func newMonitor() *monitor.Monitor {
	const module = "github.com/clerkgate/clerkgate"
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range append(info.Deps, &info.Main) {
			if m.Path == module && m.Version != "" {
				version = m.Version
			}
		}
	}
	return monitor.New(monitor.Options{Version: version, GoVersion: runtime.Version()})
}

// watchServer adds what the server around p knows to the metrics.
func (a *application) watchServer(inFlight *serve.InFlight) {
	a.monitor.Add(func(set *exposition.Set, to chan<- prometheus.Metric) {
		set.Gauge(to, exposition.InFlight, float64(inFlight.Requests()))
		if open, limit := inFlight.Connections(); limit > 0 {
			set.Gauge(to, exposition.Connections, float64(open))
			set.Gauge(to, exposition.ConnectionsLimit, float64(limit))
		}
		if a.pair != nil {
			set.Time(to, exposition.CertificateExpiry, a.pair.Expiry())
		}
	})
}

// count gives the rules of s their counters. Those of a label that is in force already go on.
func (s *site) count(m *monitor.Monitor) {
	labels := make([]string, len(s.rules))
	for i, rl := range s.rules {
		labels[i] = labelOf(rl.route)
	}
	for i, counters := range m.Routes(labels) {
		s.rules[i].counters = counters
	}
}

// labelOf returns the label of a route in the metrics: its name, or else the path in the
// configuration. Lines move when a file is edited, so that they are no label.
func labelOf(route *routes.Route) string {
	if route.Name != "" {
		return route.Name
	}
	return route.Match
}

// putInForce has the metrics show s.
func (p *Proxy) putInForce(s *site) {
	counters := make([]*monitor.Route, len(s.rules))
	for i, rl := range s.rules {
		counters[i] = rl.counters
	}
	p.monitor.Use(counters)
	p.monitor.Watch(s.instance.Auth)
}

// check judges a request that a gateway asks about on a connection of its own.
func (p *Proxy) check(a *gateway.Answer, original *http.Request) {
	p.checked(a, original, &passage{gateway: a})
}

// counted counts a request when it has ended, in whatever way.
func (p *Proxy) counted(next station) station {
	return func(w http.ResponseWriter, r *http.Request, ps *passage) {
		ps.began = p.now()
		ps.seen.ResponseWriter = w
		defer p.count(r, ps)
		next(&ps.seen, r, ps)
	}
}

// clocked notes when clerkgate has done its part of a request.
func (p *Proxy) clocked(next station) station {
	return func(w http.ResponseWriter, r *http.Request, ps *passage) {
		ps.handed = p.now()
		next(w, r, ps)
	}
}

func (p *Proxy) count(r *http.Request, ps *passage) {
	counters, took := p.monitor.Place(ps.place), p.now().Sub(ps.began)
	e := monitor.Request{Status: ps.answered(), Duration: took, Overhead: -1}
	if rl := ps.rule; rl != nil {
		counters, e.Overhead = rl.counters, took
		if !ps.handed.IsZero() && ps.gateway == nil && rl.upstream != nil {
			e.Overhead = ps.handed.Sub(ps.began)
		}
	}
	e.Outcome = ps.became(r.Context(), e.Status)
	if ps.state != nil {
		_, e.Reason = identity.Verdict(ps.state)
	}
	if e.Status == http.StatusSwitchingProtocols {
		e.Duration = -1
	}
	p.monitor.Count(counters, &e)
}

// answered returns the status of the response; 0 if there was none.
func (ps *passage) answered() int {
	switch {
	case ps.seen.status != 0:
		return ps.seen.status
	case ps.outcome.Status == http.StatusSwitchingProtocols:
		return ps.outcome.Status // its response bypassed the ResponseWriter
	case ps.gateway != nil:
		return ps.gateway.Status()
	}
	return 0
}

// became returns what became of a request.
func (ps *passage) became(ctx context.Context, status int) string {
	switch {
	case ps.gateway != nil && ps.gateway.Granted():
		return "granted"
	case ps.outcome.Status != 0 && ps.outcome.Err == nil:
		return "forwarded"
	case ctx.Err() != nil && ps.outcome.Status == 0:
		return "client-left"
	case ps.outcome.Status != 0 || status >= http.StatusInternalServerError || status == 0:
		return "failed"
	case status >= http.StatusBadRequest:
		return "refused"
	case status >= http.StatusMultipleChoices:
		return "redirected"
	}
	return "answered"
}
