package serve

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/clerkgate/clerkgate/internal/certificate"
)

// App is what a server serves. Run closes it at its end, when no request is in
// flight any more.
type App interface {
	http.Handler
	// Ready returns nil once requests can be answered. It is called at the start,
	// so that what is slow is loaded before the first request, and by probes.
	Ready(context.Context) error
	// Reload reads the configuration again, when [Options.Reloads] asks for it. What
	// comes of that is the App's to log; there is one call at a time.
	Reload(context.Context)
	Close()
}

// Options say how an [App] is served.
type Options struct {
	// Public is where the App listens, Admin where probes are answered.
	Public, Admin Endpoint
	// Beside is one more service on a listener of its own; nil for none.
	Beside *Service
	// Certificate makes the public listener speak HTTPS; nil for plain HTTP.
	Certificate *certificate.Pair
	// H2C lets clients begin with HTTP/2 on a public listener without TLS.
	H2C bool
	// Limits bound what a client can hold. [Limit] must be given the same. There are
	// no defaults here, so that there is one place for them.
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
	// InFlight counts the App's requests; nil if nobody does, and then handlers of
	// upgraded connections may outlive Run.
	InFlight *InFlight
	// Reloads asks for App.Reload, once for each value; nil never asks.
	Reloads <-chan os.Signal
	// Started is called once every listener is open; nil is not called.
	Started func(Addresses)
	// Logger is told what the server has to say; nil is silent.
	Logger *slog.Logger
}

// Endpoint is an address to listen at.
type Endpoint struct {
	Address string // such as :8080
	Setting string // the name by which errors call it, such as CLERKGATE_LISTEN
}

// Service is a server of another protocol.
type Service struct {
	Endpoint
	// Serve answers until its context ends, and closes the listener.
	Serve func(context.Context, net.Listener) error
}

// Addresses are where a server listens.
type Addresses struct {
	Public, Admin net.Addr
	Beside        net.Addr // nil without Options.Beside
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
