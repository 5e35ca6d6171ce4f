package exposition_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/clerkgate/clerkgate/internal/exposition"
	"github.com/clerkgate/clerkgate/internal/tally"
)

// collector emits what a test wants.
type collector struct {
	*exposition.Set
	emit func(*exposition.Set, chan<- prometheus.Metric)
}

func (c collector) Collect(to chan<- prometheus.Metric) { c.emit(c.Set, to) }

func gather(t *testing.T, rows []exposition.Metric, emit func(*exposition.Set, chan<- prometheus.Metric)) ([]*dto.MetricFamily, error) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(collector{exposition.NewSet(rows), emit}))
	return registry.Gather()
}

// TestDistributionIsWhatClientGolangMakesOfIt compares both kinds of buckets with those of
// Prometheus' own histogram.
func TestDistributionIsWhatClientGolangMakesOfIt(t *testing.T) {
	t.Parallel()
	var bounds []float64
	for _, bound := range tally.Bounds() {
		bounds = append(bounds, bound.Seconds())
	}
	theirs := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "h", Help: "h", Buckets: bounds, NativeHistogramBucketFactor: 1.2, NativeHistogramZeroThreshold: tally.ZeroThreshold,
	})
	var ours tally.Histogram
	for _, d := range []time.Duration{0, 5, 900, time.Microsecond, 20 * time.Microsecond, 3 * time.Millisecond, 3 * time.Millisecond, 4 * time.Millisecond, time.Second, 1100 * time.Millisecond, 90 * time.Second, time.Hour} {
		ours.Observe(d)
		theirs.Observe(d.Seconds())
	}
	families, err := gather(t, []exposition.Metric{{Name: "h", Help: "h", Kind: exposition.Histogram}}, func(s *exposition.Set, to chan<- prometheus.Metric) {
		s.Distribution(to, "h", ours.Read())
	})
	require.NoError(t, err)
	var want dto.Metric
	require.NoError(t, theirs.Write(&want))
	want.Histogram.CreatedTimestamp = nil
	got := families[0].GetMetric()[0]
	assert.InDelta(t, want.Histogram.GetSampleSum(), got.Histogram.GetSampleSum(), 1e-9)
	got.Histogram.SampleSum = want.Histogram.SampleSum
	// Theirs joins spans over gaps of two buckets, which says the same.
	assert.Equal(t, native(want.Histogram), native(got.Histogram))
	for _, h := range []*dto.Histogram{want.Histogram, got.Histogram} {
		h.PositiveSpan, h.PositiveDelta = nil, nil
	}
	assert.True(t, proto.Equal(&want, got), "%v\n%v", &want, got)
}

// native returns the counts of native buckets by their numbers.
func native(h *dto.Histogram) map[int32]int64 {
	counts := make(map[int32]int64)
	k, n, i := int32(0), int64(0), 0
	for _, span := range h.GetPositiveSpan() {
		k += span.GetOffset()
		for range span.GetLength() {
			if n += h.GetPositiveDelta()[i]; n > 0 {
				counts[k] = n
			}
			k++
			i++
		}
	}
	return counts
}

func TestSetEmitsNothingElse(t *testing.T) {
	t.Parallel()
	rows := []exposition.Metric{{Name: "c_total", Help: "c", Kind: exposition.Counter, Labels: []string{"a"}}, {Name: "h", Help: "h", Kind: exposition.Histogram, Labels: []string{"a"}}}
	for name, emit := range map[string]func(*exposition.Set, chan<- prometheus.Metric){
		"another name":      func(s *exposition.Set, to chan<- prometheus.Metric) { s.Count(to, "d_total", 1) },
		"another histogram": func(s *exposition.Set, to chan<- prometheus.Metric) { s.Distribution(to, "d", &tally.Distribution{}) },
		"too few values":    func(s *exposition.Set, to chan<- prometheus.Metric) { s.Count(to, "c_total", 1) },
		"too many values for a histogram": func(s *exposition.Set, to chan<- prometheus.Metric) {
			s.Distribution(to, "h", &tally.Distribution{}, "1", "2")
		},
	} {
		_, err := gather(t, rows, emit)
		assert.Error(t, err, name)
	}
}

func TestTableIsComplete(t *testing.T) {
	t.Parallel()
	names := make(map[string]bool)
	for _, rows := range [][]exposition.Metric{exposition.OfProxy(), exposition.OfAuthenticator(), exposition.OfDecisions()} {
		for _, m := range rows {
			assert.False(t, names[m.Name], "%s twice", m.Name)
			names[m.Name] = true
			assert.Regexp(t, `^clerkgate_[a-z_]+$`, m.Name)
			assert.Regexp(t, `[.]$`, m.Help, m.Name)
			if m.Kind == exposition.Counter {
				assert.Regexp(t, `_total$`, m.Name)
			}
			for _, label := range m.Labels {
				assert.NotContains(t, []string{"host", "path", "user", "session", "method"}, label)
			}
		}
	}
}
