package envoy

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/clerkgate/clerkgate/proxy/internal/gateway"
)

// Fixed limits.
const (
	maxMessageBytes   = 1 << 20          // of a check; Envoy's own header limit is 60 KiB by default
	maxFrameHeaders   = 16 << 10         // of the gRPC request itself, not of the original request
	maxHeaders        = 256              // Envoy's default limit is 100
	maxStreams        = 1000             // checks that one connection may have open
	connectionTimeout = 10 * time.Second // for the HTTP/2 handshake
	idleTimeout       = 15 * time.Minute // Envoy opens a new connection when it needs one
	pingAfter         = time.Minute
	pingTimeout       = 20 * time.Second
	minPingInterval   = 5 * time.Second
)

// Defaults of [Options].
const (
	defaultMaxHeaderBytes = 64 << 10
	defaultGrace          = 20 * time.Second
)

// Options configures a [Server].
type Options struct {
	// Judge is called with the original request, and must call [gateway.Answer.Grant]
	// if the request may pass. It must be safe for concurrent use. Required.
	Judge func(*gateway.Answer, *http.Request)
	// Trusted reports whether the peer with the given address may ask. The address is
	// never IPv4-mapped IPv6. Required.
	Trusted func(netip.Addr) bool
	// Setting is the name of the setting that lists trusted peers, for the log.
	Setting string

	// MaxHeaderBytes bounds method, host, path and headers of a checked request
	// together; 0 means 64 KiB.
	MaxHeaderBytes int
	// Grace is how long checks may take to finish when the server stops; 0 means 20s.
	Grace time.Duration
	// Logger receives messages about refused peers, malformed checks and panics, which
	// contain neither tokens nor cookies; nil logs nothing.
	Logger *slog.Logger
}

// withDefaults checks o and fills in the defaults.
func (o Options) withDefaults() (Options, error) {
	var problems []error
	if o.Judge == nil {
		problems = append(problems, errors.New("option Judge is required"))
	}
	if o.Trusted == nil {
		problems = append(problems, errors.New("option Trusted is required"))
	}
	if o.MaxHeaderBytes < 0 || o.Grace < 0 {
		problems = append(problems, errors.New("MaxHeaderBytes and Grace must not be negative"))
	}
	if err := errors.Join(problems...); err != nil {
		return o, fmt.Errorf("ext_authz options: %w", err)
	}
	if o.MaxHeaderBytes == 0 {
		o.MaxHeaderBytes = defaultMaxHeaderBytes
	}
	if o.Grace == 0 {
		o.Grace = defaultGrace
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}
