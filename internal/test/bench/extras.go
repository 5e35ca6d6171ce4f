package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
)

// extras measures things other than CPU time: the delay that a proxy adds, and the
// resources of an idle clerkgate. saturated is how many requests per second clerkgate
// served, or 0 if that was not measured.
func (b *bench) extras(ctx context.Context, list []contender, saturated float64, stdout io.Writer) error {
	if saturated > 0 {
		text, err := b.latency(ctx, list, saturated/2)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(stdout, "\n%s", text)
	}
	text, err := b.footprint(ctx)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stdout, "\n%s", text)
	return nil
}

// latency compares each contender with a direct connection, at a constant rate.
func (b *bench) latency(ctx context.Context, list []contender, rate float64) (string, error) {
	var out strings.Builder
	fmt.Fprintf(&out, "%.0f requests/s, half of what clerkgate can; median of %d rounds of %s.\n\n", rate, b.options.rounds, b.options.duration)
	out.WriteString("| | p50 µs | p99 µs | p50 added | p99 added |\n|---|---:|---:|---:|---:|\n")
	type pair struct{ p50, p99 []float64 }
	direct, through := pair{}, make(map[string]*pair)
	add := func(to *pair, d delays) {
		to.p50, to.p99 = append(to.p50, micros(d.P50)), append(to.p99, micros(d.P99))
	}
	for range b.options.rounds {
		d, err := b.paced(ctx, b.upstream, "Authorization", rate)
		if err != nil {
			return "", err
		}
		add(&direct, d)
		for _, c := range list {
			d, err := b.pacedThrough(ctx, c, rate)
			if err != nil {
				return "", err
			}
			if through[c.name] == nil {
				through[c.name] = &pair{}
			}
			add(through[c.name], d)
		}
	}
	p50, p99 := median(direct.p50), median(direct.p99)
	fmt.Fprintf(&out, "| direct | %.0f | %.0f | | |\n", p50, p99)
	for _, c := range list {
		t := through[c.name]
		fmt.Fprintf(&out, "| %s | %.0f | %.0f | %.0f | %.0f |\n", c.name, median(t.p50), median(t.p99), median(t.p50)-p50, median(t.p99)-p99)
	}
	return out.String(), nil
}

func (b *bench) pacedThrough(ctx context.Context, c contender, rate float64) (delays, error) {
	r, err := b.start(ctx, c)
	if err != nil {
		return delays{}, err
	}
	defer r.stop()
	if _, err := b.load(ctx, r, warmUp); err != nil {
		return delays{}, err
	}
	d, err := b.paced(ctx, r.address, r.header(), rate)
	if err != nil {
		return delays{}, fmt.Errorf("%s: %w", c.name, err)
	}
	b.say("%-3s p50 %6.0f µs  p99 %6.0f µs", c.name, micros(d.P50), micros(d.P99))
	return d, nil
}

// paced runs a load with a constant rate, on the load's core.
func (b *bench) paced(ctx context.Context, address, header string, rate float64) (d delays, err error) {
	out, err := runPinned(ctx, loadCore, b.self, "paced", address, fmt.Sprintf("%.1f", rate),
		b.options.duration.String(), header, filepath.Join(b.dir, header))
	if err == nil {
		err = json.Unmarshal(out, &d)
	}
	// If the machine could not send the load in time, it was lighter than intended.
	if due := rate * b.options.duration.Seconds(); err == nil && float64(d.Requests) < 0.98*due {
		err = fmt.Errorf("%d of %.0f requests were sent in time", d.Requests, due)
	}
	return d, err
}

// medianOf runs a measurement several times and returns the median.
func medianOf(times int, what func() (time.Duration, error)) (time.Duration, error) {
	var all []float64
	for range times {
		d, err := what()
		if err != nil {
			return 0, err
		}
		all = append(all, float64(d))
	}
	return time.Duration(median(all)), nil
}
