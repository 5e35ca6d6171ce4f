package tally_test

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/clerkgate/clerkgate/internal/tally"
)

func TestHistogramPutsEachDurationIntoItsBuckets(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	durations := []time.Duration{0, 1, 953, 954, 1000, 25_000, 25_001, time.Millisecond, time.Second, time.Second + 1, time.Minute, time.Minute + 1, 36 * time.Hour}
	for range 2000 {
		durations = append(durations, time.Duration(math.Exp(random.Float64()*30)))
	}
	for _, d := range durations {
		var h tally.Histogram
		h.Observe(d)
		read := h.Read()
		assert.EqualValues(t, 1, read.Count, d)
		assert.Equal(t, d, read.Sum)
		for i, bound := range tally.Bounds() {
			assert.Equal(t, d <= bound, read.Buckets[i] == 1, "%v in the bucket of %v", d, bound)
		}
		if d.Seconds() <= tally.ZeroThreshold {
			assert.EqualValues(t, 1, read.Zero, d)
			continue
		}
		for i, n := range read.Fine {
			if n == 1 {
				k := float64(read.First + i)
				assert.LessOrEqual(t, d.Seconds(), math.Pow(2, k/4)*(1+1e-15), "%v in bucket %v", d, k)
				assert.Greater(t, d.Seconds(), math.Pow(2, (k-1)/4)*(1-1e-15), "%v in bucket %v", d, k)
			}
		}
	}
}

func TestWhatIsOutOfRangeIsCounted(t *testing.T) {
	t.Parallel()
	var h tally.Histogram
	h.Observe(-time.Second)
	h.Observe(1000 * time.Hour)
	read := h.Read()
	assert.EqualValues(t, 2, read.Count)
	assert.EqualValues(t, 1, read.Zero)
	assert.EqualValues(t, 1, read.Fine[len(read.Fine)-1])
	assert.Equal(t, 1000*time.Hour, read.Sum)
}

// TestStripesLoseNothing counts in many goroutines while others read, and no reader may see
// more in a bucket than in all.
func TestStripesLoseNothing(t *testing.T) {
	t.Parallel()
	const goroutines, each = 16, 2000
	stripes := tally.NewStripes()
	striped := tally.NewStriped[tally.Histogram](stripes)
	read := func() *tally.Distribution {
		var all tally.Distribution
		striped.Each(func(h *tally.Histogram) { h.AddTo(&all) })
		return &all
	}
	var writers, readers sync.WaitGroup
	done := make(chan struct{})
	readers.Go(func() {
		for {
			if all := read(); len(all.Buckets) > 0 {
				assert.LessOrEqual(t, all.Buckets[len(all.Buckets)-1], all.Count)
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for range goroutines {
		writers.Go(func() {
			for i := range each {
				st := stripes.Take()
				striped.Of(st).Observe(time.Duration(i) * time.Microsecond)
				stripes.Put(st)
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
	all := read()
	assert.EqualValues(t, goroutines*each, all.Count)
	assert.EqualValues(t, goroutines*each, all.Buckets[len(all.Buckets)-1])
	assert.Equal(t, goroutines*each*(each-1)/2*time.Microsecond, all.Sum)
}

func TestCountingAllocatesNothing(t *testing.T) { // not parallel, see testing.AllocsPerRun
	stripes := tally.NewStripes()
	striped := tally.NewStriped[tally.Histogram](stripes)
	d := time.Millisecond
	count := func() {
		st := stripes.Take()
		striped.Of(st).Observe(d)
		stripes.Put(st)
	}
	for range 1000 { // each part is made once
		count()
	}
	assert.Zero(t, int(testing.AllocsPerRun(1000, count)))
}

func BenchmarkHistogram(b *testing.B) {
	stripes := tally.NewStripes()
	striped := tally.NewStriped[tally.Histogram](stripes)
	b.Run("striped", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				st := stripes.Take()
				striped.Of(st).Observe(3 * time.Millisecond)
				stripes.Put(st)
			}
		})
	})
	b.Run("plain", func(b *testing.B) {
		var h tally.Histogram
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				h.Observe(3 * time.Millisecond)
			}
		})
	})
}
