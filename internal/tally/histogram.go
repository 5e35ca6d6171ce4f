package tally

import (
	"math"
	"sync/atomic"
	"time"
)

// bounds are the upper bounds of the buckets of a [Distribution], in nanoseconds: those
// that people write in rules, such as 0.1 s.
var bounds = []time.Duration{
	25_000, 100_000, 250_000, 1e6, 2_500_000, 5e6, 10e6, 25e6, 50e6, 100e6, 250e6, 500e6,
	1e9, 2_500e6, 5e9, 10e9, 30e9, 60e9,
}

const (
	numBounds = 18
	// Schema is the schema of the fine buckets, which are those of Prometheus' native
	// histograms: the upper bound of bucket k is 2^(k/4) seconds.
	Schema = 2
	// perOctave is how many fine buckets double the bound.
	perOctave = 1 << Schema
	// firstFine is the first fine bucket. All that is shorter, a microsecond and less, is
	// one bucket, up to [ZeroThreshold].
	firstFine = -20*perOctave + 1
	// lastFine has the bound of 36 hours. All that is longer counts there.
	lastFine = 17 * perOctave
	numFine  = lastFine - firstFine + 1
	// ZeroThreshold is the upper bound of [Distribution.Zero], in seconds.
	ZeroThreshold = 1.0 / (1 << 20)
)

// Histogram counts durations. It is safe for concurrent use, and its zero value is ready.
type Histogram struct {
	// cells counts by both kinds of buckets at once: what is in fine bucket i and in bucket
	// b of bounds is in cell i+b. Each longer duration that is in another bucket of either
	// kind has a greater i or b, so that no two pairs share a cell.
	cells [1 + numFine + numBounds]atomic.Uint64
	sum   atomic.Int64 // in nanoseconds
}

// Observe counts a duration. A negative one, after a clock was set back, counts as 0.
func (h *Histogram) Observe(d time.Duration) {
	d = max(d, 0)
	h.cells[fineIndex(d)+boundIndex(d)].Add(1)
	h.sum.Add(int64(d))
}

// boundIndex returns the index of the first of bounds that is at least d, or their number.
func boundIndex(d time.Duration) int {
	for i, bound := range bounds {
		if d <= bound {
			return i
		}
	}
	return numBounds
}

// fineIndex returns 0 for what is not above [ZeroThreshold], and 1 and more for the fine
// buckets.
func fineIndex(d time.Duration) int {
	return min(max(fineBucket(d), firstFine-1), lastFine) - firstFine + 1
}

// fineBucket returns the number of the bucket of d, which is the least k with
// d <= 2^(k/4) seconds.
func fineBucket(d time.Duration) int {
	fraction, exponent := math.Frexp(d.Seconds()) // fraction is in [0.5, 1)
	k := (exponent - 1) * perOctave
	switch {
	case d == 0:
		return firstFine - 1
	case fraction <= 0.5:
		return k
	case fraction <= 0.5*math.Sqrt2/twoToQuarter:
		return k + 1
	case fraction <= 0.5*math.Sqrt2:
		return k + 2
	case fraction <= 0.5*math.Sqrt2*twoToQuarter:
		return k + 3
	}
	return k + perOctave
}

// twoToQuarter is 2 to the power of 1/4.
const twoToQuarter = 1.18920711500272106671749997056047591529297209246381741301900222471946666822691715987078134453813767371603739477476921318606

// Distribution is what a [Histogram] has counted.
type Distribution struct {
	// Count is how many durations there were, and Sum is their sum.
	Count uint64
	Sum   time.Duration
	// Buckets are how many durations were at most as long as each of [Bounds].
	Buckets []uint64
	// Zero is how many were at most [ZeroThreshold] long, and Fine are the others, by
	// bucket: Fine[i] are those of bucket First+i of [Schema].
	Zero  uint64
	First int
	Fine  []uint64
}

// Bounds returns the upper bounds of [Distribution.Buckets].
func Bounds() []time.Duration { return append([]time.Duration(nil), bounds...) }

// Read returns what h has counted.
func (h *Histogram) Read() *Distribution {
	d := &Distribution{}
	h.AddTo(d)
	return d
}

// AddTo adds what h has counted to d, which is empty or was filled by AddTo.
func (h *Histogram) AddTo(d *Distribution) {
	if d.Fine == nil {
		d.First, d.Fine, d.Buckets = firstFine, make([]uint64, numFine), make([]uint64, numBounds)
	}
	d.Sum += time.Duration(h.sum.Load())
	b := 0
	for i := range 1 + numFine {
		last := b
		for last < numBounds && fineIndex(bounds[last]) == i {
			last++ // this bound divides the fine bucket
		}
		for ; ; b++ {
			d.add(i, b, h.cells[i+b].Load())
			if b == last {
				break
			}
		}
	}
}

// add adds the count of a cell.
func (d *Distribution) add(fine, bound int, n uint64) {
	d.Count += n
	if fine == 0 {
		d.Zero += n
	} else {
		d.Fine[fine-1] += n
	}
	for ; n > 0 && bound < numBounds; bound++ {
		d.Buckets[bound] += n
	}
}
