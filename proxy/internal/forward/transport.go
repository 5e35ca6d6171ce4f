package forward

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/clerkgate/clerkgate/internal/certificate"
	"github.com/clerkgate/clerkgate/internal/http1"
)

// Limits of connections.
const (
	keepAlive         = 30 * time.Second
	continueTimeout   = time.Second
	idlePerHost       = 256
	maxResponseHeader = 256 << 10
	// An HTTP/2 connection on which nothing comes for this long is asked for a sign
	// of life, so that requests do not wait on one that is dead.
	pingAfter   = 30 * time.Second
	pingTimeout = 15 * time.Second
)

// transport carries requests to one upstream.
type transport interface {
	http.RoundTripper
	CloseIdleConnections()
}

// newTransport makes the transport for one application.
//
// It ignores HTTP_PROXY: a sidecar's traffic holds credentials, and goes only where the
// configuration says.
func newTransport(o Options) (transport, error) {
	secure := o.Target.Scheme == "https"
	if o.Direct && !secure && o.Protocols.HTTP1() {
		return directTransport(o), nil
	}
	t := NewTransport(o.Target, Timeouts{Connect: o.ConnectTimeout, Response: o.ResponseTimeout, Idle: o.IdleTimeout})
	t.DialContext = redialing(t.DialContext)
	t.Protocols = o.Protocols
	if secure {
		var err error
		if t.TLSClientConfig, err = clientTLS(o); err != nil {
			return nil, err
		}
	}
	renew := func() transport {
		if !o.Protocols.HTTP1() {
			return newSwitching(t.Clone())
		}
		return t.Clone()
	}
	if o.MaxConnectionAge <= 0 {
		return renew(), nil
	}
	return newAging(renew, o.MaxConnectionAge, o.Now), nil
}

// switching uses HTTP/1.1 for the WebSockets of an upstream that otherwise gets HTTP/2:
// few servers support WebSockets over HTTP/2 (RFC 8441), and all that speak WebSocket
// support HTTP/1.1.
type switching struct {
	*http.Transport
	webSockets *http.Transport
}

func newSwitching(t *http.Transport) *switching {
	old := t.Clone()
	old.Protocols = &http.Protocols{}
	old.Protocols.SetHTTP1(true)
	old.ForceAttemptHTTP2 = false
	return &switching{Transport: t, webSockets: old}
}

// RoundTrip implements [http.RoundTripper].
func (s *switching) RoundTrip(r *http.Request) (*http.Response, error) {
	if isWebSocket(r.Header) {
		return s.webSockets.RoundTrip(r)
	}
	return s.Transport.RoundTrip(r)
}

// CloseIdleConnections closes the idle connections of both transports.
func (s *switching) CloseIdleConnections() {
	s.Transport.CloseIdleConnections()
	s.webSockets.CloseIdleConnections()
}

// directTransport is for HTTP/1.1 without TLS, which most sidecars use for their
// application: a request does its own I/O, without another goroutine.
func directTransport(o Options) transport {
	address, dial := o.Target.Host, redialing(dialer(o.Target, o.ConnectTimeout))
	if o.Target.Port() == "" {
		address = net.JoinHostPort(o.Target.Hostname(), "80")
	}
	return http1.New(http1.Options{
		Dial:                   func(ctx context.Context) (net.Conn, error) { return dial(ctx, "tcp", address) },
		MaxIdle:                idlePerHost,
		IdleTimeout:            o.IdleTimeout,
		MaxAge:                 o.MaxConnectionAge,
		ResponseHeaderTimeout:  o.ResponseTimeout,
		ExpectContinueTimeout:  continueTimeout,
		MaxResponseHeaderBytes: maxResponseHeader,
		Dropped:                tellOnce(o.Logger),
		Now:                    o.Now,
	})
}

// tellOnce logs why header lines of responses are left out, each reason once: an
// application that sends such a line sends it with every answer.
func tellOnce(logger *slog.Logger) func(reason string) {
	if logger == nil {
		return nil
	}
	var told sync.Map
	return func(reason string) {
		if _, again := told.LoadOrStore(reason, true); !again {
			logger.Warn("header lines of the application's answers are left out; each reason is logged once", slog.String("reason", reason))
		}
	}
}

// Timeouts bound connecting, the wait for a response's header, and how long a connection
// stays open between requests.
type Timeouts struct{ Connect, Response, Idle time.Duration }

// NewTransport makes net/http's transport with the limits of this package. It never
// looks at HTTP_PROXY.
func NewTransport(target *url.URL, timeouts Timeouts) *http.Transport {
	return &http.Transport{
		DialContext:            dialer(target, timeouts.Connect),
		TLSHandshakeTimeout:    timeouts.Connect,
		ForceAttemptHTTP2:      target.Scheme == "https",
		MaxIdleConns:           2 * idlePerHost,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        timeouts.Idle,
		ResponseHeaderTimeout:  timeouts.Response,
		ExpectContinueTimeout:  continueTimeout,
		MaxResponseHeaderBytes: maxResponseHeader,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		DisableCompression:     true, // bodies pass as they are
	}
}

// dialer returns a function that connects to the target. For a Unix socket it ignores
// the address, because the transport's has only a placeholder for a host.
func dialer(target *url.URL, timeout time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	d := &net.Dialer{Timeout: timeout, KeepAlive: keepAlive}
	if target.Scheme != "unix" {
		return d.DialContext
	}
	path := target.Path
	return func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", path) }
}

// clientTLS trusts the configured authorities, if any, in place of the system's, and
// presents the client certificate, if any.
func clientTLS(o Options) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: o.ServerName}
	if o.CAFile != "" {
		pool, err := certificate.Authorities(o.CAFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = pool
	}
	if o.CertificateFile != "" || o.KeyFile != "" {
		pair, err := certificate.Load(certificate.Options{
			CertificateFile: o.CertificateFile, KeyFile: o.KeyFile, Now: o.Now, Logger: o.Logger,
		})
		if err != nil {
			return nil, err
		}
		config.GetClientCertificate = pair.GetClientCertificate
	}
	return config, nil
}
