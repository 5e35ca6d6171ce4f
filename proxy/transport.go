package proxy

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
	"github.com/clerkgate/clerkgate/proxy/routes"
)

// Limits of connections to the upstreams and to the Frontend API.
const (
	defaultConnectWait  = 10 * time.Second
	defaultUpstreamWait = 60 * time.Second
	keepAlive           = 30 * time.Second
	continueTimeout     = time.Second
	idleTimeout         = 90 * time.Second
	idlePerHost         = 256
	maxResponseHeader   = 256 << 10
	copyBufferSize      = 32 << 10
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

// transportOptions are what transports have in common.
type transportOptions struct {
	direct bool // HTTP/1.1 without TLS is spoken by [http1.Transport]
	now    func() time.Time
	logger *slog.Logger
}

// newTransport makes the transport for one upstream. Files that can't be used come
// as a [*certificate.Error], settings that contradict each other as another error.
//
// It never looks at HTTP_PROXY: a sidecar's traffic, with credentials in it, goes
// where it was told to.
func newTransport(up routes.Upstream, opts transportOptions) (transport, error) {
	target, err := url.Parse(up.URL)
	if err != nil {
		return nil, err
	}
	protocols, err := up.Protocol.Versions(target.Scheme == "https")
	if err != nil {
		return nil, err
	}
	connect, wait := up.ConnectTimeout, up.ResponseTimeout
	if opts.direct && target.Scheme != "https" && protocols.HTTP1() {
		return directTransport(target, connect, wait, opts.now), nil
	}
	t := standardTransport(target, connect, wait)
	t.Protocols = protocols
	if target.Scheme == "https" {
		if t.TLSClientConfig, err = clientTLS(up, opts); err != nil {
			return nil, err
		}
	}
	if !protocols.HTTP1() {
		return newSwitching(t), nil
	}
	return t, nil
}

// switching sends WebSockets over HTTP/1.1 to an upstream that is spoken to in
// HTTP/2: few servers know how to switch a stream (RFC 8441), and those that speak
// WebSocket know the old way.
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

// CloseIdleConnections closes those of both.
func (s *switching) CloseIdleConnections() {
	s.Transport.CloseIdleConnections()
	s.webSockets.CloseIdleConnections()
}

// directTransport is for HTTP/1.1 without TLS, which most sidecars speak to their
// application: no goroutine stands between a request and its connection.
func directTransport(target *url.URL, connect, wait time.Duration, now func() time.Time) transport {
	address, dial := target.Host, dialer(target, connect)
	if target.Port() == "" {
		address = net.JoinHostPort(target.Hostname(), "80")
	}
	return http1.New(http1.Options{
		Dial:                   func(ctx context.Context) (net.Conn, error) { return dial(ctx, "tcp", address) },
		MaxIdle:                idlePerHost,
		IdleTimeout:            idleTimeout,
		ResponseHeaderTimeout:  wait,
		ExpectContinueTimeout:  continueTimeout,
		MaxResponseHeaderBytes: maxResponseHeader,
		Now:                    now,
	})
}

func standardTransport(target *url.URL, connect, wait time.Duration) *http.Transport {
	return &http.Transport{
		DialContext:            dialer(target, connect),
		TLSHandshakeTimeout:    connect,
		ForceAttemptHTTP2:      target.Scheme == "https",
		MaxIdleConns:           2 * idlePerHost,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleTimeout,
		ResponseHeaderTimeout:  wait,
		ExpectContinueTimeout:  continueTimeout,
		MaxResponseHeaderBytes: maxResponseHeader,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		DisableCompression:     true, // bodies pass as they are
	}
}

// dialer connects to the target, whatever address a transport makes of it: that of
// a unix socket has no host.
func dialer(target *url.URL, timeout time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	d := &net.Dialer{Timeout: timeout, KeepAlive: keepAlive}
	if target.Scheme != "unix" {
		return d.DialContext
	}
	path := target.Path
	return func(ctx context.Context, _, _ string) (net.Conn, error) { return d.DialContext(ctx, "unix", path) }
}

// clientTLS trusts the upstream's own authorities in place of the system's, where
// there are some, and shows a client certificate where there is one.
func clientTLS(up routes.Upstream, opts transportOptions) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: up.ServerName}
	if up.CAFile != "" {
		pool, err := certificate.Authorities(up.CAFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = pool
	}
	if up.CertificateFile != "" || up.KeyFile != "" {
		pair, err := certificate.Load(certificate.Options{
			CertificateFile: up.CertificateFile, KeyFile: up.KeyFile, Now: opts.now, Logger: opts.logger,
		})
		if err != nil {
			return nil, err
		}
		config.GetClientCertificate = pair.GetClientCertificate
	}
	return config, nil
}

// bufferPool lends buffers for bodies.
type bufferPool struct{ pool sync.Pool }

func (b *bufferPool) get() *[copyBufferSize]byte {
	if buffer, ok := b.pool.Get().(*[copyBufferSize]byte); ok {
		return buffer
	}
	return new([copyBufferSize]byte)
}

func (b *bufferPool) put(buffer *[copyBufferSize]byte) { b.pool.Put(buffer) }
