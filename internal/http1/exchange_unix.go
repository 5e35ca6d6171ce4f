//go:build unix

package http1

import (
	"io"
	"net"
	"os"
	"syscall"
)

// rawConn gives access to the descriptor of a plain TCP or unix socket. Other
// connections, TLS for one, have layers that reading past them would break.
func rawConn(nc net.Conn) syscall.RawConn {
	var sc syscall.Conn
	switch nc := nc.(type) {
	case *net.TCPConn:
		sc = nc
	case *net.UnixConn:
		sc = nc
	default:
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil // closed already; the first write tells
	}
	return raw
}

// readFD reads without waiting; again says that there is nothing now.
func readFD(fd uintptr, p []byte) (n int, again bool, err error) {
	for {
		n, err = syscall.Read(int(fd), p)
		switch err {
		case nil:
			if n == 0 {
				return 0, false, io.EOF
			}
			return n, false, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, true, nil
		default:
			return 0, false, os.NewSyscallError("read", err)
		}
	}
}

// writeFD writes without waiting; again says that there is no room now.
func writeFD(fd uintptr, p []byte) (n int, again bool, err error) {
	for {
		n, err = syscall.Write(int(fd), p)
		switch err {
		case nil:
			return n, false, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, true, nil
		default:
			return 0, false, os.NewSyscallError("write", err)
		}
	}
}
