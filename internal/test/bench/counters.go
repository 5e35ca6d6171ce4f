package main

import (
	"bytes"
	"context"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// counters are the processor's counters for a process. Unlike time they hardly depend on
// what else the machine is doing, and instructions not at all.
type counters struct {
	instructions, cycles float64
}

// counting reads the processor's counters with perf. They are zero if perf is missing or
// not permitted.
type counting struct {
	cmd    *exec.Cmd
	output bytes.Buffer
}

func (b *bench) count(ctx context.Context, pid int) *counting {
	c := &counting{}
	perf, err := exec.LookPath("perf")
	if err != nil {
		return c
	}
	c.cmd = exec.CommandContext(ctx, "taskset", "-c", loadCore, perf, "stat", "-x", ",", "-e", "instructions,cycles", "-p", strconv.Itoa(pid)) //nolint:gosec // a number
	c.cmd.Stderr = &c.output
	if c.cmd.Start() != nil {
		c.cmd = nil
	}
	return c
}

// stop ends the counting, and returns the counters per request.
func (c *counting) stop(requests int) counters {
	if c.cmd == nil {
		return counters{}
	}
	_ = c.cmd.Process.Signal(syscall.SIGINT) // perf prints what it has
	_ = c.cmd.Wait()
	var n counters
	for line := range strings.Lines(c.output.String()) {
		fields := strings.Split(line, ",")
		if len(fields) < 3 {
			continue
		}
		value, err := strconv.ParseFloat(fields[0], 64)
		if err != nil {
			continue // <not supported>
		}
		switch {
		case strings.HasPrefix(fields[2], "instructions"):
			n.instructions = value / float64(requests)
		case strings.HasPrefix(fields[2], "cycles"):
			n.cycles = value / float64(requests)
		}
	}
	return n
}
