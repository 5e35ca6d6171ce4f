package extauthz

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"
)

// Limits that no option changes.
const (
	maxMessageBytes   = 1 << 20  // of a check; Envoy's own header limit is 60 KiB by default
	maxFrameHeaders   = 16 << 10 // of the gRPC request itself, not of the request it asks about
	maxHeaders        = 256      // Envoy's default limit is 100
	maxAnswerBytes    = 256 << 10
	connectionTimeout = 10 * time.Second // for the HTTP/2 and TLS handshakes
	idleTimeout       = 15 * time.Minute // Envoy opens a connection again when it needs one
	pingAfter         = time.Minute
	pingTimeout       = 20 * time.Second
	minPingInterval   = 5 * time.Second
)

// Defaults of [Options].
const (
	defaultMaxHeaderBytes = 64 << 10
	defaultMaxStreams     = 1000
	defaultGrace          = 20 * time.Second
)

// Options configures a [Server].
type Options struct {
	// Handler judges; see the package comment for what it gets and answers. It may
	// be called by any number of goroutines. Required.
	Handler http.Handler
	// Trusted says who may ask, by the address of the connection, which is never
	// IPv4 in IPv6. Required.
	Trusted func(netip.Addr) bool
	// Identity says whether an application could read name as an identity header,
	// in whatever spelling. Required.
	Identity func(name string) bool
	// Upstream says which other headers of a grant are for the application, such as
	// Authorization: a value replaces the client's, an empty one removes it. It is
	// not asked about headers that are always the browser's (Set-Cookie, Vary,
	// Access-Control-*) or the grant's own (Cache-Control, Content-Type), so that it
	// may be true of every name. Nil means none.
	Upstream func(name string) bool

	// TLS encrypts the listener; nil is plain text, for Envoy on the same machine
	// or in the same pod.
	TLS *tls.Config
	// MaxHeaderBytes bounds method, host, path and headers of a checked request
	// together; 0 means 64 KiB.
	MaxHeaderBytes int
	// MaxStreams is how many checks one connection may have open; 0 means 1000.
	MaxStreams uint32
	// Grace is how long checks may take to finish when the server stops; 0 means 20s.
	Grace time.Duration
	// Logger hears of refused peers, malformed checks and panics, never of a token
	// or a cookie; nil is silent.
	Logger *slog.Logger
}

// withDefaults checks o and fills in the defaults.
func (o Options) withDefaults() (Options, error) {
	var problems []error
	for name, missing := range map[string]bool{
		"Handler": o.Handler == nil, "Trusted": o.Trusted == nil, "Identity": o.Identity == nil,
	} {
		if missing {
			problems = append(problems, fmt.Errorf("%s is required", name))
		}
	}
	if o.MaxHeaderBytes < 0 || o.Grace < 0 {
		problems = append(problems, errors.New("MaxHeaderBytes and Grace must not be negative"))
	}
	if err := errors.Join(problems...); err != nil {
		return o, fmt.Errorf("ext_authz options: %w", err)
	}
	if o.Upstream == nil {
		o.Upstream = func(string) bool { return false }
	}
	if o.MaxHeaderBytes == 0 {
		o.MaxHeaderBytes = defaultMaxHeaderBytes
	}
	if o.MaxStreams == 0 {
		o.MaxStreams = defaultMaxStreams
	}
	if o.Grace == 0 {
		o.Grace = defaultGrace
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}
