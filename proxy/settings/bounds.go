package settings

// Bounds of what may be configured: more is a slip of the finger.
const (
	maxTokenCacheSize = 10_000_000 // at about 1 KiB an entry, 10 GiB
	minHeaderBytes    = 4 << 10
	maxHeaderBytes    = 16 << 20
	maxBodyBytes      = 1 << 50
	maxConnections    = 10_000_000
	maxStreams        = 100_000
)
