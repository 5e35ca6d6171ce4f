package main

import "github.com/KimMachineGun/automemlimit/memlimit"

// memoryShare is how much of a container's memory the Go heap may take before the
// collector works harder. The rest is for stacks, buffers of the kernel and what is
// not Go's.
const memoryShare = 0.9

// limitMemory makes the collector respect the memory limit of a container, as the
// runtime itself does for processors. A GOMEMLIMIT in the environment wins.
func limitMemory() {
	// Without a container, or without a limit, there is nothing to respect.
	_, _ = memlimit.Set(memlimit.WithRatio(memoryShare), memlimit.WithProvider(memlimit.FromCgroup))
}
