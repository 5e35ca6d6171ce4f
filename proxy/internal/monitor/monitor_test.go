package monitor_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/clerkgate/clerkgate/internal/exposition"
	"github.com/clerkgate/clerkgate/proxy/internal/monitor"
)

func newMonitor() *monitor.Monitor {
	return monitor.New(monitor.Options{Version: "v1", GoVersion: "go1"})
}

func scrape(t testing.TB, m *monitor.Monitor, accept string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	m.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code)
	return w.Result()
}

func text(t testing.TB, m *monitor.Monitor) string {
	t.Helper()
	body, err := io.ReadAll(scrape(t, m, "").Body)
	require.NoError(t, err)
	return string(body)
}

var ended = &monitor.Request{Outcome: "forwarded", Status: 200, Duration: 3 * time.Millisecond, Overhead: 40 * time.Microsecond}

func TestRoutesGoOnAfterAReload(t *testing.T) {
	t.Parallel()
	m := newMonitor()
	first := m.Routes([]string{"api", "pages", "api"})
	assert.Same(t, first[0], first[2], "routes with one label are counted together")
	assert.NotContains(t, text(t, m), `route="api"`)
	m.Use(first)
	for _, rt := range first {
		m.Count(rt, ended)
	}
	assert.Contains(t, text(t, m), `clerkgate_requests_total{code_class="2xx",outcome="forwarded",reason="",route="api"} 2`)

	second := m.Routes([]string{"api", "new"})
	assert.Same(t, first[0], second[0])
	m.Use(second)
	m.Count(first[1], ended) // a request that began before
	m.Count(second[0], ended)
	got := text(t, m)
	assert.Contains(t, got, `clerkgate_requests_total{code_class="2xx",outcome="forwarded",reason="",route="api"} 3`)
	assert.NotContains(t, got, `route="pages"`)
	assert.Contains(t, got, `clerkgate_request_duration_seconds_count{route="api"} 3`)
	assert.Contains(t, got, "clerkgate_overhead_seconds_count 5")
}

func TestLabelsAreOfClosedLists(t *testing.T) {
	t.Parallel()
	m := newMonitor()
	rt := m.Place(monitor.Unmatched)
	for _, r := range []monitor.Request{
		{Outcome: "made up", Reason: "made up", Status: 999, Duration: -1, Overhead: -1},
		{Outcome: "refused", Reason: "session-revoked", Status: 401, Duration: 1},
		{Outcome: "client-left", Duration: 1},
	} {
		m.Count(rt, &r)
	}
	got := text(t, m)
	for _, labels := range []string{
		`code_class="none",outcome="other",reason="other"`, `code_class="4xx",outcome="refused",reason="session-revoked"`, `code_class="none",outcome="client-left",reason=""`,
	} {
		assert.Contains(t, got, `clerkgate_requests_total{`+labels+`,route="(unmatched)"} 1`)
	}
	assert.Contains(t, got, `clerkgate_request_duration_seconds_count{route="(unmatched)"} 2`)
	assert.Contains(t, got, `clerkgate_build_info{goversion="go1",version="v1"} 1`)
}

// TestFormats asks as Prometheus does, which prefers protobuf if it wants native histograms.
func TestFormats(t *testing.T) {
	t.Parallel()
	m := newMonitor()
	m.Count(m.Place(monitor.Keys), ended)
	openMetrics := scrape(t, m, "application/openmetrics-text;version=1.0.0")
	assert.Contains(t, openMetrics.Header.Get("Content-Type"), "application/openmetrics-text; version=1.0.0")
	res := scrape(t, m, "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.8,text/plain;q=0.1")
	format := expfmt.ResponseFormat(res.Header)
	require.Equal(t, expfmt.TypeProtoDelim, format.FormatType())
	parser := expfmt.NewDecoder(res.Body, format)
	for {
		family := new(dto.MetricFamily)
		require.NoError(t, parser.Decode(family), "there was no histogram")
		if family.GetName() == exposition.RequestDuration {
			h := family.GetMetric()[0].GetHistogram()
			assert.EqualValues(t, 2, h.GetSchema())
			assert.Len(t, h.GetPositiveSpan(), 1)
			assert.NotEmpty(t, h.GetBucket())
			return
		}
	}
}

func TestASourceThatFailsLeavesTheRest(t *testing.T) {
	t.Parallel()
	m := newMonitor()
	m.Add(func(set *exposition.Set, to chan<- prometheus.Metric) { set.Count(to, "no such metric", 1) })
	assert.Contains(t, text(t, m), "clerkgate_build_info")
}

func TestCountAllocatesNothing(t *testing.T) { // not parallel, see testing.AllocsPerRun
	m := newMonitor()
	rt := m.Routes([]string{"api"})[0]
	unknown := &monitor.Request{Outcome: "refused", Reason: "something new", Status: 401}
	for range 1000 { // a stripe is made once
		m.Count(rt, ended)
		m.Count(rt, unknown)
	}
	assert.Zero(t, int(testing.AllocsPerRun(1000, func() { m.Count(rt, ended) })))
	assert.Zero(t, int(testing.AllocsPerRun(1000, func() { m.Count(rt, unknown) })))
}

// BenchmarkCount is what each request pays besides reading the clock.
func BenchmarkCount(b *testing.B) {
	m := newMonitor()
	rt := m.Routes([]string{"api"})[0]
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.Count(rt, ended)
		}
	})
}
