package main

import (
	"fmt"
	"slices"
	"strings"
)

// table gathers samples by contender and round.
type table struct {
	contenders []contender
	samples    map[string][]sample
}

func newTable(contenders []contender) *table {
	return &table{contenders: contenders, samples: make(map[string][]sample)}
}

func (t *table) add(name string, s sample) { t.samples[name] = append(t.samples[name], s) }

// String returns the table as Markdown: medians over the rounds, and the median of the
// ratios within each round, which a slow moment of the machine does not affect.
func (t *table) String() string {
	yardsticks := []string{"e", "d", "d2"}
	var b strings.Builder
	b.WriteString("| | contender | CPU µs/request | kernel's part | smallest .. largest | of e | of d | of d2 | requests/s |\n")
	b.WriteString("|---|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, c := range t.contenders {
		own := t.samples[c.name]
		costs, kernel, rates := make([]float64, len(own)), make([]float64, len(own)), make([]float64, len(own))
		for i, s := range own {
			costs[i], kernel[i], rates[i] = micros(s.perRequest), micros(s.kernel), s.perSecond
		}
		fmt.Fprintf(&b, "| %s | %s | %.1f | %.1f | %.1f .. %.1f |", c.name, c.what, median(costs), median(kernel), slices.Min(costs), slices.Max(costs))
		for _, y := range yardsticks {
			fmt.Fprintf(&b, " %s |", ratio(own, t.samples[y]))
		}
		fmt.Fprintf(&b, " %.0f |\n", median(rates))
	}
	b.WriteString("\n" + t.counts())
	return b.String()
}

// counts returns the table of the processor's counters, or "" without counters.
func (t *table) counts() string {
	instructions := func(s sample) float64 { return s.counters.instructions }
	cycles := func(s sample) float64 { return s.counters.cycles }
	var b strings.Builder
	for _, c := range t.contenders {
		own := t.samples[c.name]
		if medianCount(own, instructions) == 0 {
			return ""
		}
		fmt.Fprintf(&b, "| %s | %.1f |", c.name, medianCount(own, instructions)/1000)
		for _, y := range []string{"e", "d", "d2"} {
			fmt.Fprintf(&b, " %s |", countRatio(own, t.samples[y], instructions))
		}
		fmt.Fprintf(&b, " %.1f |", medianCount(own, cycles)/1000)
		for _, y := range []string{"e", "d", "d2"} {
			fmt.Fprintf(&b, " %s |", countRatio(own, t.samples[y], cycles))
		}
		b.WriteString("\n")
	}
	return "| | thousand instructions/request | of e | of d | of d2 | thousand cycles/request | of e | of d | of d2 |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|\n" + b.String()
}

func medianCount(samples []sample, of func(sample) float64) float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = of(s)
	}
	if len(values) == 0 {
		return 0
	}
	return median(values)
}

func countRatio(a, b []sample, of func(sample) float64) string {
	if len(b) == 0 || medianCount(b, of) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", medianCount(a, of)/medianCount(b, of))
}

// rate returns a contender's requests per second, or 0 if it was not run.
func (t *table) rate(name string) float64 {
	var rates []float64
	for _, s := range t.samples[name] {
		rates = append(rates, s.perSecond)
	}
	if len(rates) == 0 {
		return 0
	}
	return median(rates)
}

// ratio returns the median of the ratios of a's cost to b's in each round.
func ratio(a, b []sample) string {
	if len(a) != len(b) {
		return "–"
	}
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = micros(a[i].perRequest) / micros(b[i].perRequest)
	}
	return fmt.Sprintf("%.2f", median(ratios))
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}
