//go:build linux

package chaos

import (
	"encoding/binary"
	"net"
	"syscall"
	"time"
)

// endAndWait ends connections, and returns when the other sides' systems have heard
// of it: on a busy machine that may be later than what is sent next to them.
func endAndWait(conns []*net.TCPConn) {
	for _, c := range conns {
		_ = c.CloseWrite()
	}
	for _, c := range conns {
		for onItsWay(c) {
			time.Sleep(time.Millisecond)
		}
		_ = c.Close()
	}
}

// onItsWay says whether the other side has yet to acknowledge the end.
func onItsWay(c *net.TCPConn) (yes bool) {
	const finWait1 = 4 // TCP_FIN_WAIT1 of the system's netinet/tcp.h
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	_ = raw.Control(func(fd uintptr) {
		// The state is the first byte of a tcp_info, of which an int takes four.
		info, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_INFO)
		yes = err == nil && binary.NativeEndian.AppendUint32(nil, uint32(info))[0] == finWait1
	})
	return yes
}
