package hardening

import "runtime"

// heap is what is in use once everything that nobody holds is gone.
func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
