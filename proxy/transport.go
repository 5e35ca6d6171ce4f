package proxy

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Limits of connections to the upstream and to the Frontend API.
const (
	dialTimeout         = 10 * time.Second
	keepAlive           = 30 * time.Second
	tlsTimeout          = 10 * time.Second
	continueTimeout     = time.Second
	idleTimeout         = 90 * time.Second
	idlePerHost         = 256
	maxResponseHeader   = 256 << 10
	defaultUpstreamWait = 60 * time.Second
	copyBufferSize      = 32 << 10
)

// newTransport makes a transport for one target. It never looks at HTTP_PROXY: a
// sidecar's traffic, with the secret key in it, goes where it was told to.
func newTransport(target *url.URL, wait time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlive}
	dial := dialer.DialContext
	if target.Scheme == "unix" {
		path := target.Path
		dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", path)
		}
	}
	return &http.Transport{
		DialContext:            dial,
		TLSHandshakeTimeout:    tlsTimeout,
		ForceAttemptHTTP2:      target.Scheme == "https",
		MaxIdleConns:           2 * idlePerHost,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleTimeout,
		ResponseHeaderTimeout:  wait,
		ExpectContinueTimeout:  continueTimeout,
		MaxResponseHeaderBytes: maxResponseHeader,
		DisableCompression:     true, // bodies pass as they are
	}
}

// bufferPool lends copy buffers to the reverse proxies.
type bufferPool struct{ pool sync.Pool }

func (b *bufferPool) Get() []byte {
	if buf, ok := b.pool.Get().(*[]byte); ok {
		return *buf
	}
	return make([]byte, copyBufferSize)
}

func (b *bufferPool) Put(buf []byte) { b.pool.Put(&buf) }
