// Package monitor counts the sidecar's requests and serves its metrics.
//
// Each route has a [Route], which its requests are counted by without a look-up or an
// allocation. Which values a label can have is known when the configuration is loaded: nothing
// that a client sends becomes one.
package monitor

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/clerkgate/clerkgate/internal/exposition"
	"github.com/clerkgate/clerkgate/internal/tally"
	"github.com/clerkgate/clerkgate/middleware"
	"github.com/clerkgate/clerkgate/middleware/metrics"
)

const (
	// maxScrapes is how many scrapes are answered at the same time.
	maxScrapes = 4
	// scrapeTimeout bounds one.
	scrapeTimeout = 10 * time.Second
)

// Source emits metrics of [exposition.OfProxy] that are read only when somebody asks.
type Source func(*exposition.Set, chan<- prometheus.Metric)

// Monitor has all counters. It is safe for concurrent use.
type Monitor struct {
	stripes  *tally.Stripes
	overhead *tally.Striped[tally.Histogram]
	routes   atomic.Pointer[map[string]*Route] // by label
	own      [numPlaces]*Route

	set       *exposition.Set
	auth      *metrics.Collector
	sources   []Source
	registry  *prometheus.Registry
	version   string
	goVersion string
}

// Options configure a [Monitor].
type Options struct {
	// Version and GoVersion say what runs.
	Version, GoVersion string
}

// New returns a Monitor that has counted nothing.
func New(o Options) *Monitor {
	m := &Monitor{
		stripes: tally.NewStripes(), set: exposition.NewSet(exposition.OfProxy()), auth: metrics.NewCollector(),
		registry: prometheus.NewRegistry(), version: o.Version, goVersion: o.GoVersion,
	}
	m.overhead = tally.NewStriped[tally.Histogram](m.stripes)
	for place := range m.own {
		m.own[place] = newRoute(places[place], m.stripes)
	}
	m.routes.Store(&map[string]*Route{})
	// A name is in the table once, and this registry is new, so that nothing can fail.
	m.registry.MustRegister(m, m.auth, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Watch sets the Authenticator whose metrics are served.
func (m *Monitor) Watch(a *middleware.Authenticator) { m.auth.Watch(a) }

// Add adds a source. Call it before the first scrape.
func (m *Monitor) Add(s Source) { m.sources = append(m.sources, s) }

// Routes returns the counters for each label: those in use, which go on counting, or new
// ones, which are in the metrics once [Monitor.Use] has been called with them. Routes with one
// label are counted together.
func (m *Monitor) Routes(labels []string) []*Route {
	all, list := make(map[string]*Route, len(labels)), make([]*Route, len(labels))
	for i, label := range labels {
		known := (*m.routes.Load())[label]
		switch {
		case all[label] != nil:
			known = all[label]
		case known == nil:
			known = newRoute(label, m.stripes)
		}
		all[label], list[i] = known, known
	}
	return list
}

// Use puts routes into the metrics, and takes out those that are not among them: a
// configuration that is reloaded often, each time with other names, must not fill the memory.
func (m *Monitor) Use(routes []*Route) {
	all := make(map[string]*Route, len(routes))
	for _, rt := range routes {
		all[rt.label] = rt
	}
	m.routes.Store(&all)
}

// Place returns the counters of what clerkgate answers itself.
func (m *Monitor) Place(p Place) *Route { return m.own[p] }

// Describe implements [prometheus.Collector].
func (m *Monitor) Describe(to chan<- *prometheus.Desc) { m.set.Describe(to) }

// Collect implements [prometheus.Collector].
func (m *Monitor) Collect(to chan<- prometheus.Metric) {
	m.set.Gauge(to, exposition.BuildInfo, 1, m.version, m.goVersion)
	var overhead tally.Distribution
	m.overhead.Each(func(h *tally.Histogram) { h.AddTo(&overhead) })
	m.set.Distribution(to, exposition.Overhead, &overhead)
	all := slices.Clone(m.own[:])
	for _, rt := range *m.routes.Load() {
		all = append(all, rt)
	}
	for _, rt := range all {
		rt.collect(m.set, to)
	}
	for _, source := range m.sources {
		source(m.set, to)
	}
}

// Handler serves the metrics as text, as OpenMetrics, or as protobuf with native histograms,
// whichever the client asks for.
func (m *Monitor) Handler(logger *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true, MaxRequestsInFlight: maxScrapes, Timeout: scrapeTimeout,
		ErrorHandling: promhttp.ContinueOnError, ErrorLog: errorLog{logger},
	})
}

// errorLog is the log of failing scrapes.
type errorLog struct{ *slog.Logger }

// Println implements [promhttp.Logger].
func (l errorLog) Println(v ...any) {
	var texts []string
	for _, part := range v {
		switch part := part.(type) {
		case error:
			texts = append(texts, part.Error())
		case string:
			texts = append(texts, part)
		}
	}
	l.Warn("metrics could not be served", slog.String("error", strings.Join(texts, " ")))
}
