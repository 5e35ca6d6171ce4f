package exposition

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"github.com/clerkgate/clerkgate/internal/tally"
)

// Kind is the type of a metric, as Prometheus names it.
type Kind string

// The kinds of metrics.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Metric is a row of the table.
type Metric struct {
	Name   string
	Kind   Kind
	Labels []string
	Help   string
	// Missing says when there is no such metric; empty for one that is always there. A
	// counter with labels begins with the first event that has their values.
	Missing string
}

// Set describes and emits the metrics of some rows.
type Set struct{ rows map[string]row }

type row struct {
	Metric
	desc *prometheus.Desc
}

// NewSet returns a Set for rows.
func NewSet(rows []Metric) *Set {
	s := &Set{rows: make(map[string]row, len(rows))}
	for _, m := range rows {
		s.rows[m.Name] = row{m, prometheus.NewDesc(m.Name, m.Help, m.Labels, nil)}
	}
	return s
}

// Describe sends the descriptions, for [prometheus.Collector].
func (s *Set) Describe(to chan<- *prometheus.Desc) {
	for _, r := range s.rows {
		to <- r.desc
	}
}

// Count emits a counter.
func (s *Set) Count(to chan<- prometheus.Metric, name string, n uint64, labels ...string) {
	s.emit(to, name, prometheus.CounterValue, float64(n), labels)
}

// Gauge emits a gauge.
func (s *Set) Gauge(to chan<- prometheus.Metric, name string, value float64, labels ...string) {
	s.emit(to, name, prometheus.GaugeValue, value, labels)
}

// Time emits a gauge that is a time, in seconds since 1970.
func (s *Set) Time(to chan<- prometheus.Metric, name string, at time.Time) {
	s.Gauge(to, name, float64(at.UnixMilli())/1000)
}

// Bool emits a gauge that is 1 or 0.
func (s *Set) Bool(to chan<- prometheus.Metric, name string, value bool, labels ...string) {
	n := 0.0
	if value {
		n = 1
	}
	s.Gauge(to, name, n, labels...)
}

func (s *Set) emit(to chan<- prometheus.Metric, name string, kind prometheus.ValueType, value float64, labels []string) {
	r, ok := s.rows[name]
	if !ok {
		to <- unknown(name)
		return
	}
	m, err := prometheus.NewConstMetric(r.desc, kind, value, labels...)
	if err != nil {
		m = prometheus.NewInvalidMetric(r.desc, err)
	}
	to <- m
}

// Distribution emits a histogram, with its native buckets.
func (s *Set) Distribution(to chan<- prometheus.Metric, name string, d *tally.Distribution, labels ...string) {
	r, ok := s.rows[name]
	switch {
	case !ok:
		to <- unknown(name)
	case len(labels) != len(r.Labels):
		to <- prometheus.NewInvalidMetric(r.desc, fmt.Errorf("%d values for %d labels", len(labels), len(r.Labels)))
	default:
		to <- &histogram{r.desc, prometheus.MakeLabelPairs(r.desc, labels), d}
	}
}

func unknown(name string) prometheus.Metric {
	return prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(nil), fmt.Errorf("the table has no metric %q", name))
}

// histogram is a Distribution in Prometheus' format. client_golang's own constructors make
// histograms with the one kind of buckets or the other, and a scraper must be able to choose.
type histogram struct {
	desc   *prometheus.Desc
	labels []*dto.LabelPair
	*tally.Distribution
}

// Desc implements [prometheus.Metric].
func (h *histogram) Desc() *prometheus.Desc { return h.desc }

// Write implements [prometheus.Metric].
func (h *histogram) Write(to *dto.Metric) error {
	out := &dto.Histogram{
		SampleCount: proto.Uint64(h.Count), SampleSum: proto.Float64(h.Sum.Seconds()),
		Schema: proto.Int32(tally.Schema), ZeroThreshold: proto.Float64(tally.ZeroThreshold), ZeroCount: proto.Uint64(h.Zero),
	}
	for i, bound := range tally.Bounds() {
		n := uint64(0)
		if i < len(h.Buckets) {
			n = h.Buckets[i]
		}
		out.Bucket = append(out.Bucket, &dto.Bucket{UpperBound: proto.Float64(bound.Seconds()), CumulativeCount: proto.Uint64(n)})
	}
	h.native(out)
	to.Label, to.Histogram = h.labels, out
	return nil
}

// native writes the fine buckets that are not empty: spans of neighbours, each with its
// distance from the one before, and of each count the difference from the one before.
func (h *histogram) native(to *dto.Histogram) {
	next, last := 0, int64(0)
	for i, n := range h.Fine {
		if n == 0 {
			continue
		}
		k := h.First + i
		if spans := to.PositiveSpan; len(spans) > 0 && k == next {
			*spans[len(spans)-1].Length++
		} else {
			to.PositiveSpan = append(spans, &dto.BucketSpan{Offset: proto.Int32(int32(k - next)), Length: proto.Uint32(1)}) //nolint:gosec // a bucket's number, below 200
		}
		to.PositiveDelta = append(to.PositiveDelta, int64(n)-last) //nolint:gosec // no histogram has 2^63 observations
		next, last = k+1, int64(n)                                 //nolint:gosec // see above
	}
}
