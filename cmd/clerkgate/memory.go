package main

import "github.com/KimMachineGun/automemlimit/memlimit"

// memoryShare is the part of a container's memory that the Go runtime may use before
// garbage collection becomes more frequent. The rest is for memory that the runtime does
// not account for, such as buffers of the kernel.
const memoryShare = 0.9

// limitMemory sets the runtime's memory limit according to the limit of the container.
// GOMEMLIMIT in the environment takes precedence.
func limitMemory() {
	// An error means that there is no container, or no limit.
	_, _ = memlimit.Set(memlimit.WithRatio(memoryShare), memlimit.WithProvider(memlimit.FromCgroup))
}
