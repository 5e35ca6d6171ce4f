//go:build !race

package kit

// Race reports whether the race detector is on. A [sync.Pool] then drops some of what it is
// given, so that tests which count allocations cannot.
const Race = false
