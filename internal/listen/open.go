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

// Inherited are the sockets that systemd has opened, by their names. What is opened is
// taken from it.
type Inherited map[string][]net.Listener

// Open opens the addresses, or none of them. Where there are several, an IP address
// stands for its own family alone, so that 0.0.0.0:80 and [::]:80 can be side by side;
// a single [::]:80 takes IPv4 as well, where the system allows that.
//
// Connections over a Unix socket have 127.0.0.1 as their remote address: who may connect
// is on this machine.
func Open(ctx context.Context, addresses []string, inherited Inherited) ([]net.Listener, error) {
	var all []net.Listener
	for _, text := range addresses {
		opened, err := open(ctx, text, len(addresses) > 1, inherited)
		if err != nil {
			for _, l := range all {
				_ = l.Close() // nobody has used it
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

// take takes the sockets of a name, or all.
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
		return nil, fmt.Errorf("systemd passed no socket called %q that is left: set FileDescriptorName=%s in the .socket unit", name, name)
	default:
		return nil, errors.New("systemd passed no socket that is left: start the .socket unit, not the .service alone")
	}
}

// openUnix takes the place of a socket that a process has left behind which is no more.
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
	// Until here the umask decided, which lets nobody else connect unless it was changed.
	if err := os.Chmod(at.Path, at.Mode); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// abandoned says that a path is a socket that nobody listens at.
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

// local is a listener on a Unix socket.
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
