// Package reach finds out whether a server accepts connections.
package reach

import (
	"context"
	"net"
	"net/url"
	"time"
)

// Timeout bounds one attempt to connect, and pollEvery is how often [Poll] makes one.
const (
	Timeout   = time.Second
	pollEvery = 50 * time.Millisecond
)

// Address is where a server listens, as for [net.Dial].
type Address struct{ Network, Address string }

// AddressOf returns where the server of an http, https or unix URL listens.
func AddressOf(target *url.URL) Address {
	port := target.Port()
	switch {
	case target.Scheme == "unix":
		return Address{"unix", target.Path}
	case port != "":
	case target.Scheme == "https":
		port = "443"
	default:
		port = "80"
	}
	return Address{"tcp", net.JoinHostPort(target.Hostname(), port)}
}

// Accepts reports whether something accepts a connection at a within [Timeout]. It closes
// the connection without sending anything.
func (a Address) Accepts(ctx context.Context) bool {
	conn, err := (&net.Dialer{Timeout: Timeout}).DialContext(ctx, a.Network, a.Address)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}

// Poll calls try at once, and then every 50 ms, until it returns true. If ctx ends first,
// the error is its cause.
func Poll(ctx context.Context, try func() bool) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for !try() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
	return nil
}
