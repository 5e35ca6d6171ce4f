package listen

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
)

// Inherited holds the sockets that systemd has opened, by their names. [Open] removes
// those that it returns.
type Inherited map[string][]net.Listener

// Open opens all addresses, or none. If there are several, an IP address stands for its
// own family only, so that 0.0.0.0:80 and [::]:80 can be used together; a single [::]:80
// accepts IPv4 as well if the system allows it.
//
// Connections over a Unix socket have the remote address 127.0.0.1, because their peers
// are on this machine.
func Open(ctx context.Context, addresses []string, inherited Inherited) ([]net.Listener, error) {
	var all []net.Listener
	for _, text := range addresses {
		opened, err := open(ctx, text, len(addresses) > 1, inherited)
		if err != nil {
			for _, l := range all {
				_ = l.Close() // it is unused
			}
			return nil, err
		}
		all = append(all, opened...)
	}
	for i, l := range all {
		if l.Addr().Network() == "unix" {
			all[i] = local{l}
		}
	}
	return all, nil
}

func open(ctx context.Context, text string, strict bool, inherited Inherited) ([]net.Listener, error) {
	at, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", text, err)
	}
	var l net.Listener
	switch {
	case at.Inherited:
		return inherited.take(at.Name)
	case at.Path != "":
		l, err = openUnix(ctx, at)
	default:
		var config net.ListenConfig
		l, err = config.Listen(ctx, network(at.TCP, strict), at.TCP)
	}
	if err != nil {
		return nil, err
	}
	return []net.Listener{l}, nil
}

func network(hostPort string, strict bool) string {
	host, _, _ := net.SplitHostPort(hostPort)
	addr, err := netip.ParseAddr(host)
	switch {
	case err != nil || !strict:
		return "tcp"
	case addr.Is4():
		return "tcp4"
	default:
		return "tcp6"
	}
}

// take removes and returns the sockets of a name, or all for "".
func (in Inherited) take(name string) (taken []net.Listener, err error) {
	if name == "" {
		for _, name := range slices.Sorted(maps.Keys(in)) {
			taken = append(taken, in[name]...)
		}
		clear(in)
	} else {
		taken = in[name]
		delete(in, name)
	}
	switch {
	case len(taken) > 0:
		return taken, nil
	case name != "":
		return nil, fmt.Errorf("systemd passed no socket named %q, or it is already in use: set FileDescriptorName=%s in the .socket unit", name, name)
	default:
		return nil, errors.New("systemd passed no socket, or all are already in use: start the .socket unit, not only the .service")
	}
}

// openUnix opens a Unix socket. It replaces a socket that a process left behind when it
// was killed.
func openUnix(ctx context.Context, at Address) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "unix", at.Path)
	if errors.Is(err, syscall.EADDRINUSE) && abandoned(ctx, at.Path) {
		if err := os.Remove(at.Path); err != nil {
			return nil, err
		}
		l, err = config.Listen(ctx, "unix", at.Path)
	}
	if err != nil || at.Mode == 0 {
		return l, err
	}
	// Until here the permissions are those of the umask, which usually excludes other users.
	if err := os.Chmod(at.Path, at.Mode); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// abandoned reports whether a path is a socket on which nothing listens.
func abandoned(ctx context.Context, path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != os.ModeSocket {
		return false
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err == nil {
		_ = conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}

// local is a listener on a Unix socket whose peers have the address 127.0.0.1.
type local struct{ net.Listener }

func (l local) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if unix, ok := conn.(*net.UnixConn); ok && err == nil {
		return localConn{unix}, nil
	}
	return conn, err
}

type localConn struct{ *net.UnixConn }

func (localConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
