package settings

import "time"

// Limits bound what one client can hold of a server. A field that is zero has the
// default that its comment names; a negative one is taken for zero.
type Limits struct {
	// ReadHeaderTimeout is how long the header of a request may take, and the TLS
	// handshake before it; 0 means 10s.
	ReadHeaderTimeout time.Duration
	// BodyIdleTimeout is how long a client may send nothing of a body that is being
	// read, or take nothing of an answer that is being written; 0 means 1m. There
	// is no limit on the whole: streams and large files take as long as they take.
	BodyIdleTimeout time.Duration
	// IdleTimeout is how long a connection stays open between requests; 0 means 2m.
	IdleTimeout time.Duration
	// MaxHeaderBytes bounds the header of a request; 0 means 64 KiB. net/http gives
	// 4 KiB more to HTTP/1, and counts 32 bytes more for each field of HTTP/2.
	MaxHeaderBytes int
	// MaxBodyBytes bounds the body of a request; 0 means no limit.
	MaxBodyBytes int64
	// MaxConnections bounds the open connections; further ones wait in the
	// system's queue. 0 means no limit.
	MaxConnections int
	// MaxStreams bounds the requests at one time on a connection of HTTP/2; 0
	// means 250.
	MaxStreams int
}

// The defaults.
const (
	defaultReadHeaderTimeout = 10 * time.Second
	defaultBodyIdleTimeout   = time.Minute
	defaultIdleTimeout       = 2 * time.Minute
	defaultMaxHeaderBytes    = 64 << 10
	defaultMaxStreams        = 250
)

// WithDefaults is l with the default in each field that is not above zero.
func (l Limits) WithDefaults() Limits {
	return Limits{
		ReadHeaderTimeout: positive(l.ReadHeaderTimeout, defaultReadHeaderTimeout),
		BodyIdleTimeout:   positive(l.BodyIdleTimeout, defaultBodyIdleTimeout),
		IdleTimeout:       positive(l.IdleTimeout, defaultIdleTimeout),
		MaxHeaderBytes:    positive(l.MaxHeaderBytes, defaultMaxHeaderBytes),
		MaxBodyBytes:      positive(l.MaxBodyBytes, 0),
		MaxConnections:    positive(l.MaxConnections, 0),
		MaxStreams:        positive(l.MaxStreams, defaultMaxStreams),
	}
}

func positive[N int | int64 | time.Duration](value, otherwise N) N {
	if value > 0 {
		return value
	}
	return otherwise
}
