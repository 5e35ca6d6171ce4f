package main

import (
	"bytes"
	"context"
	_ "embed" // the script for wrk
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"
)

//go:embed load.lua
var loadScript string

// connections is the number of clients.
const connections = "32"

// sample is the result of one contender in one round.
type sample struct {
	perRequest time.Duration // CPU time of the proxy
	kernel     time.Duration // of that, the kernel's
	perSecond  float64       // requests
	counters   counters      // for one request
}

// load saturates a contender, and returns the costs.
func (b *bench) load(ctx context.Context, r *running, duration time.Duration) (sample, error) {
	before, err := r.cpuTime()
	if err != nil {
		return sample{}, err
	}
	counting := b.count(ctx, r.cmd.Process.Pid)
	requests, took, err := b.wrk(ctx, r, duration)
	counted := counting.stop(max(1, requests))
	if err != nil {
		return sample{}, err
	}
	after, err := r.cpuTime()
	if err != nil {
		return sample{}, err
	}
	return sample{
		perRequest: (after.all - before.all) / time.Duration(requests),
		kernel:     (after.kernel - before.kernel) / time.Duration(requests),
		perSecond:  float64(requests) / took.Seconds(),
		counters:   counted,
	}, nil
}

// wrk runs wrk once. Every request must succeed.
func (b *bench) wrk(ctx context.Context, r *running, duration time.Duration) (requests int, took time.Duration, err error) {
	header := r.header()
	// wrk knows whole seconds only.
	seconds := max(1, int(duration.Round(time.Second)/time.Second))
	out, err := runPinned(ctx, loadCore, "wrk", "-t1", "-c"+connections, fmt.Sprintf("-d%ds", seconds),
		"--timeout", "10s", "-s", filepath.Join(b.dir, "load.lua"), "http://"+r.address, "--", header, filepath.Join(b.dir, header))
	if err != nil {
		return 0, 0, err
	}
	var report struct{ Requests, Micros, Failed int }
	at := bytes.LastIndex(out, []byte("\n{"))
	if at < 0 {
		return 0, 0, fmt.Errorf("wrk did not report: %s", out)
	}
	if err := json.Unmarshal(out[at:], &report); err != nil {
		return 0, 0, fmt.Errorf("wrk's report: %w", err)
	}
	if report.Requests == 0 {
		return 0, 0, fmt.Errorf("%s answered no request within %d s", r.name, seconds)
	}
	if report.Failed > 0 {
		return 0, 0, fmt.Errorf("%s: %d of %d requests failed", r.name, report.Failed, report.Requests)
	}
	return report.Requests, time.Duration(report.Micros) * time.Microsecond, nil
}
