// Package tally counts and measures what happens in many goroutines at once, for metrics.
//
// A [Histogram] has no lock and its zero value is ready. Where it is written with each
// request, [Stripes] keep the processors from waiting for each other's cache lines: each
// goroutine takes a stripe, which belongs to the processor that it runs on, and counts in a
// part of the counter that is for that stripe. Whoever reads adds up the parts.
package tally
