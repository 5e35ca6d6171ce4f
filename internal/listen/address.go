// Package listen opens the listeners of a server: TCP addresses, Unix sockets, and
// sockets that systemd has opened for it.
package listen

import (
	"errors"
	"io/fs"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// Forms lists the forms of an address, for messages.
const Forms = "host:port, :port, unix:/path/to.sock, unix:/path/to.sock?mode=0660, systemd or systemd:name"

// maxPath is how long the path of a Unix socket may be on Linux (unix(7)).
const maxPath = 107

var errForm = errors.New("expected " + Forms)

// Address is one place to listen at. One of TCP, Path and Inherited is set.
type Address struct {
	// TCP is a host, which may be empty, and a port.
	TCP string
	// Path is a Unix socket.
	Path string
	// Mode holds the permissions of Path; 0 leaves them to the umask.
	Mode fs.FileMode
	// Inherited stands for sockets that systemd has opened (sd_listen_fds(3)).
	Inherited bool
	// Name is the name of an inherited socket (FileDescriptorName= in the socket unit); ""
	// means all that are left.
	Name string
}

// Parse reads an address in one of the [Forms].
func Parse(text string) (Address, error) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		return parseUnix(path)
	}
	if text == "systemd" {
		return Address{Inherited: true}, nil
	}
	if name, ok := strings.CutPrefix(text, "systemd:"); ok && name != "" && !isPort(name) {
		return Address{Inherited: true, Name: name}, nil
	}
	_, port, err := net.SplitHostPort(text)
	if err != nil || !isPort(port) {
		return Address{}, errForm
	}
	return Address{TCP: text}, nil
}

func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 0 && n <= 65535
}

func parseUnix(text string) (Address, error) {
	path, query, asked := strings.Cut(text, "?")
	if !filepath.IsAbs(path) || len(path) > maxPath || strings.ContainsRune(path, 0) {
		return Address{}, errForm
	}
	a := Address{Path: filepath.Clean(path)}
	if !asked {
		return a, nil
	}
	values, err := url.ParseQuery(query)
	if err != nil || len(values) != 1 || len(values["mode"]) != 1 {
		return Address{}, errForm
	}
	mode, err := strconv.ParseUint(values.Get("mode"), 8, 32)
	if err != nil || mode == 0 || mode > 0o777 {
		return Address{}, errForm
	}
	a.Mode = fs.FileMode(mode)
	return a, nil
}
