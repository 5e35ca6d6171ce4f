package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// listenAll listens on the addresses of clerkgate, the local Clerk and the app.
func listenAll(ctx context.Context, opts Options) ([]net.Listener, error) {
	var listeners []net.Listener
	for _, place := range []struct{ flag, address string }{
		{"--listen", opts.Listen}, {"--clerk-listen", opts.ClerkListen}, {"", "127.0.0.1:0"},
	} {
		l, err := listen(ctx, place.flag, place.address)
		if err != nil {
			closeAll(listeners)
			return nil, err
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close() // it never served
	}
}

// listen listens on an address. Its error names the flag to change it with.
func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return l, nil
	case flag == "":
		return nil, fmt.Errorf("listen on a free port: %w", err)
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use: choose another address with %s host:port", address, flag)
	default:
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
}

// originOf returns the URL to open. For this machine it uses localhost, where browsers
// accept Secure cookies over plain http.
func originOf(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && (ip.IsLoopback() || ip.IsUnspecified()) {
		address = "localhost:" + port
	}
	return "http://" + address
}
