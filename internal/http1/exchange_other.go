//go:build !unix

package http1

import (
	"errors"
	"net"
	"syscall"
)

// rawConn returns nil: here idle connections cannot be probed without waiting, and
// so none is kept.
func rawConn(net.Conn) syscall.RawConn { return nil }

func readFD(uintptr, []byte) (int, bool, error)  { return 0, false, errors.ErrUnsupported }
func writeFD(uintptr, []byte) (int, bool, error) { return 0, false, errors.ErrUnsupported }
