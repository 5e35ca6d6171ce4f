package serve

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/clerkgate/clerkgate/internal/certificate"
	"github.com/clerkgate/clerkgate/internal/listen"
)

// App is what a server serves. Run closes it when no request is in flight any more.
type App interface {
	http.Handler
	// Ready returns nil once requests can be answered, and an error that is [ErrUpstream] if
	// that is for want of an application. It is called at startup, so that
	// slow work is done before the first request, and by probes.
	Ready(context.Context) error
	// Parts returns how each part that the App needs is doing: [PartUp], [PartNotAsked] or
	// another word, which makes the App degraded, but not unready.
	Parts(context.Context) map[string]string
	// Reload reads the configuration again, when [Options.Reloads] asks for it. The App
	// logs the result. There is one call at a time.
	Reload(context.Context)
	Close()
}

// ErrUpstream means that an application behind the [App] accepts no connections.
var ErrUpstream = errors.New("an upstream accepts no connections")

// The states of a part that does not make an [App] degraded: it works, as far as is known,
// or it was not needed yet.
const (
	PartUp       = "up"
	PartNotAsked = "not asked"
)

// Options say how an [App] is served.
type Options struct {
	// AlwaysReady has /readyz answer 200 even if the App is not ready, except for
	// [ErrUpstream].
	AlwaysReady bool
	// Public is where the App listens, Admin where probes are answered.
	Public, Admin Endpoint
	// AdminPages makes the handler of what else is asked at Admin; nil for nothing. It gets
	// what /readyz says. The handler has to protect itself: probes need no credentials.
	AdminPages func(ready func(context.Context) Readiness) http.Handler
	// AdminClients makes Admin speak HTTPS with Certificate, and verify client certificates
	// by these authorities. A request may come without one. nil for plain HTTP.
	AdminClients *x509.CertPool
	// Beside is a further service on listeners of its own; nil for none.
	Beside *Service
	// Inherited are the sockets that endpoints may use. Unused ones are closed.
	Inherited listen.Inherited
	// IntroducedBy are the peers that begin each connection to Public with a header of the
	// PROXY protocol, which holds the client's address. A connection of theirs without one
	// is closed; a header from another peer is a malformed request. Empty means none.
	IntroducedBy []netip.Prefix
	// Certificate makes the public listener speak HTTPS; nil for plain HTTP.
	Certificate *certificate.Pair
	// H2C lets clients begin with HTTP/2 on a public listener without TLS.
	H2C bool
	// Limits bound what a client can use. [Limit] must get the same values. There are no
	// defaults here; package settings has them.
	Limits Limits
	// ShutdownDelay is how long the server still serves new connections once it is
	// told to stop, while /readyz says that it is no longer ready.
	ShutdownDelay time.Duration
	// ShutdownTimeout is how long requests in flight and upgraded connections may take
	// to finish after that.
	ShutdownTimeout time.Duration
	// Hurry cuts the shutdown short: a value ends the delay if that has not passed yet,
	// else the time that requests have to finish. nil never does.
	Hurry <-chan os.Signal
	// InFlight counts the App's requests; if nil, handlers of upgraded connections may
	// outlive Run.
	InFlight *InFlight
	// Reloads asks for App.Reload, once for each value; nil never asks.
	Reloads <-chan os.Signal
	// Started is called once every listener is open; nil is not called.
	Started func(Addresses)
	// Logger gets the server's messages; nil discards them.
	Logger *slog.Logger
}

// Endpoint is where to listen.
type Endpoint struct {
	Addresses []string // in the forms of [listen.Parse], such as :8080
	Setting   string   // what errors call them, such as CLERKGATE_LISTEN
}

// Service is a server of another protocol.
type Service struct {
	Endpoint
	// Serve answers until its context ends, and closes the listener. It is called once
	// for each listener.
	Serve func(context.Context, net.Listener) error
}

// Addresses are where a server listens.
type Addresses struct {
	Public, Admin []net.Addr
	Beside        []net.Addr // nil without Options.Beside
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.InFlight == nil {
		o.InFlight = NewInFlight()
	}
	return o
}
